/** What this tree takes from others: which packages, pinned by their digests, and what of them the image has. */

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { buildSync } from 'esbuild'
import { sbom } from '../../docker/sbom.ts'
import { verdict } from '../audit.ts'

const root = join(import.meta.dirname, '../..')

interface Locked {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly dev?: boolean
  readonly hasInstallScript?: boolean
}

const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  readonly lockfileVersion: number
  readonly packages: Readonly<Record<string, Locked>>
}
const locked = Object.entries(lock.packages).filter(([path]) => path.startsWith('node_modules/'))

describe('the supply chain', () => {
  it('is pinned: a digest for every package', () => {
    const loose = locked.filter(([, one]) => !one.link && !/^sha512-[\w+/]{86}==$/.test(one.integrity ?? ''))
    expect(loose.map(([path]) => path)).to.deep.equal([])
  })

  it('comes from a registry, each package in one version: not from git, a URL or a file', () => {
    for (const [path, { link, resolved = '', version = '' }] of locked) {
      if (link) expect([path, resolved]).to.deep.equal(['node_modules/bgp-ts', 'bgp'])
      else
        expect([resolved, version], path).to.satisfy(() => resolved === '' && /^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    }
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
      readFileSync(join(root, 'package.json'), 'utf8'),
    ) as Record<string, Record<string, string>>
    for (const wanted of [dependencies, devDependencies, optionalDependencies])
      for (const [name, range] of Object.entries(wanted ?? {})) expect(range, name).to.match(/^\d+\.\d+\.\d+$/)
  })

  it('runs no code when it is installed: the two packages that would need not', () => {
    const scripted = locked.filter(([, one]) => one.hasInstallScript).map(([path]) => path)
    expect(scripted).to.have.members(['node_modules/esbuild', 'node_modules/koffi'])
    expect(readFileSync(join(root, '.npmrc'), 'utf8')).to.match(/^ignore-scripts=true$/m)
    const installs = readFileSync(join(root, 'docker/Dockerfile'), 'utf8').match(/npm (ci|install|i)\b.*/g)
    expect(installs).to.not.equal(null)
    for (const line of installs ?? []) expect(line).to.match(/^npm ci .*--ignore-scripts/)
  })
})

describe('the supply chain in the image', () => {
  interface Bill {
    readonly bomFormat: string
    readonly specVersion: string
    readonly components: readonly {
      readonly type: string
      readonly name: string
      readonly version: string
      readonly licenses?: readonly { readonly expression: string }[]
      readonly hashes?: readonly { readonly content: string }[]
    }[]
  }
  let folder: string
  let text: string
  let list: Bill

  before(function () {
    this.timeout(60_000)
    folder = mkdtempSync(join(tmpdir(), 'tandem-sbom-'))
    execFileSync(process.execPath, [join(root, 'docker/bundle.ts'), join(folder, 'tandem.cjs')], { cwd: folder })
    text = readFileSync(join(folder, 'sbom.json'), 'utf8')
    list = JSON.parse(text) as Bill
  })

  after(() => rmSync(folder, { recursive: true }))

  const libraries = () => list.components.filter(({ type }) => type === 'library')

  it('is CycloneDX, and names nothing twice', () => {
    expect([list.bomFormat, list.specVersion]).to.deep.equal(['CycloneDX', '1.5'])
    const references = list.components.map((one) => `${one.name} ${one.version}`)
    expect(new Set(references).size).to.equal(references.length)
  })

  it('names exactly the packages of which code is in the bundles or beside them', function () {
    this.timeout(60_000)
    // A bundle that is not minified says above each part from which file it is.
    const { outputFiles } = buildSync({
      absWorkingDir: root,
      entryPoints: ['daemon/main.ts', 'speaker/bfd/worker.ts'],
      outdir: folder,
      write: false,
      bundle: true,
      external: ['supports-color'],
      platform: 'node',
      target: 'node24',
      format: 'cjs',
      logLevel: 'silent',
    })
    const bundled = outputFiles
      .flatMap(({ text: code }) => [...code.matchAll(/^ *\/\/ node_modules\/((?:@[^/\s]+\/)?[^/\s]+)\//gm)])
      .map(([, name]) => name)
    const beside = readdirSync(join(folder, 'node_modules')).flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(folder, 'node_modules', name)).map((one) => `${name}/${one}`) : [name],
    )
    expect(libraries().map(({ name }) => name)).to.have.members([...new Set([...bundled, ...beside])])
  })

  it('has versions and digests of the lock file, licences, and no package of the tools', () => {
    for (const { name, version, licenses, hashes } of libraries()) {
      const one = lock.packages[`node_modules/${name}`]
      expect(version, name).to.equal(one?.version)
      expect(one?.dev, name).to.equal(undefined)
      expect(licenses?.[0]?.expression, name).to.match(/^[\w.-]+$/)
      const digest = Buffer.from(one?.integrity?.replace('sha512-', '') ?? '', 'base64').toString('hex')
      expect(hashes?.[0]?.content ?? '', name).to.equal(digest)
    }
  })

  it('names the Node that made it', () => {
    const nodes = list.components.filter(({ type }) => type === 'platform')
    expect(nodes.map(({ name, version }) => `${name} v${version}`)).to.deep.equal([`node ${process.version}`])
  })

  it('is the same for the same files, in whatever order', () => {
    const files = libraries().map(({ name }) => `node_modules/${name}/index.js`)
    expect(sbom(root, [...files].reverse(), process.version)).to.equal(text)
    expect(sbom(root, [...files, ...files, 'bgp/index.ts', 'daemon/main.ts'], process.version)).to.equal(text)
  })

  it('is in the image', () => {
    const dockerfile = readFileSync(join(root, 'docker/Dockerfile'), 'utf8')
    expect(dockerfile).to.include('RUN node docker/bundle.ts /app/tandem.cjs')
    expect(dockerfile).to.match(/^COPY docker\/bundle\.ts docker\/sbom\.ts docker\/$/m)
    expect(existsSync(join(folder, 'sbom.json'))).to.equal(true)
  })
})

describe('what npm says of weaknesses and signatures', () => {
  const rows: readonly [title: string, json: string, outcome: string][] = [
    ['none', '{"auditReportVersion":2,"vulnerabilities":{}}', 'clean'],
    [
      'one',
      '{"auditReportVersion":2,"vulnerabilities":{"x":{"name":"x","severity":"high","range":"<2"}}}',
      'not clean (x <2: high)',
    ],
    ['good signatures', '{"invalid":[],"missing":[]}', 'clean'],
    ['a bad signature', '{"invalid":[{"name":"x","version":"1.0.0"}],"missing":[]}', 'not clean (x 1.0.0)'],
    ['a refusal', '{"message":"405 Method Not Allowed"}', 'not checked (405 Method Not Allowed)'],
    ['no network', '{"error":{"code":"ENOTFOUND","summary":""}}', 'not checked ()'],
    ['nothing', '', 'not checked (npm gave no answer)'],
  ]
  for (const [title, json, wanted] of rows)
    it(`is told apart: ${title}`, () => {
      const { outcome, text } = verdict(json)
      expect(text || outcome === 'not checked' ? `${outcome} (${text})` : outcome).to.equal(wanted)
    })
})
