/** Plain tables for people: aligned columns, cut to the width of the terminal, and ages in two units. */

type Cells = readonly string[]

const gap = '  '
const indent = '    '

export function table(headings: Cells, rows: readonly Cells[], width = terminalWidth()): string {
  const widths = widthsOf(headings, rows)
  return [headings, ...rows].map((row) => cut(line(row, widths), width)).join('\n')
}

/** The same with nothing of a row cut: what its line has no room for stands below it. For tables whose last columns say why. */
export function wholeTable(headings: Cells, rows: readonly Cells[], width = terminalWidth()): string {
  const widths = widthsOf(headings, rows)
  const fitting = fittingColumns(widths, width)
  const whole = (row: Cells): string[] => {
    const all = line(row, widths)
    if (all.length <= width) return [all]
    const rest = row.slice(fitting).filter(Boolean).join(gap)
    return [line(row.slice(0, fitting), widths), ...wrapped(rest, width - indent.length).map((one) => indent + one)]
  }
  return [cut(line(headings, widths), width), ...rows.flatMap(whole)].join('\n')
}

/** Not by Math.max over all of them: a full table has more rows than a call may have arguments. */
function widthsOf(headings: Cells, rows: readonly Cells[]): number[] {
  return headings.map((heading, at) =>
    rows.reduce((most, row) => Math.max(most, (row[at] ?? '').length), heading.length),
  )
}

function line(row: Cells, widths: readonly number[]): string {
  const padded = row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at]!)))
  return padded.join(gap).trimEnd()
}

/** One at least, and never the last. */
function fittingColumns(widths: readonly number[], width: number): number {
  let used = 0
  let columns = 0
  for (const one of widths.slice(0, -1)) {
    used += one + (columns > 0 ? gap.length : 0)
    if (used > width) break
    columns++
  }
  return Math.max(1, columns)
}

/** By words; one that is longer than a line has a line of its own. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

export function terminalWidth(): number {
  return process.stdout.isTTY ? (process.stdout.columns ?? 80) : Number.POSITIVE_INFINITY
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(1, width - 1))}…`
}

/** `820ms`, `12s`, `3m12s`, `2h05m`, `4d03h`. */
export function age(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000)
  const two = (value: number) => String(value).padStart(2, '0')
  if (seconds < 1) return `${Math.round(milliseconds)}ms`
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}h${two(Math.floor(seconds / 60) % 60)}m`
  return `${Math.floor(seconds / 86400)}d${two(Math.floor(seconds / 3600) % 24)}h`
}
