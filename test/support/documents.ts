/** The documents as data: their fenced blocks, the commands in them as a shell understands them, and code between backticks. */

import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

/** Those that people read to use or to change Tandem; not those that look back or ahead, and no list of results. */
export const documents = globSync('{*.md,{bgp,controllers,docker,policy}/README.md,docs/**/*.md}', { cwd: root })
  .filter((page) => !['ARCHITECTURE.md', 'CHANGELOG.md', 'ROADMAP.md'].includes(page))
  .sort()

export const textOf = (page: string) => readFileSync(join(root, page), 'utf8')

export interface Block {
  readonly page: string
  /** Of the fence. */
  readonly line: number
  readonly language: string
  readonly text: string
}

export function blocksOf(page: string): Block[] {
  const text = textOf(page)
  return [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(({ 1: language = '', 2: inner = '', index }) => {
    return { page, line: text.slice(0, index).split('\n').length, language, text: inner }
  })
}

/** Code between backticks, as it stands in sentences and tables. */
export function inlineOf(page: string): string[] {
  const text = textOf(page).replaceAll(/^```[\s\S]*?^```$/gm, '')
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code.replaceAll('\\|', '|'))
}

/** What a block has people type: all of it, or, of a session on a console, what stands behind the prompt. */
export function scriptOf({ language, text }: Block): string {
  if (language === 'sh') return text
  const typed = text.split('\n').filter((line) => line.startsWith('$ '))
  return language === 'console' ? typed.map((line) => line.slice(2)).join('\n') : ''
}

/** Every program that documents may name. */
const own = ['npm', 'tandem', 'curl', 'docker', 'helm', 'kubectl', 'nft', 'pmbmpd']
const programs = [...own, 'ip', 'jq', 'mkdir', 'nstat']

/** A line that people are to type; what begins with the names of other programs may as well be their output. */
export const typedLine = new RegExp(`^(\\$|${own.join('|')}) `, 'm')

export interface Typed {
  readonly words: readonly string[]
  /** What bash says of it, where it cannot be typed so. */
  readonly problem?: string
}

/**
 * The commands of a script, each by its words: bash reads it, so quotes, pipes and `&&` are what they are to people. Nothing but mkdir is run:
 * each program is a function that writes down what it was called with. `folder` is where the script may write.
 */
export function typed(script: string, folder: string): Typed[] {
  mkdirSync(folder, { recursive: true })
  // At once, so that two programs of a pipe do not write into each other.
  const writeDown = `down() { local all; printf -v all '%s\\x1f' "$@"; printf '%s\\x1e' "$all" >&3; }`
  const functions = [
    writeDown,
    ...programs.map((name) => `${name}() { down ${name} "$@"; }`),
    'mkdir() { down mkdir "$@"; /bin/mkdir "$@"; }',
    'command_not_found_handle() { printf "%s: nobody knows it" "$1" >&2; return 127; }',
  ]
  const { output, status } = spawnSync('/bin/bash', ['--norc', '-ec', `${functions.join('\n')}\n${script}`], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: '/nonexistent', HOME: '/home/nobody' },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
  const commands = (output[3] ?? '').split('\x1e').filter(Boolean)
  const all = commands.map((one) => ({ words: one.split('\x1f').slice(0, -1) }))
  const problem = output[2] || (status === 0 ? '' : `exit status ${status}`)
  return problem ? [...all, { words: [], problem: `${script.trim()}: ${problem}` }] : all
}

/** Every annotation that the code reads or writes. */
export const annotationKeys: ReadonlySet<string> = new Set(
  globSync('controllers/**/*.ts', { cwd: root }).flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/'((?:kube-router|tandem)\.io\/[a-z.-]+)'/g)]
      .map(([, key = '']) => key)
      // Of a CNI file, not of an object.
      .filter((key) => key !== 'tandem.io/pod-cidrs'),
  ),
)
