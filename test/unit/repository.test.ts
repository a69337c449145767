import { existsSync, readdirSync, readFileSync } from 'node:fs'
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

/** Whether a version is the one that is asked for, or of the major version that a caret asks for. */
function isIn(version: string | undefined, range: string): boolean {
  if (version === undefined) return false
  return range.startsWith('^') ? version.split('.')[0] === range.slice(1).split('.')[0] : version === range
}

const root = join(import.meta.dirname, '../..')
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock

describe('the lock file', () => {
  it('has an entry for every platform of every optional package: npm ci refuses a lock without', () => {
    const missing = Object.values(lock.packages).flatMap(({ optionalDependencies = {} }) =>
      Object.entries(optionalDependencies)
        .filter(([name, range]) => !isIn(lock.packages[`node_modules/${name}`]?.version, range))
        .map(([name]) => name),
    )
    expect(missing).to.deep.equal([])
  })

  it('names no registry', () => {
    const named = Object.values(lock.packages).flatMap(({ resolved }) => (resolved?.includes('://') ? [resolved] : []))
    expect(named).to.deep.equal([])
  })
})

describe('SECURITY.md', () => {
  const text = readFileSync(join(root, 'SECURITY.md'), 'utf8')

  it('names files, scripts and tests that there are', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }
    for (const [, path] of text.matchAll(/\]\(([^)#:]+)\)/g)) expect(existsSync(join(root, path!)), path).to.equal(true)
    for (const [, name] of text.matchAll(/`npm run ([\w:]+)/g)) expect(scripts, name).to.have.property(name!)
    const tests = readdirSync(join(root, 'test/unit'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => readFileSync(join(root, 'test/unit', name), 'utf8'))
    const titles = [...text.matchAll(/`npx mocha -g "([^"]+)"/g)].map(([, title]) => title!)
    expect(titles).to.not.deep.equal([])
    for (const title of titles)
      expect(
        tests.some((one) => new RegExp(`(?:describe|it)\\(['\`][^'\`\n]*${title}`).test(one)),
        title,
      ).to.equal(true)
  })
})
