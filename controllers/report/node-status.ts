/** The annotation `tandem.io/status` of the own Node: sessions and routes by family, for `kubectl`. Written when it changes, not often. */

import type { Clock, Log, SpeakerSnapshot, Timer } from '../../speaker/index.ts'
import type { ApiClient } from '../api/client.ts'
import { statusAnnotation } from '../source/project.ts'

export interface NodeStatusWorld {
  readonly clock: Clock
  readonly log: Log
  readonly api: ApiClient
  readonly snapshot: () => SpeakerSnapshot
}

const everyMs = 10_000

export class NodeStatus {
  readonly #world: NodeStatusWorld
  readonly #nodeName: string
  #written = ''
  #problem = ''
  #timer: Timer | undefined
  #stopped = false

  constructor(world: NodeStatusWorld, nodeName: string) {
    this.#world = world
    this.#nodeName = nodeName
  }

  start(): void {
    void this.#look()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  async #look(): Promise<void> {
    const { api, clock, log, snapshot } = this.#world
    const text = statusText(snapshot())
    if (text !== this.#written) {
      try {
        await api.request({
          method: 'PATCH',
          path: `/api/v1/nodes/${this.#nodeName}`,
          body: { metadata: { annotations: { [statusAnnotation]: text } } },
          contentType: 'application/merge-patch+json',
        })
        this.#written = text
        this.#problem = ''
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error)
        if (problem !== this.#problem) log.warn({ problem }, `the annotation ${statusAnnotation} could not be written`)
        this.#problem = problem
      }
    }
    if (!this.#stopped) this.#timer = clock.after(everyMs, () => void this.#look())
  }
}

/** `2/2 sessions up; IPv4: 6 advertised, 1 held; IPv6: 6 advertised, 1 held`. */
export function statusText({ peers }: SpeakerSnapshot): string {
  const up = peers.filter(({ state }) => state === 'Established')
  const family = (name: string, key: 'ipv4-unicast' | 'ipv6-unicast') => {
    const advertised = Math.max(0, ...up.map(({ routes }) => routes[key].advertised))
    const held = up.reduce((sum, { routes }) => sum + routes[key].accepted, 0)
    return `${name}: ${advertised} advertised, ${held} held`
  }
  const families = [family('IPv4', 'ipv4-unicast'), family('IPv6', 'ipv6-unicast')]
  return [`${up.length}/${peers.length} sessions up`, ...families].join('; ')
}
