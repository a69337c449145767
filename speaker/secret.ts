/** A password that no log, dump, event or page can print: the text comes out of it by one method only. */

import { createHmac, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'

const salt = randomBytes(32)

export class Secret {
  readonly #text: string
  /** Tells two secrets apart in deep comparisons, and tells nothing of the text: it is salted anew in every process. */
  readonly mark: string

  constructor(text: string) {
    this.#text = text
    this.mark = createHmac('sha256', salt).update(text).digest('base64')
  }

  /** Only for the call into the kernel. */
  reveal(): string {
    return this.#text
  }

  toString(): string {
    return '(secret)'
  }

  toJSON(): string {
    return '(secret)'
  }

  [inspect.custom](): string {
    return '(secret)'
  }
}

export function sameSecret(a: Secret | undefined, b: Secret | undefined): boolean {
  return a?.mark === b?.mark
}

/** Octets that TCP MD5 takes at most (the kernel's TCP_MD5SIG_MAXKEYLEN). */
const longestKey = 80

/** Why a text can be no TCP MD5 key; undefined for one that can. */
export function keyProblem(text: string): string | undefined {
  const octets = new TextEncoder().encode(text).length
  if (octets === 0) return 'is empty'
  if (octets > longestKey) return `has ${octets} octets, and TCP MD5 takes ${longestKey}`
  return undefined
}
