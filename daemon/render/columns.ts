/**
 * Tables whose columns are told apart by who needs them: the usual ones, those of `-o wide` in the order in which they are worth their room,
 * and the last one, of free text, which takes what is left of the line.
 */

import { table, terminalWidth, wholeTable } from './table.ts'

export interface Column<Row> {
  readonly heading: string
  readonly cell: (row: Row) => string
}

export interface Columns<Row> {
  readonly usual: readonly Column<Row>[]
  readonly wide: readonly Column<Row>[]
  readonly last: Column<Row>
  /** The free text is a reason, which is never cut: it stands below its row where the line has no room for it. */
  readonly whole?: boolean
}

export interface Look {
  readonly wide?: boolean
  readonly width?: number
}

/** Room that the last column keeps, if it has so much to say, before a column of `-o wide` is left out. */
const roomForLast = 24
const gap = 2

export function columnsTable<Row>(rows: readonly Row[], columns: Columns<Row>, look: Look = {}): string {
  const { width = terminalWidth() } = look
  const { added, without } = look.wide ? widened(rows, columns, width) : { added: [], without: [] }
  const shown = [...columns.usual, ...added, columns.last]
  const draw = columns.whole ? wholeTable : table
  const text = draw(
    shown.map(({ heading }) => heading),
    rows.map((row) => shown.map(({ cell }) => cell(row))),
    width,
  )
  return without.length === 0 ? text : `${text}\nno room for: ${without.join(', ')}`
}

/** Columns of `-o wide` that there is room for, and the headings of the others. */
function widened<Row>(rows: readonly Row[], { usual, wide, last }: Columns<Row>, width: number) {
  const added: Column<Row>[] = []
  const without: string[] = []
  let used = usual.reduce((sum, column) => sum + room(column, rows) + gap, Math.min(roomForLast, room(last, rows)))
  for (const column of wide) {
    // A feature that nobody uses is no reason to leave out one that somebody does.
    if (rows.every((row) => ['', '-'].includes(column.cell(row)))) continue
    const needed = room(column, rows) + gap
    if (used + needed <= width) {
      added.push(column)
      used += needed
    } else without.push(column.heading)
  }
  return { added, without }
}

function room<Row>({ heading, cell }: Column<Row>, rows: readonly Row[]): number {
  return rows.reduce((most, row) => Math.max(most, cell(row).length), heading.length)
}
