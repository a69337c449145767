/** Which test cites which row: all test files are loaded, none is run, and the titles are read. */

import { globSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import Mocha from 'mocha'

export interface Citation {
  /** The id of a row, or `C/type` for an attribute. */
  readonly id: string
  /** The title after the ids. */
  readonly title: string
  /** Path from the root of the project. */
  readonly file: string
}

const root = resolve(import.meta.dirname, '../..')

/** Every file with tests, of every level. Those that need root or servers are loaded like the others: they ask for them when they run. */
const patterns = [
  'test/unit/**/*.test.ts',
  'test/property/**/*.test.ts',
  'test/*/*.test.ts',
  'test/interop/{interop*,reflection}.ts',
]

const cited = /^(?:[A-J](?:\d+|\/[\w-]+) )+/

/** What a title cites: `A1 A2 ends so` is of both rows. */
export function citationsOf(title: string, file: string): Citation[] {
  const ids = cited.exec(title)?.[0] ?? ''
  return ids
    .split(' ')
    .filter((id) => id !== '')
    .map((id) => ({ id, title: title.slice(ids.length), file }))
}

export async function citations(): Promise<Citation[]> {
  const mocha = new Mocha()
  for (const file of [...new Set(globSync(patterns, { cwd: root }))].sort()) mocha.addFile(join(root, file))
  await mocha.loadFilesAsync()
  const found: Citation[] = []
  mocha.suite.eachTest(({ title, file }) => {
    found.push(...citationsOf(title, relative(root, file ?? '')))
  })
  return found
}
