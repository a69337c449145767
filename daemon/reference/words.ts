/** How the pages of reference show a text that is made of words which are known only later. */

/** Each word as its own name, in capitals: `has no address of FAMILY`. */
export const wordNames = new Proxy({} as Readonly<Record<string, string>>, {
  get: (_, name) => String(name).toUpperCase(),
})

/** The cell of a table. */
export const cell = (text: string): string => text.replaceAll('|', '\\|')

export const generated = 'Made by `npm run docs` from the code. Do not edit.'
