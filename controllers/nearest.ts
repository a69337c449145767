/** What somebody who mistyped a name may have meant. */

/** Of all letter pairs of two names, the share that both have, below which they are not alike. */
const alike = 0.2

/** The known name that shares the most letter pairs with a mistyped one; undefined where none is like it. */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  const wanted = pairs(name)
  let best: { readonly name: string; readonly score: number } | undefined
  for (const other of names) {
    const theirs = pairs(other)
    const score = [...wanted].filter((pair) => theirs.has(pair)).length / (wanted.size + theirs.size)
    if (score > (best?.score ?? alike)) best = { name: other, score }
  }
  return best?.name
}

function pairs(text: string): Set<string> {
  const whole = ` ${text.toLowerCase()} `
  return new Set(Array.from({ length: whole.length - 1 }, (_, at) => whole.slice(at, at + 2)))
}

const mostListed = 20

/** For the end of a message: `; did you mean "bogons"?`, or which names there are. */
export function didYouMean(name: string, names: Iterable<string>): string {
  const known = [...names]
  const near = nearest(name, known)
  if (near !== undefined) return `; did you mean "${near}"?`
  if (known.length === 0) return '; there is none'
  return `; there are ${known.slice(0, mostListed).join(', ')}${known.length > mostListed ? ' and more' : ''}`
}
