/** What the daemon is made of: pinned, checked by its hashes, and listed in the image as it is. */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'

const root = join(import.meta.dirname, '../..')
const read = <Value>(name: string) => JSON.parse(readFileSync(join(root, name), 'utf8')) as Value

interface Package {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly hasInstallScript?: boolean
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly optionalDependencies: Readonly<Record<string, string>>
}

interface Sbom {
  readonly components: readonly {
    readonly name: string
    readonly version: string
    readonly licenses: readonly object[]
    readonly hashes: readonly object[]
  }[]
}

describe('the supply chain', () => {
  const { packages } = read<{ packages: Readonly<Record<string, Package>> }>('package-lock.json')
  const installed = Object.entries(packages).filter(([path, { link }]) => path.startsWith('node_modules/') && !link)

  it('has a hash for every package, and none from elsewhere than a registry', () => {
    expect(installed.filter(([, { integrity = '' }]) => !integrity.startsWith('sha512-'))).to.deep.equal([])
    expect(installed.filter(([, { resolved = '' }]) => /^(git|file|http:)/.test(resolved))).to.deep.equal([])
  })

  it('names exact versions alone', () => {
    const { dependencies, devDependencies, optionalDependencies } = read<Manifest>('package.json')
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
      expect(version, name).to.match(/^\d+\.\d+\.\d+$/)
    }
  })

  it('runs no script of a package but those that are known; the image runs none', () => {
    const scripted = installed.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path)
    expect(scripted.sort()).to.deep.equal(['node_modules/esbuild', 'node_modules/koffi'])
    expect(readFileSync(join(root, 'docker/Dockerfile'), 'utf8')).to.match(/npm ci --ignore-scripts/)
  })

  it('is listed beside the bundle: each package that is in it, with version, licence and hash, the same every time', function () {
    this.timeout(30_000)
    const folder = mkdtempSync(join(tmpdir(), 'tandem-sbom-'))
    try {
      const made = () => {
        execFileSync(process.execPath, [join(root, 'docker/bundle.ts'), join(folder, 'tandem.cjs')])
        return readFileSync(join(folder, 'sbom.json'), 'utf8')
      }
      const text = made()
      expect(made()).to.equal(text)
      const { components } = JSON.parse(text) as Sbom
      const { dependencies } = read<Manifest>('package.json')
      const own = Object.keys(dependencies).filter((name) => name !== 'bgp-ts')
      expect(components.map(({ name }) => name)).to.include.members(own)
      for (const { name, version, licenses, hashes } of components) {
        const [, locked] = installed.find(([path]) => path === `node_modules/${name}`) ?? []
        expect(version, name).to.equal(locked?.version)
        expect([licenses.length, hashes.length], name).to.deep.equal([1, 1])
      }
      const development = Object.keys(read<Manifest>('package.json').devDependencies)
      expect(components.map(({ name }) => name)).to.not.include.members(development)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
