import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect } from 'chai'
import { citationsOf } from '../conformance/citations.ts'
import { conformancePage, gaps } from '../conformance/page.ts'
import { attributeRows, sections } from '../conformance/rows.ts'

const script = join(import.meta.dirname, '../conformance.ts')
const rows = sections.flatMap((section) => section.rows)

describe('the conformance page', () => {
  it('is what the rows and the titles of all tests say, and every row has a test or a reason', function () {
    this.timeout(60_000)
    // In a process of its own: here only the files of this run are loaded.
    const check = () => execFileSync(process.execPath, [script, '--check'], { encoding: 'utf8', stdio: 'pipe' })
    try {
      check()
    } catch (error) {
      expect.fail(error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error))
    }
  })

  it('has each row once, in order', () => {
    for (const { letter, rows: own } of sections) {
      expect(own.map(({ id }) => id)).to.deep.equal(own.map((_, index) => `${letter}${index + 1}`))
    }
    expect(new Set(attributeRows.map(({ type }) => type)).size).to.equal(attributeRows.length)
  })

  it('reads one row, several, or an attribute off the beginning of a title, and nothing elsewhere', () => {
    const ids = (title: string) => citationsOf(title, 'x').map(({ id }) => id)
    expect(ids('A1 ends the session')).to.deep.equal(['A1'])
    expect(ids('A1 B12 end the session')).to.deep.equal(['A1', 'B12'])
    expect(ids('C/14 flags of MP_REACH_NLRI')).to.deep.equal(['C/14'])
    for (const title of ['ends A1', 'A1', 'K9 barks', 'BGP4 is', '/24 A1 ']) expect(ids(title), title).to.deep.equal([])
    expect(citationsOf('A1 B12 end the session', 'x')[1]).to.deep.equal({
      id: 'B12',
      title: 'end the session',
      file: 'x',
    })
  })

  it('misses a row without a test, one that there is not, and a reason that a test has overtaken', () => {
    const leftOut = rows.find((row) => row.leftOut)!
    const cited = rows.filter((row) => !row.leftOut).map(({ id }) => ({ id, title: '', file: 'x' }))
    const cells = attributeRows.flatMap(({ type }) =>
      ['flags', 'length', 'value', 'external'].map((cell) => ({ id: `C/${type}`, title: `${cell} x`, file: 'x' })),
    )
    expect(gaps(sections, [...cited, ...cells])).to.deep.equal([])
    const wrong = [
      ...cited.slice(1),
      ...cells.slice(1),
      { id: 'A99', title: '', file: 'x' },
      { id: leftOut.id, title: '', file: 'x' },
    ]
    expect(gaps(sections, wrong)).to.deep.equal([
      'A1: no test',
      `${leftOut.id}: left out, but has a test`,
      'A99: no such row, x',
      'C/1 flags: no test',
    ])
  })

  it('lists tests that differ in the family or in the transport alone as one', () => {
    const file = 'test/unit/bgp/framer.test.ts'
    const titles = ['a (ipv4-unicast)', 'a (ipv6-unicast)', 'b over IPv4', 'b over IPv4', 'b over IPv6', 'c over IPv6']
    const page = conformancePage(
      sections,
      titles.map((title) => ({ id: 'A1', title, file })),
    )
    expect(page.split('\n').filter((line) => line.startsWith('  - '))).to.deep.equal([
      '  - `bgp/framer` a (each family) (2 times)',
      '  - `bgp/framer` b over each IP version (3 times)',
      '  - `bgp/framer` c over IPv6',
    ])
  })

  it('says of each row what tests it, why nothing does, or that it is not built yet', () => {
    const page = conformancePage(sections, [{ id: 'A1', title: 'a | b', file: 'test/unit/bgp/framer.test.ts' }])
    expect(page).to.include('| [bgp/framer](../test/unit/bgp/framer.test.ts) (1) |')
    expect(page).to.include('a \\| b')
    expect(page).to.include('| not yet |')
    expect(page).to.include('left out: no capability is required')
  })
})
