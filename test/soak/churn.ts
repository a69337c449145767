/** What changes in a soak: services and endpoints all the time; peers, policies and sessions now and then. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ask } from '../../daemon/admin/client.ts'
import type { ClusterModel } from '../chaos/cluster-model.ts'
import { routerSessions, type Stage } from '../chaos/stage.ts'
import type { Dice } from '../fuzz/dice.ts'
import type { Program } from '../topology/runner.ts'

/** Part of the full table that the guest announces: some 12,000 routes of both families. */
const guestScale = '0.01'
const guest = { remoteip: '10.0.0.30', remoteasn: 65030 }

const policies = [
  '{}',
  JSON.stringify({
    sets: { prefixes: { long: ['0.0.0.0/0 ge 22', '::/0 ge 44'] } },
    policies: [
      { name: 'short', default: 'next', statements: [{ name: 'long', match: { prefixes: 'long' }, action: 'reject' }] },
    ],
    'peer-policies': [{ neighbours: ['external'], import: 'short' }],
  }),
] as const

export interface Done {
  changes: number
  peers: number
  policies: number
  sessions: number
}

export class Churn {
  readonly #stage: Stage
  readonly #model: ClusterModel
  readonly #dice: Dice
  #guest: Program | undefined
  readonly done: Done = { changes: 0, peers: 0, policies: 0, sessions: 0 }

  constructor(stage: Stage, model: ClusterModel, dice: Dice) {
    this.#stage = stage
    this.#model = model
    this.#dice = dice
  }

  /** Goes on for so long, and then brings peers and policies back to where they were, so that looks can be compared. */
  async goOn(lengthMs: number): Promise<void> {
    const until = performance.now() + lengthMs
    while (performance.now() < until) {
      await this.#step()
      await pause(20 + this.#dice.below(60))
    }
    await this.rest()
  }

  /** The routers as the only peers, the first policies, no guest. */
  async rest(): Promise<void> {
    await this.#guest?.stop('SIGKILL')
    this.#guest = undefined
    this.peer([])
    await this.#apply(0)
  }

  async #step(): Promise<void> {
    const lot = this.#dice.below(200)
    if (lot < 4) return this.#changePeers()
    if (lot < 7) return this.#apply(this.#dice.below(policies.length))
    if (lot < 9) return this.#resetSession()
    this.#model.step(this.#stage.store)
    this.done.changes++
  }

  async #changePeers(): Promise<void> {
    this.done.peers++
    // Some that never answer, of both families, and the guest, which comes and goes with its routes.
    const silent = Array.from({ length: this.#dice.below(4) }, (_, index) => ({
      remoteip: this.#dice.chance(50) ? `10.0.0.${100 + index}` : `fd00::${100 + index}`,
      remoteasn: 65100 + index,
    }))
    this.peer([guest, ...silent])
    if (this.#guest) return
    const words = [join(import.meta.dirname, '../bench/peer.ts'), 'refeed', '10.0.0.2', guest.remoteip]
    this.#guest = this.#stage.topology.start('guest', [process.execPath, ...words, String(guest.remoteasn), guestScale])
  }

  /** Peers beside the routers, as the annotation has them. */
  peer(others: readonly object[]): void {
    const peers = JSON.stringify([...routerSessions, ...others])
    this.#model.annotate(this.#stage.store, { 'kube-router.io/peers': peers })
  }

  async #apply(index: number): Promise<void> {
    this.done.policies++
    await ask(this.#stage.socket, '/v1/apply?name=soak', policies[index]!)
  }

  /** A router takes a session down, and up again at once. */
  async #resetSession(): Promise<void> {
    this.done.sessions++
    const command = this.#dice.chance(50)
      ? this.#stage.tor.controlCommand('restart', this.#dice.pick(['over4', 'over6']))
      : undefined
    if (command) await this.#stage.topology.run('tor', command)
    else await this.#stage.clearTwin()
  }

  /** The file of policies that the daemon starts with, where its user may read it. */
  static writeConfig(folder: string): string {
    const path = join(folder, 'policies.yaml')
    writeFileSync(path, policies[0], { mode: 0o644 })
    return path
  }
}
