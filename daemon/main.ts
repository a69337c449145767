#!/usr/bin/env node
/** The command line: each command's flags come from the one table of flags. Without a command, the lab. What is exported is for tests that hold documents to it. */

import { setTimeout as pause } from 'node:timers/promises'
import { families } from 'bgp-ts'
import { Command, CommanderError, Option } from 'commander'
import { addAllNodes, clusterFlags, peersOfAll, readAllNodes, routesOfAll } from './commands/all-nodes.ts'
import { apply, explain, peers, routes, routesQuery } from './commands/ask.ts'
import { check } from './commands/check.ts'
import { clean } from './commands/clean-routes.ts'
import { completion, shells } from './commands/completion.ts'
import { decode } from './commands/decode.ts'
import { events } from './commands/events.ts'
import { examples } from './commands/examples.ts'
import { plan } from './commands/plan.ts'
import { run } from './commands/run.ts'
import { keepConfidential } from './confidential.ts'
import { ConfigError, type Flag } from './config/flag.ts'
import { type FlagName, flags, foreignFlags } from './config/flags.ts'
import { type Loaded, loadSettings, nearestFlag } from './config/settings.ts'
import { routerNames } from './explain-router.ts'
import { lab } from './lab/lab.ts'
import { type Format, formats, wideFormats } from './render/format.ts'

const environment = process.env
/** The flags that a command which only asks the daemon needs. */
const askingFlags: readonly FlagName[] = ['admin-socket', 'config']

type Given = Readonly<Record<string, unknown>>

function addFlags(command: Command, names: readonly FlagName[]): Command {
  for (const name of names) {
    const one: Flag<unknown> = flags[name]
    const value = one.type.placeholder === '' ? ' [true|false]' : ` <${one.type.placeholder}>`
    const known =
      one.defaultText ?? (one.default === '' || one.default === undefined ? 'none' : String(one.default) || 'none')
    // Lists may be given more than once, as kube-router's may.
    const repeat = one.type.placeholder.endsWith(',...')
    command.addOption(
      new Option(`--${name}${value}`, `${one.help} (default: ${known})`).argParser(
        (text: string, before: string | undefined) => (repeat && before !== undefined ? `${before},${text}` : text),
      ),
    )
  }
  return command
}

function addForeignFlags(command: Command): Command {
  for (const name of Object.keys(foreignFlags)) {
    command.addOption(new Option(`${name.length === 1 ? '-' : '--'}${name} [VALUE]`).hideHelp())
  }
  return command
}

export function load(command: Command): Loaded {
  const commandLine = Object.fromEntries(
    command.options.flatMap((option) => {
      const value: unknown = (command.opts() as Given)[option.attributeName()]
      const name = option.name()
      return value === undefined || (!(name in flags) && !(name in foreignFlags))
        ? []
        : [[name, value === true ? 'true' : String(value)]]
    }),
  )
  return loadSettings({ commandLine, environment })
}

function asking(command: Command) {
  return { socket: load(command).settings['admin-socket'], format: formatOf(command), wide: isWide(command) }
}

const isWide = (command: Command) => (command.opts() as Given)['output'] === 'wide'

function formatOf(command: Command): Format {
  return isWide(command) ? 'table' : ((command.opts() as Given)['output'] as Format)
}

/** Again each second where --watch asks for it, in the place of what was there on a terminal. */
async function watched(command: Command, show: () => Promise<void>): Promise<void> {
  for (;;) {
    if ((command.opts() as Given)['watch'] === true && process.stdout.isTTY) process.stdout.write('\u001b[2J\u001b[H')
    await show()
    if ((command.opts() as Given)['watch'] !== true) return
    await pause(watchMs)
  }
}

const watchMs = 1000
const watchFlag = () => new Option('--watch', 'again each second')

const output = () => new Option('-o, --output <FORMAT>', 'json or yaml for programs').choices(formats).default('table')
const wideOutput = () =>
  new Option('-o, --output <FORMAT>', 'wide for all columns that fit; json or yaml for programs')
    .choices(wideFormats)
    .default('table')
const allNodes = (command: Command) =>
  readAllNodes(command, load(command).settings, { format: formatOf(command), wide: isWide(command) })
const everyFlag = Object.keys(flags) as FlagName[]

export const program = new Command('tandem')
  .description('BGP route advertisement for dual-stack Kubernetes')
  .showHelpAfterError(false)
  .showSuggestionAfterError(false)
  .exitOverride()
  .configureOutput({ writeErr: () => {} })

function command(nameAndArguments: string, description: string, names: readonly FlagName[]): Command {
  const one = program.command(nameAndArguments).description(description)
  return addFlags(one.copyInheritedSettings(program).allowExcessArguments(false), names)
}

program.addCommand(
  new Command('lab')
    .description('a small dual-stack cluster and two routers on this machine; what runs without a command')
    .copyInheritedSettings(program)
    .option('--manifests <DIR>', 'folder of manifests to follow', '')
    .option('--once', 'print the converged state as JSON and exit')
    .addOption(
      new Option('--web-port <PORT>', 'port of the page on loopback; 0 for one that is free, none for no page')
        .argParser((text) => (text === 'none' ? -1 : flags['web-port'].type.read(text)))
        .default(flags['web-port'].default),
    )
    .action(async (options: { manifests: string; once?: boolean; webPort?: number }) => {
      const { manifests, once, webPort } = options
      if (webPort === undefined) throw new ConfigError('--web-port', '', 'is neither a port nor "none"')
      await lab({ manifests, once: once === true, webPort })
    }),
  { isDefault: true },
)

addForeignFlags(command('run', 'the daemon', everyFlag)).action(async (_options, self: Command) => {
  await run(load(self), environment)
})

addForeignFlags(command('plan', 'what would be advertised, to whom, and what is withheld and why', everyFlag))
  .option('--diff', 'against the running daemon')
  .addOption(output())
  .action(async (_options, self: Command) => {
    await plan(load(self), environment, { format: formatOf(self), diff: (self.opts() as Given)['diff'] === true })
  })

addForeignFlags(command('check', 'whether this node is ready, and what to mend where it is not', everyFlag))
  .addOption(output())
  .action(async (_options, self: Command) => check(load(self), environment, formatOf(self)))

addAllNodes(
  command('peers', 'the sessions of the running daemon, or of all of a cluster', [...askingFlags, ...clusterFlags]),
)
  .addOption(wideOutput())
  .addOption(watchFlag())
  .addHelpText('after', examples.peers)
  .action(async (_options, self: Command) => {
    const all = allNodes(self)
    await watched(self, () => (all ? peersOfAll(all) : peers(asking(self))))
  })

addAllNodes(
  command('routes [VIEW] [PREFIX]', 'its routes: in, best (the default) or out', [...askingFlags, ...clusterFlags]),
)
  .option('--peer <NAME>', 'of or to this peer')
  .addOption(new Option('--family <FAMILY>', 'of this family alone').choices(families))
  .option('--limit <N>', 'at most this many')
  .addOption(watchFlag())
  .addOption(wideOutput())
  .addHelpText('after', examples.routes)
  .action(async (first: string | undefined, second: string | undefined, options: Given, self: Command) => {
    const query = routesQuery(first, second, options)
    const all = allNodes(self)
    await watched(self, () => (all ? routesOfAll(all, query) : routes(asking(self), query)))
  })

command('explain <SUBJECT>', 'why: a PREFIX or address, NAMESPACE/SERVICE, node/NAME or peer/ADDRESS', askingFlags)
  .addOption(new Option('--router <NAME>', "of peer/ADDRESS: the router's own configuration").choices(routerNames))
  .addOption(output())
  .addHelpText('after', examples.explain)
  .action(async (subject: string, options: { router?: string }, self: Command) =>
    explain(asking(self), subject, options.router),
  )

command('events', 'what happened lately: sessions, routes, findings, configuration', askingFlags)
  .option('--follow', 'and what happens from now on')
  .option('--since <TIME>', 'not older than this: 90s, 10m, 2h, 1d')
  .addOption(output())
  .action(async (options: Given, self: Command) => {
    const since = options['since']
    await events({
      ...asking(self),
      follow: options['follow'] === true,
      ...(typeof since === 'string' && { since }),
    })
  })

command(
  'apply <FILE>',
  'give the daemon a new configuration: all of it to the speaker alone, else its policies',
  askingFlags,
)
  .addOption(output())
  .action(async (file: string, _options, self: Command) => apply(asking(self), file))

command('clean-routes', 'remove the routes that --install-routes left in the kernel, and no others', [
  ...askingFlags,
  'install-routes-table',
  'install-routes-protocol',
  'install-routes-command',
])
  .addOption(output())
  .action(async (_options, self: Command) => clean(load(self).settings, formatOf(self)))

command('decode <HEX|FILE...>', 'BGP messages in words, from hex, MRT, pcap or pcapng; - reads the standard input', [])
  .addOption(new Option('-o, --output <FORMAT>', 'json for programs').choices(['table', 'json']).default('table'))
  .action(async (words: string[], _options, self: Command) => decode(words, formatOf(self) === 'json'))

command(`completion <SHELL>`, `what completes commands and flags: ${shells.join(', ')}`, []).action((shell: string) => {
  process.stdout.write(completion(program, shell))
})

/** One line that names the flag, the value and what would be right; never a stack. */
export function complain(error: unknown): void {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return
    const unknown = /unknown option '(--?)([^'=]+)/.exec(error.message)
    const text = unknown
      ? `--${unknown[2]}: is no flag of tandem; did you mean --${nearestFlag(unknown[2]!)}?`
      : // What is too much may be a part of a password.
        error.message.replace(/^error: /, '').replace(/^(too many arguments .* got \d+):.*$/s, '$1')
    process.stderr.write(`tandem: ${text}\n`)
    process.exitCode = 2
    return
  }
  process.stderr.write(`tandem: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = error instanceof ConfigError ? 2 : 1
}

// A reader that has seen enough, such as head, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

keepConfidential()
program.parseAsync(process.argv).catch(complain)
