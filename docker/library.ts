/**
 * `npm run pack:library`: what `npm pack` in bgp/ runs before and after it, where it may run scripts. Here the package is its TypeScript, which Node runs as it stands; what others
 * install is JavaScript with declarations, since Node runs no TypeScript in `node_modules`. So the manifest is another one while npm
 * packs: `node docker/library.ts prepare` builds and exchanges it, `restore` puts it back.
 */

import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const library = join(root, 'bgp')
const built = join(library, 'dist')
const manifestPath = join(library, 'package.json')
/** The manifest of this tree, while the other one is in its place. */
const keptPath = join(built, 'workspace.json')
const licencePath = join(library, 'LICENSE')

interface Manifest {
  readonly version: string
  readonly [field: string]: unknown
}

function prepare(): void {
  // A pack that was interrupted has left the other manifest behind.
  restore()
  rmSync(built, { recursive: true, force: true })
  execFileSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(library, 'tsconfig.build.json')],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  )
  mkdirSync(built, { recursive: true })
  cpSync(manifestPath, keptPath)
  cpSync(join(root, 'LICENSE'), licencePath)
  const { scripts: _scripts, ...manifest } = JSON.parse(readFileSync(manifestPath, 'utf8')) as Manifest
  const published = {
    ...manifest,
    exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' }, './package.json': './package.json' },
    types: './dist/index.d.ts',
    files: ['dist', '!dist/workspace.json'],
  }
  writeFileSync(manifestPath, `${JSON.stringify(published, undefined, 2)}\n`)
}

function restore(): void {
  if (!existsSync(keptPath)) return
  cpSync(keptPath, manifestPath)
  rmSync(licencePath, { force: true })
  rmSync(built, { recursive: true })
}

const steps: Readonly<Record<string, () => void>> = { prepare, restore }
const step = steps[process.argv[2] ?? '']
if (!step) throw new Error(`node docker/library.ts ${Object.keys(steps).join('|')}`)
step()
