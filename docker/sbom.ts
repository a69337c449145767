/**
 * What the image is made of beside its Debian base, as a CycloneDX document: each package of which code is in the bundles or beside them, made from
 * what the bundler really took in, not from what is installed; and Node.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

interface LockFile {
  readonly version: string
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly integrity?: string }>>
}

interface Component {
  readonly type: 'library'
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly licenses: readonly object[]
  readonly hashes: readonly object[]
}

/** `files` are paths below `root`, as the bundler names them; `node` is as `process.version` has it. The same files give the same text. */
export function sbom(root: string, files: readonly string[], node: string): string {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as LockFile
  const folders = new Set(files.flatMap((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []))
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { type: 'application', name: 'tandem', version: lock.version } },
    components: [
      ...[...folders].sort().map((folder) => component(root, folder, lock)),
      { type: 'platform', name: 'node', version: node.replace(/^v/, '') },
    ],
  }
  return `${JSON.stringify(document, undefined, 2)}\n`
}

function component(root: string, folder: string, lock: LockFile): Component {
  const name = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length)
  const { version = '', integrity } = lock.packages[folder] ?? {}
  const { license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as { license?: string }
  const [algorithm = '', digest = ''] = integrity?.split('-') ?? []
  return {
    type: 'library',
    name,
    version,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    licenses: license === undefined ? [] : [{ expression: license }],
    hashes: algorithm === 'sha512' ? [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }] : [],
  }
}
