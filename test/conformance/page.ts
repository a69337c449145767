/** `docs/conformance.md` from the rows and the titles that cite them, and what is wrong with the two taken together. */

import type { Citation } from './citations.ts'
import { type AttributeRow, attributeCells, attributeRows, nothingToTest, type Row, type Section } from './rows.ts'

type Cell = (typeof attributeCells)[number]

const attributeId = ({ type }: AttributeRow) => `C/${type}`

export function conformancePage(sections: readonly Section[], citations: readonly Citation[]): string {
  const of = (id: string) => citations.filter((one) => one.id === id)
  return [
    '# Conformance',
    '',
    'What a BGP speaker owes its peers, the RFC that says so, and the tests that hold Tandem to it.',
    'Made by `npm run docs:conformance` from `test/conformance/rows.ts` and from the titles of all tests. Do not edit.',
    '',
    'A title begins with the row that it cites: `npm run test:unit -- --grep "A11 "` runs the tests of a row.',
    'Levels are those of RFC 2119; an *own rule* is in no RFC, and was learned from what has gone wrong elsewhere.',
    '',
    ...summary(sections, of),
    ...sections.flatMap((section) => [
      ...sectionPage(section, of),
      ...(section.letter === 'C' ? attributePage(of) : []),
    ]),
  ].join('\n')
}

/** Rows without a test or a reason, tests of rows that there are not, and reasons that a test has overtaken. */
export function gaps(sections: readonly Section[], citations: readonly Citation[]): string[] {
  const rows = sections.flatMap((section) => section.rows)
  const cited = new Set(citations.map(({ id }) => id))
  const known = new Set([...rows.map(({ id }) => id), ...attributeRows.map(attributeId)])
  return [
    ...rows
      .filter(({ id, leftOut, notYet }) => !cited.has(id) && !leftOut && !notYet)
      .map(({ id }) => `${id}: no test`),
    ...rows.filter(({ id, leftOut }) => cited.has(id) && leftOut).map(({ id }) => `${id}: left out, but has a test`),
    ...citations.filter(({ id }) => !known.has(id)).map(({ id, file }) => `${id}: no such row, ${file}`),
    ...attributeRows.flatMap((row) =>
      attributeCells
        .filter((cell) => row[cell] !== nothingToTest && testsOf(citations, row, cell).length === 0)
        .map((cell) => `${attributeId(row)} ${cell}: no test`),
    ),
  ]
}

function summary(sections: readonly Section[], of: (id: string) => readonly Citation[]): string[] {
  const counts = sections.map(({ letter, title, rows }) => ({
    name: `[${letter}. ${title}](#${anchor(`${letter}. ${title}`)})`,
    rows: rows.length,
    tested: rows.filter(({ id }) => of(id).length > 0).length,
    leftOut: rows.filter(({ leftOut }) => leftOut).length,
    notYet: rows.filter(({ id, notYet }) => notYet && of(id).length === 0).length,
    tests: rows.flatMap(({ id }) => of(id)).length,
  }))
  const attributes = attributeRows.flatMap((row) => of(attributeId(row))).length
  const total = (key: 'rows' | 'tested' | 'leftOut' | 'notYet' | 'tests') =>
    counts.reduce((sum, count) => sum + count[key], 0)
  return [
    '| | rows | tested | left out | not yet | tests |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...counts.map(
      (one) => `| ${one.name} | ${one.rows} | ${one.tested} | ${one.leftOut} | ${one.notYet} | ${one.tests} |`,
    ),
    `| [Attributes](#attributes) | ${attributeRows.length} | ${attributeRows.length} | 0 | 0 | ${attributes} |`,
    `| **all** | **${total('rows') + attributeRows.length}** | **${total('tested') + attributeRows.length}** | **${total('leftOut')}** | **${total('notYet')}** | **${total('tests') + attributes}** |`,
    '',
  ]
}

function sectionPage({ letter, title, rows }: Section, of: (id: string) => readonly Citation[]): string[] {
  return [
    `## ${letter}. ${title}`,
    '',
    '| row | RFC | level | behaviour | tests |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map((row) => {
      const { id, source, level, behaviour } = row
      return `| ${id} | ${source} | ${level} | ${escaped(behaviour)} | ${standing(row, of(id))} |`
    }),
    '',
    ...folded(
      `Tests of ${letter}`,
      rows.flatMap(({ id }) => listed(id, of(id))),
    ),
  ]
}

function standing({ leftOut, notYet }: Row, tests: readonly Citation[]): string {
  if (leftOut) return `left out: ${escaped(leftOut)}`
  if (tests.length > 0) return files(tests)
  return notYet ? 'not yet' : 'none'
}

function attributePage(of: (id: string) => readonly Citation[]): string[] {
  const all = attributeRows.flatMap((row) => of(attributeId(row)))
  const cellText = (row: AttributeRow, cell: Cell) => {
    if (row[cell] === nothingToTest) return ''
    return `${escaped(row[cell])} (${testsOf(all, row, cell).length})`
  }
  return [
    '### Attributes',
    '',
    'What is done about each path attribute by RFC 7606, over real sessions of both kinds, with routes of both families; the number of tests in parentheses.',
    '*Withdraw* is treat-as-withdraw, *discard* attribute-discard, *reset* the end of the session with that NOTIFICATION.',
    '',
    '| attribute | | wrong flags | wrong length | wrong value | from an external peer |',
    '| --- | --- | --- | --- | --- | --- |',
    ...attributeRows.map(
      (row) => `| ${row.type} | ${row.name} | ${attributeCells.map((cell) => cellText(row, cell)).join(' | ')} |`,
    ),
    '',
    ...folded(
      'Tests of attributes',
      attributeRows.flatMap((row) => listed(attributeId(row), of(attributeId(row)))),
    ),
  ]
}

function testsOf(citations: readonly Citation[], row: AttributeRow, cell: Cell): Citation[] {
  return citations.filter(({ id, title }) => id === attributeId(row) && title.split(/\W/)[0] === cell)
}

/** Each file once, with how many tests it has of the row. */
function files(tests: readonly Citation[]): string {
  const counts = new Map<string, number>()
  for (const { file } of tests) counts.set(file, (counts.get(file) ?? 0) + 1)
  return [...counts].map(([file, count]) => `[${shortName(file)}](../${file}) (${count})`).join(', ')
}

/** What tests that are else the same differ in, and how one line says it of all of them. */
const variants: readonly (readonly [pattern: RegExp, word: string])[] = [
  [/\bipv[46]-unicast\b/g, 'each family'],
  [/\bIPv[46]\b/g, 'each IP version'],
  [/\bfrom an (external|internal) peer\b/g, 'from each kind of peer'],
]

function listed(id: string, tests: readonly Citation[]): string[] {
  if (tests.length === 0) return []
  let lines = tests.map(({ title, file }) => `\`${shortName(file)}\` ${escaped(title)}`)
  for (const [pattern, word] of variants) lines = merged(lines, pattern, word)
  const counts = Map.groupBy(lines, (line) => line)
  return [
    `- ${id}`,
    ...[...counts].map(([line, all]) => `  - ${line}${all.length > 1 ? ` (${all.length} times)` : ''}`),
  ]
}

/** Lines that differ in the pattern alone become equal. */
function merged(lines: readonly string[], pattern: RegExp, word: string): string[] {
  const alike = Map.groupBy(new Set(lines), (line) => line.replace(pattern, word))
  return lines.map((line) => {
    const common = line.replace(pattern, word)
    return (alike.get(common)?.length ?? 0) > 1 ? common : line
  })
}

function folded(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return []
  return ['<details>', `<summary>${title}</summary>`, '', ...lines, '', '</details>', '']
}

const shortName = (file: string) =>
  file
    .replace(/^test\//, '')
    .replace(/^unit\//, '')
    .replace(/(\.test)?\.ts$/, '')
const escaped = (text: string) => text.replace(/[|<>*_[\]]/g, (character) => `\\${character}`)
const anchor = (title: string) =>
  title
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replaceAll(' ', '-')
