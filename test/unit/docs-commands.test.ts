/**
 * Every command in the documents is run, or at the least read by what would run it: test/support/command-rules.ts says which, and why one is not
 * run. A command that no rule knows fails, so that nobody can write one down that nothing tries.
 */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { ask } from '../../daemon/admin/client.ts'
import { type EventsAnswer, eventKinds } from '../../daemon/events.ts'
import { has, rules } from '../support/command-rules.ts'
import type { Order, Outcome } from '../support/command-runner.ts'
import { type Documented, documentedCommands } from '../support/documented.ts'
import { blocksOf } from '../support/documents.ts'
import { TypedMachine } from '../support/typed-machine.ts'

const scratch = mkdtempSync(join(tmpdir(), 'tandem-docs-'))
const { inBlocks, inSentences, commands } = documentedCommands(join(scratch, 'typed'))

const following =
  'run --peer-router-ips 10.0.0.1,fd00::1 --peer-router-asns 65001,65001 --advertise-cluster-ip --advertise-loadbalancer-ip ' +
  '--loadbalancer-ip-range 203.0.113.0/24,2001:db8:113::/64'

describe('the commands of the documents', function () {
  this.timeout(120_000)
  const machine = new TypedMachine(scratch)
  const outcomes = new Map<Documented, Outcome>()

  before(async () => {
    machine.writeFiles()
    await Promise.all([
      machine.daemon('asked', following.split(' ')),
      machine.daemon('alone', ['run', '--source', 'none', '--config', 'tandem.yaml']),
    ])
    const failed = (one: Documented) => (error: unknown) =>
      void outcomes.set(one, { status: -1, output: String(error) })
    await Promise.all([runTogether(), ...commands.map((one, index) => runAlone(one, index).catch(failed(one)))])
  })

  /** Those that ask and end, or are only read. */
  async function runTogether(): Promise<void> {
    const some = commands.filter(({ rule }) => ['asked', 'alone', 'parsed', 'named'].includes(String(rule?.how)))
    const orders = some.map(({ words, rule }): Order => {
      const more = rule?.how === 'named' ? ['--help'] : []
      const socket = machine.socketOf(rule?.how === 'alone' ? 'alone' : 'asked')
      return { words: [...words.slice(1), ...more], parsedOnly: rule?.how === 'parsed', socket }
    })
    for (const [index, outcome] of (await machine.runAll(orders)).entries()) outcomes.set(some[index]!, outcome)
  }

  /** Those that go on until they are ended: that they end well counts. */
  async function runAlone(one: Documented, index: number): Promise<void> {
    const { how } = one.rule ?? {}
    const words = one.words.slice(1)
    if (how === 'daemon') {
      const started = await machine.daemon(`documented-${index}`, words)
      outcomes.set(one, { status: (await started.end('SIGTERM')) ?? -1, output: started.output })
    } else if (typeof how === 'object') {
      const started = await machine.shown(words, how.shown)
      await started.end('SIGINT')
      outcomes.set(one, { status: 0, output: started.output })
    }
  }

  after(async () => {
    await machine.stop()
    rmSync(scratch, { recursive: true })
  })

  it('are many, in blocks and in sentences', () => {
    expect(inBlocks.length).to.be.at.least(45)
    expect(inSentences.length).to.be.at.least(45)
    expect(commands.filter(({ rule }) => rule && rule.why === undefined).length).to.be.at.least(40)
  })

  it('are all of a sort that is known: a rule says what is done with them', () => {
    const unknown = commands.filter(({ rule }) => !rule).map(({ where, words }) => `${where} ${words.join(' ')}`)
    expect(unknown).to.deep.equal([])
  })

  it('are each of a rule that has a command', () => {
    const used = new Set([...inBlocks, ...inSentences].map(({ rule }) => String(rule?.form)))
    expect(rules.map(({ form }) => String(form)).filter((form) => !used.has(form))).to.deep.equal([])
  })

  const curl = has('curl')
  for (const one of commands) {
    const { words, where, rule } = one
    if (!rule) continue
    const { how, why } = rule
    it(`${where}: ${words.join(' ')}${why === undefined ? '' : ` (not run: it ${why})`}`, function () {
      if (typeof how === 'function') return how(words)
      if (how === 'curl') {
        if (!curl) this.skip()
        return asksByCurl(words)
      }
      const { status, output } = outcomes.get(one)!
      return expect(status, output).to.equal(0)
    })
  }

  function asksByCurl(words: readonly string[]): void {
    const socket = machine.socketOf(words.includes('--data-binary') ? 'alone' : 'asked')
    const asked = words.slice(1).map((word) => (word === '/run/tandem/tandem.sock' ? socket : word))
    const options = { cwd: scratch, encoding: 'utf8' } as const
    const { status, stdout, stderr } = spawnSync('curl', ['-sS', '--fail-with-body', ...asked], options)
    expect(status, stderr + stdout).to.equal(0)
    JSON.parse(stdout)
  }

  it('show the lab as README.md does, but for ages and what it leaves out', () => {
    const lab = commands.find(({ words }) => words.join(' ') === 'tandem')!
    const { output } = outcomes.get(lab)!
    expect(output).to.include('page at http://127.0.0.1:')
    const shown = blocksOf('README.md').find(({ text }) => text.startsWith('ROUTER'))!
    const lines = shown.text.split('\n').filter((line) => line !== '' && line !== '...')
    const plain = (text: string) => text.replaceAll(/ \d+m?s$/gm, ' age').replaceAll(/ +/g, ' ')
    for (const line of lines) expect(plain(output)).to.include(`\n${plain(line).replace(/ \.\.\.$/, '')}`)
  })

  it('leave events as docs/events.md shows them, but for their numbers', async () => {
    const { events } = await ask<EventsAnswer>(machine.socketOf('alone'), '/v1/events?after=0')
    const said = events.filter(({ kind }) => kind === 'configuration').map(({ text }) => text.replaceAll(/\d+/g, 'N'))
    expect(said.length).to.be.at.least(1)
    const [example] = eventKinds.configuration.examples
    expect(new Set(said)).to.deep.equal(new Set([example.replaceAll(/\d+/g, 'N')]))
  })
})
