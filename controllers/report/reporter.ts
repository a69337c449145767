/** What becomes an event, and on which object: findings, the life of the node, its sessions. The daemon's own Node and Services alone. */

import type { PeerEvent } from '../../speaker/index.ts'
import { apiServer, type Finding } from '../findings.ts'
import type { Planned } from '../reconcile.ts'
import type { View } from '../view.ts'
import type { EventWriter, KubeEvent } from './events.ts'

type Life = 'stays' | 'draining' | 'drained'

export class Reporter {
  readonly #events: Pick<EventWriter, 'tell'>
  readonly #nodeName: string
  readonly #view: () => View | undefined
  #life: Life = 'stays'
  #gate: string | undefined
  #uid = ''

  constructor(events: Pick<EventWriter, 'tell'>, nodeName: string, view: () => View | undefined) {
    this.#events = events
    this.#nodeName = nodeName
    this.#view = view
  }

  planned({ node, circumstances, news }: Planned): void {
    this.#uid = node?.nodeView?.uid ?? this.#uid
    for (const finding of news) this.#tellFinding(finding)
    const drain = node?.drain
    const life = !drain ? 'stays' : circumstances?.drain === 'announced' ? 'draining' : 'drained'
    if (life !== this.#life) {
      this.#life = life
      const why = drain ? ` (${drain.signal})` : ''
      const [reason, message] = {
        stays: ['Undrained', 'VIPs are advertised again'],
        draining: ['Draining', `VIPs are advertised with GRACEFUL_SHUTDOWN${why}; pod CIDRs stay`],
        drained: ['Drained', `VIPs are withdrawn${why}; pod CIDRs stay`],
      }[life] as [string, string]
      this.#onNode('Normal', reason, message)
    }
    const gate = circumstances?.gate
    if (gate !== undefined && gate !== this.#gate) this.#onNode('Warning', 'GateClosed', `VIPs wait: ${gate}`)
    if (gate === undefined && this.#gate !== undefined) this.#onNode('Normal', 'GateOpen', 'VIPs are advertised')
    this.#gate = gate
  }

  session(event: PeerEvent): void {
    if (event.kind === 'up') {
      const families = event.negotiated.families.join(' and ')
      this.#onNode('Normal', 'SessionUp', `BGP session with ${event.peer} is up for ${families}`)
    } else if (event.established) {
      this.#onNode('Warning', 'SessionDown', `BGP session with ${event.peer} is down: ${event.why}`)
    }
  }

  #tellFinding({ object, field, value, message, severity }: Finding): void {
    const [kind, first = '', second] = object.split('/')
    const text = `${field}: "${value}" ${message}`
    const [type, reason] =
      severity === 'error' ? (['Warning', 'InvalidValue'] as const) : (['Normal', 'Notice'] as const)
    if (kind === 'node' && first === this.#nodeName) this.#onNode(type, reason, text)
    // What is no object of the cluster, such as the CNI file, is this node's.
    if (kind !== 'node' && kind !== 'service' && object !== apiServer) this.#onNode(type, reason, `${object} ${text}`)
    if (kind !== 'service' || second === undefined) return
    const uid = this.#view()?.services.get(`${first}/${second}`)?.uid ?? ''
    this.#events.tell({ kind: 'Service', namespace: first, name: second, uid, type, reason, message: text })
  }

  #onNode(type: KubeEvent['type'], reason: string, message: string): void {
    this.#events.tell({ kind: 'Node', namespace: '', name: this.#nodeName, uid: this.#uid, type, reason, message })
  }
}
