/** A project that depends on the packed library and nothing else: what it can import, type and run is what a user gets. */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

export interface Outcome {
  readonly status: number | null
  readonly output: string
}

function run(folder: string, program: string, words: readonly string[]): Outcome {
  // Nothing of the npm that may have started this, and no network.
  const environment = { PATH: process.env['PATH'] ?? '', HOME: folder, npm_config_offline: 'true' }
  const { status, stdout, stderr } = spawnSync(program, words, { cwd: folder, env: environment, encoding: 'utf8' })
  return { status, output: `${stdout}${stderr}` }
}

/** What was not as it should be, with all that was printed. */
function mustRun(folder: string, program: string, words: readonly string[]): string {
  const { status, output } = run(folder, program, words)
  if (status !== 0) throw new Error(`${program} ${words.join(' ')} ended with ${status}:\n${output}`)
  return output
}

export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'bgp-ts-'))
  /** Paths in the tarball. */
  readonly files: readonly string[]
  /** What the packing left in the tree that it packed. */
  readonly leftBehind: string

  /** Packs a copy of the tree, so that a manifest which is exchanged is nobody else's, and installs the tarball. */
  constructor() {
    const tree = join(this.folder, 'tree')
    for (const path of ['bgp', 'docker', 'LICENSE', 'package.json', 'package-lock.json', '.npmrc', 'tsconfig.json'])
      cpSync(join(root, path), join(tree, path), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
    mustRun(tree, 'npm', ['run', 'pack:library', '--', '--pack-destination', this.folder])
    this.leftBehind = run(this.folder, 'diff', ['-r', join(root, 'bgp'), join(tree, 'bgp')]).output
    const tarball = 'bgp-ts-0.1.0.tgz'
    this.files = mustRun(this.folder, 'tar', ['-tzf', tarball])
      .trim()
      .split('\n')
      .map((path) => path.replace(/^package\//, ''))
    this.write('package.json', JSON.stringify({ name: 'user', private: true, type: 'module' }))
    mustRun(this.folder, 'npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', `./${tarball}`])
  }

  write(name: string, content: string | Uint8Array): void {
    mkdirSync(this.folder, { recursive: true })
    writeFileSync(join(this.folder, name), content)
  }

  node(name: string): Outcome {
    return run(this.folder, process.execPath, [name])
  }

  /** Checks files with the compiler, declarations of the library included. `types` are packages of declarations. */
  tsc(names: readonly string[], types: readonly string[] = []): Outcome {
    const options = {
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      target: 'es2023',
      lib: ['es2023'],
      module: 'nodenext',
      types,
      typeRoots: [join(root, 'node_modules/@types')],
    }
    this.write('tsconfig.json', JSON.stringify({ compilerOptions: options, files: names }))
    return run(this.folder, process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'])
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
