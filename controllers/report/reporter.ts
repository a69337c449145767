/** What becomes an event, and on which object: findings, the life of the node, its sessions. The daemon's own Node and Services alone. */

import type { PeerEvent } from '../../speaker/index.ts'
import { apiServer, type Finding } from '../findings.ts'
import type { Planned } from '../reconcile.ts'
import type { View } from '../view.ts'
import { type EventReason, type EventReasonRow, eventReasons } from './event-reasons.ts'
import type { EventWriter, KubeEvent } from './events.ts'

type Life = 'stays' | 'draining' | 'drained'
type About = Pick<KubeEvent, 'kind' | 'namespace' | 'name' | 'uid'>
type WordsOf<Reason extends EventReason> = Parameters<(typeof eventReasons)[Reason]['says']>

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
      if (drain) this.#onNode(life === 'draining' ? 'Draining' : 'Drained', { signal: drain.signal })
      else this.#onNode('Undrained')
    }
    const gate = circumstances?.gate
    if (gate !== undefined && gate !== this.#gate) this.#onNode('GateClosed', { why: gate })
    if (gate === undefined && this.#gate !== undefined) this.#onNode('GateOpen')
    this.#gate = gate
  }

  session(event: PeerEvent): void {
    if (event.kind === 'up') {
      this.#onNode('SessionUp', { peer: event.peer, families: event.negotiated.families.join(' and ') })
    } else if (event.established) {
      this.#onNode('SessionDown', { peer: event.peer, why: event.why })
    }
  }

  #tellFinding({ object, field, value, message, severity }: Finding): void {
    const [kind, first = '', second] = object.split('/')
    const text = `${field}: "${value}" ${message}`
    const reason = severity === 'error' ? 'InvalidValue' : 'Notice'
    if (kind === 'node' && first === this.#nodeName) this.#onNode(reason, { finding: text })
    // What is no object of the cluster, such as the CNI file, is this node's.
    if (kind !== 'node' && kind !== 'service' && object !== apiServer)
      this.#onNode(reason, { finding: `${object} ${text}` })
    if (kind !== 'service' || second === undefined) return
    const uid = this.#view()?.services.get(`${first}/${second}`)?.uid ?? ''
    this.#tell({ kind: 'Service', namespace: first, name: second, uid }, reason, { finding: text })
  }

  #onNode<Reason extends EventReason>(reason: Reason, ...words: WordsOf<Reason>): void {
    this.#tell({ kind: 'Node', namespace: '', name: this.#nodeName, uid: this.#uid }, reason, ...words)
  }

  #tell<Reason extends EventReason>(about: About, reason: Reason, ...words: WordsOf<Reason>): void {
    const { type, says } = eventReasons[reason] as EventReasonRow<readonly unknown[]>
    this.#events.tell({ ...about, type, reason, message: says(...words) })
  }
}
