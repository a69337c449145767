/** A curve of the performance page: its exponent, its picture, and where they are kept. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { machine } from './report.ts'

export type Points = readonly (readonly [size: number, value: number])[]

export interface Line {
  /** Said beside its colour, where there are several. */
  readonly name?: string
  readonly points: Points
}

/** The slope in a picture of logarithms, by least squares. */
export function exponentOf(points: Points): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const)
  const mean = (which: 0 | 1) => logs.reduce((sum, one) => sum + one[which], 0) / logs.length
  const [x, y] = [mean(0), mean(1)]
  const over = logs.reduce((sum, one) => sum + (one[0] - x) * (one[1] - y), 0)
  return over / logs.reduce((sum, one) => sum + (one[0] - x) ** 2, 0)
}

/** The points in words. */
export const shown = (points: Points) =>
  points
    .map(
      ([size, value]) =>
        `${size.toLocaleString('en')}: ${value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString('en')}`,
    )
    .join(', ')

const [width, height, margin, right] = [448, 260, 60, 36]
const colours = ['#2f86eb', '#e0823d', '#3aa76d']

/** Both axes by powers of ten; readable on light and dark ground. */
export function picture(of: string, unit: string, lines: readonly Line[]): string {
  const ends = (which: 0 | 1) => {
    const logs = lines.flatMap(({ points }) => points.map((one) => Math.log10(one[which])))
    const [least, greatest] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))]
    return [least, Math.max(greatest, least + 1)] as const
  }
  const [[x0, x1], [y0, y1]] = [ends(0), ends(1)]
  const xOf = (value: number) => margin + ((Math.log10(value) - x0) / (x1 - x0)) * (width - margin - right)
  const yOf = (value: number) => height - margin + 8 - ((Math.log10(value) - y0) / (y1 - y0)) * (height - margin - 16)
  const ticks = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index))
  const text = (x: number, y: number, words: string, anchor = 'middle') =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${words}</text>`
  const drawn = lines.flatMap(({ name, points }, index) => {
    const colour = colours[index % colours.length]
    const last = points.at(-1)!
    return [
      `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.map(([x, y]) => `${xOf(x).toFixed(1)},${yOf(y).toFixed(1)}`).join(' ')}"/>`,
      ...points.map(
        ([x, y]) => `<circle cx="${xOf(x).toFixed(1)}" cy="${yOf(y).toFixed(1)}" r="3.5" fill="${colour}"/>`,
      ),
      ...(name ? [text(xOf(last[0]), yOf(last[1]) - 8, name, 'end')] : []),
    ]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" font-family="sans-serif" font-size="11" fill="#7a8694">`,
    ...ticks(x0, x1).map(
      (value) =>
        `<path d="M${xOf(value).toFixed(1)} 24V${height - margin + 8}" stroke="#8894a240"/>${text(xOf(value), height - margin + 24, value.toLocaleString('en'))}`,
    ),
    ...ticks(y0, y1).map(
      (value) =>
        `<path d="M${margin} ${yOf(value).toFixed(1)}H${width - right}" stroke="#8894a240"/>${text(margin - 6, yOf(value) + 4, value.toLocaleString('en'), 'end')}`,
    ),
    ...drawn,
    text(margin, 14, unit, 'start'),
    text(width - right, height - 6, of, 'end'),
    '</svg>',
    '',
  ].join('\n')
}

const docs = join(import.meta.dirname, '../../docs')

/** Keeps a picture in docs/images. */
export function keepPicture(name: string, svg: string): void {
  mkdirSync(join(docs, 'images'), { recursive: true })
  writeFileSync(join(docs, 'images', `curve-${name}.svg`), svg)
}

/** Keeps a table in docs/performance.md, between `<!-- NAME -->` and the next `<!-- end -->`, under a line that says of what command and machine it is. */
export function keepTable(name: string, command: string, table: readonly string[]): void {
  const file = join(docs, 'performance.md')
  const head = `Of \`${command}\`, ${new Date().toISOString().slice(0, 10)}, ${machine()}.`
  const place = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(\\n<!-- end -->)`)
  const page = readFileSync(file, 'utf8')
  if (!place.test(page)) throw new Error(`docs/performance.md has no place for the table: <!-- ${name} -->`)
  writeFileSync(file, page.replace(place, `$1\n${[head, '', ...table].join('\n')}\n$2`))
}
