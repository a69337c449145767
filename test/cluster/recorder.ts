/** A BIRD in the node `tor`: writes down every route that comes, changes or goes, and every session that does, each with its time. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Program, Topology } from '../topology/runner.ts'

export interface Heard {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** `over4` or `over6`. */
  readonly session: string
  /** What BIRD did with it: `added` (also when its attributes changed), `removed`, `ignored`; or a state of the session. */
  readonly what: string
  /** Empty for states. */
  readonly prefix: string
}

export class Recorder {
  readonly #topology: Topology
  readonly #log: string
  #program: Program | undefined

  constructor(topology: Topology) {
    this.#topology = topology
    this.#log = join(topology.work, 'recorder.log')
  }

  /** `edit` changes its configuration first. Started again, it goes on with the same record. */
  start(edit: (config: string) => string = (config) => config): void {
    const config = join(this.#topology.work, 'recorder.conf')
    const text = readFileSync(this.#topology.bound('tor', '/etc/bird/bird.conf'), 'utf8')
    writeFileSync(config, edit(text).replace('./recorder.log', this.#log))
    const control = ['-s', this.#control, '-P', join(this.#topology.work, 'bird.pid')]
    this.#program = this.#topology.start('tor', ['bird', '-f', '-c', config, ...control])
  }

  /** A command of its operator, to be run in its node. */
  controlCommand(...words: readonly string[]): string[] {
    return ['birdc', '-s', this.#control, ...words]
  }

  async stop(): Promise<void> {
    await this.#program?.stop()
  }

  /** What it holds: `prefix via next hop`, with the communities where there are any; sorted. */
  async table(): Promise<string[]> {
    const command = this.controlCommand('show', 'route', 'all')
    const rows = new Map<string, { hop: string; communities: string }>()
    let prefix = ''
    let key = ''
    for (const line of (await this.#topology.run('tor', command)).split('\n')) {
      prefix = /^(\S+\/\d+)\s/.exec(line)?.[1] ?? prefix
      const session = /\[(over[46]) /.exec(line)?.[1]
      if (session) {
        key = `${prefix} ${session}`
        rows.set(key, { hop: '', communities: '' })
      }
      const row = rows.get(key)
      if (!row) continue
      row.hop = /BGP\.next_hop: (\S+)/.exec(line)?.[1] ?? row.hop
      row.communities = /BGP\.community: (.+)/.exec(line)?.[1]?.trim() ?? row.communities
    }
    const texts = [...rows].map(([name, { hop, communities }]) => {
      return `${name.split(' ')[0]} via ${hop}${communities ? ` ${communities}` : ''}`
    })
    return [...new Set(texts)].sort()
  }

  /** All that was written down since `from`, in order. */
  heard(from = 0): Heard[] {
    if (!existsSync(this.#log)) return []
    return readFileSync(this.#log, 'utf8')
      .split('\n')
      .flatMap(heardIn)
      .filter(({ at }) => at >= from)
  }

  get #control(): string {
    return join(this.#topology.work, 'bird.ctl')
  }
}

/** `2026-11-20 10:00:00.123 <TRACE> over4.ipv4 > added [best] 10.96.0.10/32 0L ...` and `... <TRACE> over4: BGP session established`. */
function heardIn(line: string): Heard[] {
  const [, day, time, rest = ''] = /^(\S+) (\S+) <TRACE> (.*)$/.exec(line) ?? []
  if (!day || !time) return []
  // BIRD writes local time, without saying which.
  const at = new Date(`${day}T${time}`).getTime()
  const route = /^(over[46])\.ipv[46] > (\w+)(?: \[[^\]]*\])? (\S+\/\d+)/.exec(rest)
  if (route) return [{ at, session: route[1]!, what: route[2]!, prefix: route[3]! }]
  const state = /^(over[46]): (BGP session established|BGP session closed|State changed to \w+)/.exec(rest)
  return state ? [{ at, session: state[1]!, what: state[2]!, prefix: '' }] : []
}
