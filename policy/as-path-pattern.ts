/**
 * Regular expressions over the AS path as routers write them: `^65001_`, `_65010$`, `^65001(_65001)*$`. Any path is matched in one pass
 * over its text, whatever the pattern: the states of all alternatives are followed at once, and each set of states that was met
 * is kept as one state of an automaton. A pattern can be clumsy; it cannot be slow.
 *
 * Digits, `.`, `[0-9]`, `[^0-9]`, `( )`, `|`, `*`, `+`, `?`, `^`, `$`, blanks, and `_`, which is the start, the end, or what stands between ASNs.
 */

/** Characters that a path is written in: ASNs between blanks, sets in braces, confederation segments in parentheses and brackets. */
const alphabet = '0123456789 {}()[]'
/** By character code: the index in the alphabet. */
const symbols = new Uint8Array(128)
for (let index = 0; index < alphabet.length; index++) symbols[alphabet.charCodeAt(index)] = index
const separators = ' {}()[]'
const longestPattern = 1000
/** Sets of states kept; more are forgotten and made anew. */
const mostKept = 1000

/** Where a state leads: over a character, or for nothing, at the start or the end of the text only, if it says so. */
type State =
  | { readonly kind: 'character'; readonly set: string; next: number }
  | { readonly kind: 'free'; readonly at: 'anywhere' | 'start' | 'end'; readonly next: number[] }
  | { readonly kind: 'found' }

/** A piece of the automaton: where it begins, and the states whose way on is still open. */
interface Piece {
  readonly start: number
  readonly ends: readonly number[]
}

export class PatternError extends Error {}

/** One set of states that can be reached at once. */
interface Situation {
  readonly states: readonly number[]
  readonly found: boolean
  /** Whether the end of the text, here, makes it a match. */
  readonly foundAtEnd: boolean
  /** By index in the alphabet. */
  readonly next: (Situation | undefined)[]
}

export class AsPathPattern {
  readonly source: string
  readonly #states: readonly State[]
  readonly #start: number
  #situations = new Map<string, Situation>()

  /** Throws `PatternError` with what is wrong, and where. */
  constructor(source: string) {
    this.source = source
    const { states, start } = new Parser(source).parse()
    this.#states = states
    this.#start = start
  }

  /** Whether the pattern is found anywhere in the text. */
  test(text: string): boolean {
    let situation = this.#situation(this.#closure([this.#start], true, text === ''))
    for (let index = 0; index < text.length; index++) {
      if (situation.found) return true
      const symbol = symbols[text.charCodeAt(index)]!
      situation = situation.next[symbol] ?? this.#step(situation, symbol)
    }
    return situation.found || situation.foundAtEnd
  }

  #step(situation: Situation, symbol: number): Situation {
    const character = alphabet[symbol]!
    const reached = situation.states.flatMap((index) => {
      const state = this.#states[index]!
      return state.kind === 'character' && state.set.includes(character) ? [state.next] : []
    })
    // The pattern may begin at any place.
    const next = this.#situation(this.#closure([...reached, this.#start], false, false))
    situation.next[symbol] = next
    return next
  }

  #situation(states: ReadonlySet<number>): Situation {
    const sorted = [...states].sort((a, b) => a - b)
    const key = sorted.join(' ')
    const known = this.#situations.get(key)
    if (known) return known
    if (this.#situations.size >= mostKept) this.#situations = new Map()
    const isFound = (set: Iterable<number>) => [...set].some((index) => this.#states[index]!.kind === 'found')
    const foundAtEnd = isFound(this.#closure(sorted, false, true))
    const made: Situation = { states: sorted, found: isFound(sorted), foundAtEnd, next: [] }
    this.#situations.set(key, made)
    return made
  }

  /** All states that can be reached for nothing. */
  #closure(from: readonly number[], atStart: boolean, atEnd: boolean): ReadonlySet<number> {
    const reached = new Set<number>()
    const waiting = [...from]
    for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
      if (reached.has(index)) continue
      reached.add(index)
      const state = this.#states[index]!
      if (state.kind !== 'free') continue
      const open = state.at === 'anywhere' || (state.at === 'start' ? atStart : atEnd)
      if (open) waiting.push(...state.next)
    }
    return reached
  }
}

/** Makes states of a pattern: each piece is joined to the next as it is read. */
class Parser {
  readonly #source: string
  readonly #states: State[] = []
  #at = 0

  constructor(source: string) {
    this.#source = source
  }

  parse(): { states: readonly State[]; start: number } {
    if (this.#source.length > longestPattern) throw new PatternError(`is longer than ${longestPattern} characters`)
    const whole = this.#alternatives()
    if (this.#at < this.#source.length)
      throw new PatternError(`has a ) at character ${this.#at + 1} that closes nothing`)
    this.#join(whole.ends, this.#add({ kind: 'found' }))
    return { states: this.#states, start: whole.start }
  }

  #alternatives(): Piece {
    const pieces = [this.#sequence()]
    while (this.#take('|')) pieces.push(this.#sequence())
    return pieces.length === 1 ? pieces[0]! : this.#either(pieces)
  }

  #sequence(): Piece {
    let whole = this.#nothing()
    while (this.#at < this.#source.length && !'|)'.includes(this.#source[this.#at]!)) {
      const piece = this.#repeated()
      this.#join(whole.ends, piece.start)
      whole = { start: whole.start, ends: piece.ends }
    }
    return whole
  }

  #repeated(): Piece {
    let piece = this.#one()
    for (;;) {
      if (this.#take('*')) piece = this.#loop(piece, true)
      else if (this.#take('+')) piece = this.#loop(piece, false)
      else if (this.#take('?')) piece = this.#either([piece, this.#nothing()])
      else return piece
    }
  }

  #one(): Piece {
    const at = this.#at
    const character = this.#source[this.#at++]!
    if (character === '(') {
      const inner = this.#alternatives()
      if (!this.#take(')')) throw new PatternError(`has a ( at character ${at + 1} that is not closed`)
      return inner
    }
    if (character === '[') return this.#character(this.#characterSet(at))
    if (character === '^') return this.#free('start')
    if (character === '$') return this.#free('end')
    if (character === '.') return this.#character(alphabet)
    if (character === '_') return this.#either([this.#free('start'), this.#free('end'), this.#character(separators)])
    if ('*+?'.includes(character))
      throw new PatternError(`has a ${character} at character ${at + 1} that repeats nothing`)
    if (/[0-9 ]/.test(character)) return this.#character(character)
    const allowed = 'digits, blanks and _ ^ $ . [ ] ( ) | * + ? are possible'
    throw new PatternError(`has "${character}" at character ${at + 1}, where ${allowed}`)
  }

  #characterSet(at: number): string {
    const match = /^(\^?)((?:\d-\d|[\d _])+)\]/.exec(this.#source.slice(this.#at))
    if (!match)
      throw new PatternError(`has a [ at character ${at + 1} without digits and a ] after it, as in [0-9] or [^1-4]`)
    this.#at += match[0].length
    const listed = match[2]!.replaceAll(/(\d)-(\d)/g, (_range, from: string, to: string) =>
      alphabet.slice(Number(from), Number(to) + 1),
    )
    const set = listed.replaceAll('_', separators)
    return match[1] === '^'
      ? alphabet
          .split('')
          .filter((one) => !set.includes(one))
          .join('')
      : set
  }

  #take(character: string): boolean {
    if (this.#source[this.#at] !== character) return false
    this.#at++
    return true
  }

  #add(state: State): number {
    return this.#states.push(state) - 1
  }

  #character(set: string): Piece {
    const state = this.#add({ kind: 'character', set, next: -1 })
    return { start: state, ends: [state] }
  }

  #free(at: 'anywhere' | 'start' | 'end'): Piece {
    const state = this.#add({ kind: 'free', at, next: [] })
    return { start: state, ends: [state] }
  }

  #nothing(): Piece {
    return this.#free('anywhere')
  }

  #either(pieces: readonly Piece[]): Piece {
    const start = this.#add({ kind: 'free', at: 'anywhere', next: pieces.map((piece) => piece.start) })
    return { start, ends: pieces.flatMap(({ ends }) => ends) }
  }

  #loop(piece: Piece, orNot: boolean): Piece {
    const again = this.#add({ kind: 'free', at: 'anywhere', next: [piece.start] })
    this.#join(piece.ends, again)
    return { start: orNot ? again : piece.start, ends: [again] }
  }

  #join(ends: readonly number[], next: number): void {
    for (const end of ends) {
      const state = this.#states[end]!
      if (state.kind === 'character') state.next = next
      else if (state.kind === 'free') state.next.push(next)
    }
  }
}
