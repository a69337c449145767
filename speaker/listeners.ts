/** The addresses that connections are taken at: opened as declared, tried again where they could not be, and told which peers sign their segments. */

import { formatAddress } from 'bgp-ts'
import type { ListenDeclaration, PeerDeclaration } from './desired.ts'
import { listenerTerms } from './peer/transport-terms.ts'
import type { SpeakerSnapshot } from './snapshot.ts'
import type { IncomingConnection, Listener, Timer, World } from './world.ts'

/** A listening address and, when it could not be taken, why. */
interface Listening {
  readonly declaration: ListenDeclaration
  listener?: Listener
  problem?: string
  /** Why it has not all the keys it should: sessions with a password are then opened from here only. */
  unsecured?: string
  retry?: Timer
}

/** A port may be freed, an address may appear (IPv6 addresses are tentative for a moment): it is tried again. */
const retryMs = 2000

export class Listeners {
  readonly #world: Pick<World, 'transport' | 'clock' | 'log'>
  readonly #take: (incoming: IncomingConnection) => void
  readonly #peers: () => readonly PeerDeclaration[]
  readonly #listening = new Map<string, Listening>()

  /** `peers`: all that may connect, those by prefix too. */
  constructor(
    world: Pick<World, 'transport' | 'clock' | 'log'>,
    take: (incoming: IncomingConnection) => void,
    peers: () => readonly PeerDeclaration[],
  ) {
    this.#world = world
    this.#take = take
    this.#peers = peers
  }

  declare(wanted: readonly ListenDeclaration[]): void {
    const keyOf = ({ address, port }: ListenDeclaration) => `${formatAddress(address)} ${port}`
    const keys = new Set(wanted.map(keyOf))
    for (const [key, listening] of this.#listening) {
      if (keys.has(key)) continue
      this.#listening.delete(key)
      listening.retry?.cancel()
      void listening.listener?.close()
    }
    for (const declaration of wanted) {
      const key = keyOf(declaration)
      if (this.#listening.has(key)) continue
      const listening: Listening = { declaration }
      this.#listening.set(key, listening)
      void this.#listen(key, listening)
    }
  }

  /** The peers are others, or their passwords and hops. */
  peersChanged(): void {
    for (const listening of this.#listening.values()) this.#secure(listening)
  }

  snapshot(): SpeakerSnapshot['listening'] {
    return [...this.#listening.values()].map(({ declaration, listener, problem, unsecured }) => ({
      address: formatAddress(declaration.address),
      port: listener?.endpoint.port ?? declaration.port,
      ...((problem ?? unsecured) !== undefined && { problem: problem ?? unsecured }),
    }))
  }

  async close(): Promise<void> {
    const all = [...this.#listening.values()]
    this.#listening.clear()
    for (const { retry } of all) retry?.cancel()
    await Promise.all(all.flatMap(({ listener }) => listener?.close() ?? []))
  }

  /** A port that is taken is a finding: sessions that we open still come up. */
  async #listen(key: string, listening: Listening): Promise<void> {
    try {
      const listener = await this.#world.transport.listen(listening.declaration, this.#take)
      delete listening.problem
      if (this.#listening.get(key) === listening) {
        listening.listener = listener
        this.#secure(listening)
      } else await listener.close()
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      const news = listening.problem !== problem
      listening.problem = problem
      if (news) this.#world.log.error({ listen: key, problem }, 'cannot listen: only sessions opened from here')
      if (this.#listening.get(key) !== listening) return
      listening.retry = this.#world.clock.after(retryMs, () => void this.#listen(key, listening))
    }
  }

  /** Tells a listening socket whose segments are signed, and how far its answers go. */
  #secure(listening: Listening): void {
    const { listener, declaration } = listening
    const { keyed, ttl } = listenerTerms(this.#peers(), declaration.address.version)
    try {
      listener?.expect(keyed, ttl)
      delete listening.unsecured
    } catch (error) {
      listening.unsecured = error instanceof Error ? error.message : String(error)
      this.#world.log.error({ problem: listening.unsecured }, 'a listening socket could not be given its keys')
    }
  }
}
