/**
 * What others could read of this process without asking it: its command line, which every user of the machine may list; the diagnostic
 * reports of Node, which hold command line and environment; and all of it, through the debugger that SIGUSR1 opens by default.
 */

import type { FlagName } from './config/flags.ts'

/** Flags whose values are secrets. */
export const secretFlags: readonly FlagName[] = ['peer-router-passwords']

/** In the place of a secret. */
export const unshown = '(not shown)'

/** A command line without the values of secret flags, and whether it had any. */
export function withoutSecrets(words: readonly string[]): { readonly words: readonly string[]; readonly had: boolean } {
  const names = secretFlags.map((name) => `--${name}`)
  const shown = words.map((word, index) => {
    const name = names.find((one) => word.startsWith(`${one}=`))
    if (name) return `${name}=${unshown}`
    return index > 0 && names.includes(words[index - 1]!) ? unshown : word
  })
  return { words: shown, had: shown.some((word, index) => word !== words[index]) }
}

/** For the whole life of the process; the earlier the better, since until then the command line stands there as it was given. */
export function keepConfidential(): void {
  const { report } = process
  report.excludeEnv = true
  const { words, had } = withoutSecrets([process.argv0, ...process.execArgv, ...process.argv.slice(1)])
  if (had) {
    process.title = words.join(' ')
    // A report takes the command line as it was given: none is written then, whatever the flags of Node say.
    report.reportOnFatalError = false
    report.reportOnSignal = false
    report.reportOnUncaughtException = false
  }
  // A listener keeps Node from opening its debugger, to which any process on the node's network could then give orders.
  process.on('SIGUSR1', () => {})
}
