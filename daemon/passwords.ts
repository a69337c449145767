/**
 * Passwords that are named and kept in files: a folder, as a mounted Secret is one, and the list of `--peer-router-passwords-file`.
 * They are read again every few seconds, because a mounted Secret changes without a word; sessions get the new key while they are up.
 */

import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { keyOf, type Passwords, type PeerPassword, readPassword } from '../controllers/index.ts'
import { type Clock, type Secret, sameSecret, type Timer } from '../speaker/index.ts'

const lookMs = 5000

export interface PasswordFiles {
  /** `--peer-passwords-dir`, or empty. */
  readonly folder: string
  /** `--peer-router-passwords-file`, or empty. */
  readonly list: string
}

/** How a password of the list is named: by its place. */
export const listedName = (index: number) => `#${index}`

export class FilePasswords implements Passwords {
  readonly #clock: Clock
  readonly #files: PasswordFiles
  readonly #asked = new Map<string, Secret | string>()
  readonly #listeners: (() => void)[] = []
  #timer: Timer | undefined

  constructor(clock: Clock, files: PasswordFiles) {
    this.#clock = clock
    this.#files = files
  }

  get(name: string): Secret | string {
    const found = this.#read(name)
    this.#asked.set(name, found)
    this.#timer ??= this.#clock.after(lookMs, () => this.#look())
    return found
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#listeners.length = 0
  }

  #look(): void {
    const changed = [...this.#asked].filter(([name, before]) => !same(before, this.#read(name)))
    this.#timer = this.#clock.after(lookMs, () => this.#look())
    if (changed.length > 0) for (const listener of this.#listeners) listener()
  }

  #read(name: string): Secret | string {
    const { folder, list } = this.#files
    const place = /^#(\d+)$/.exec(name)
    if (place && list) return usable(fromFile(list, (text) => readPassword(splitLine(text)[Number(place[1])])))
    if (!folder) return 'there is no folder of passwords (--peer-passwords-dir)'
    // A name with a slash would lead out of the folder.
    if (name === '' || basename(name) !== name || name.startsWith('.')) return 'its name is no name of a file'
    return usable(fromFile(join(folder, name), keyOf))
  }
}

const splitLine = (text: string) => text.trim().split(',')

function fromFile(path: string, read: (text: string) => PeerPassword | undefined): PeerPassword | string {
  try {
    return read(readFileSync(path, 'utf8')) ?? 'it is empty'
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    return `${path} cannot be read (${why})`
  }
}

function usable(password: PeerPassword | string): Secret | string {
  if (typeof password === 'string') return password
  if (password.kind === 'key') return password.secret
  return password.kind === 'unusable' ? password.why : 'it names another one'
}

function same(a: Secret | string, b: Secret | string): boolean {
  return typeof a === 'string' || typeof b === 'string' ? a === b : sameSecret(a, b)
}
