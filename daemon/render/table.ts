/** Plain tables for people: aligned columns, cut to the width of the terminal, and ages in two units. */

export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  width = terminalWidth(),
): string {
  const all = [headings, ...rows]
  // Not by Math.max over all of them: a full table has more rows than a call may have arguments.
  const widths = headings.map((_, column) => all.reduce((most, row) => Math.max(most, (row[column] ?? '').length), 0))
  return all
    .map((row) =>
      row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!))).join('  '),
    )
    .map((line) => cut(line.trimEnd(), width))
    .join('\n')
}

export function terminalWidth(): number {
  return process.stdout.isTTY ? (process.stdout.columns ?? 80) : Number.POSITIVE_INFINITY
}

function cut(line: string, width: number): string {
  return line.length <= width ? line : `${line.slice(0, Math.max(1, width - 1))}…`
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
