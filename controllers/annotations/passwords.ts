/** TCP MD5 passwords of peers: from base64, as kube-router writes them, or by the name under which somebody else keeps them. */

import { keyProblem, Secret } from '../../speaker/index.ts'

export type PeerPassword =
  | {
      readonly kind: 'key'
      readonly secret: Secret /** It ended in a newline, which no router can have in its key. */
      readonly trimmed: boolean
    }
  /** Kept elsewhere: `Passwords` knows it. */
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'unusable'; readonly why: string }

/** Where passwords are kept that are only named. */
export interface Passwords {
  /** The password, or why there is none. */
  get(name: string): Secret | string
  /** Calls back when any of them may be another one. */
  onChange(listener: () => void): void
}

/** Undefined for an empty text: no password. */
export function readPassword(text: string | undefined): PeerPassword | undefined {
  if (text === undefined || text === '') return undefined
  if (!isBase64(text)) return { kind: 'unusable', why: 'its password is not base64' }
  return keyOf(Buffer.from(text, 'base64').toString('utf8'))
}

export function isBase64(text: string): boolean {
  return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/.test(text)
}

/** A password as its bytes are, of a file for example. */
export function keyOf(text: string): PeerPassword {
  const key = text.replace(/\r?\n$/, '')
  const problem = keyProblem(key)
  if (problem) return { kind: 'unusable', why: `its password ${problem}` }
  return { kind: 'key', secret: new Secret(key), trimmed: key !== text }
}
