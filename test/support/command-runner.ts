/**
 * A process that runs commands of tandem one after the other, or only has them read by the command line's own parser: it saves the start of a
 * process for each. Standard input is a list of `Order`, standard output a list of `Outcome`.
 */

import { text } from 'node:stream/consumers'
import type { Command } from 'commander'

export interface Order {
  readonly words: readonly string[]
  /** With only the flags and arguments read and checked. */
  readonly parsedOnly: boolean
  /** The admin socket that it asks. */
  readonly socket: string
}

export interface Outcome {
  readonly status: number
  readonly output: string
}

const orders = JSON.parse(await text(process.stdin)) as readonly Order[]

let output = ''
const toStdout = process.stdout.write.bind(process.stdout)
const collect = ((chunk: string) => {
  output += chunk
  return true
}) as typeof process.stdout.write
process.stdout.write = collect
process.stderr.write = collect

// The program does as it is told when it is loaded: nothing but its help.
process.argv = [process.argv[0]!, 'tandem', '--help']
const { complain, load, program } = await import('../../daemon/main.ts')

type Action = (...given: unknown[]) => unknown
const actions = program.commands.map((command) => {
  const { _actionHandler: run } = command as unknown as { _actionHandler: Action }
  return { command, run }
})

/** What every command does with its flags before anything else. */
function readOnly(command: Command): void {
  command.action((...given: unknown[]) => {
    const self = given.at(-1) as Command
    // The lab has flags of its own.
    if (self.name() !== 'lab') load(self)
  })
}

const outcomes: Outcome[] = []
for (const { words, parsedOnly, socket } of orders) {
  for (const { command, run } of actions) {
    if (parsedOnly) readOnly(command)
    else Object.assign(command, { _actionHandler: run })
  }
  output = ''
  process.exitCode = 0
  process.env['TANDEM_ADMIN_SOCKET'] = socket
  await program.parseAsync([...process.argv.slice(0, 2), ...words]).catch(complain)
  outcomes.push({ status: Number(process.exitCode), output })
}
process.exitCode = 0
toStdout(JSON.stringify(outcomes))
