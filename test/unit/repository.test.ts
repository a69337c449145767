import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'

interface Lock {
  readonly packages: Readonly<
    Record<
      string,
      {
        readonly version?: string
        readonly resolved?: string
        readonly optionalDependencies?: Readonly<Record<string, string>>
      }
    >
  >
}

const root = join(import.meta.dirname, '../..')
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock

describe('the lock file', () => {
  it('has an entry for every platform of every optional package: npm ci refuses a lock without', () => {
    const missing = Object.values(lock.packages).flatMap(({ optionalDependencies = {} }) =>
      Object.entries(optionalDependencies)
        .filter(([name, version]) => lock.packages[`node_modules/${name}`]?.version !== version)
        .map(([name]) => name),
    )
    expect(missing).to.deep.equal([])
  })

  it('names no registry', () => {
    const named = Object.values(lock.packages).flatMap(({ resolved }) => (resolved?.includes('://') ? [resolved] : []))
    expect(named).to.deep.equal([])
  })
})
