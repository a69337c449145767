/**
 * What the import policy of a peer and the well-known communities make of one route after another that have their attributes in common:
 * who they are is set once, and no object is made per prefix.
 */

import type { Subject, Verdict } from '../../policy/index.ts'
import type { RoutedPeer } from '../routed-peer.ts'
import { type AttributeReader, unusable } from './attribute-reader.ts'
import type { AttributeTable } from './attribute-table.ts'
import type { FamilyRib } from './rib.ts'
import { noRules, refusedBy, type WellKnownRule, wellKnownRules } from './well-known.ts'

export class RouteJudge {
  readonly #table: AttributeTable
  readonly #reader: AttributeReader
  #peer!: RoutedPeer
  #rules: readonly WellKnownRule[] = noRules
  /** As they came; what a policy makes of them is another entry of the table. */
  #attributes = unusable
  /** What the verdicts on these attributes make of them. */
  readonly #changes = new Map<Verdict, number>()
  readonly #stored = { table: {} as object, id: 0, generation: 0 }
  readonly #subject: Subject = {
    family: 'ipv4-unicast',
    w0: 0,
    w1: 0,
    w2: 0,
    w3: 0,
    length: 0,
    source: 'learned',
    kind: '',
    neighbour: '',
    neighbourAsn: undefined,
    neighbourAddress: undefined,
    external: true,
    fromExternal: true,
    localAsn: 0,
    attributes: () => this.#table.attributes(this.#attributes),
    nextHop: () => this.#table.nextHop(this.#attributes),
    stored: this.#stored,
  }

  constructor(table: AttributeTable, reader: AttributeReader) {
    this.#table = table
    this.#reader = reader
    this.#stored.table = table
  }

  /** What well-known communities ask for these routes. */
  get rules(): readonly WellKnownRule[] {
    return this.#rules
  }

  /** Whether every unicast route is taken as it came. */
  get isOpen(): boolean {
    return this.#peer.importPolicy.isOpen && this.#rules.length === 0
  }

  /** Whether the import policy of this peer says what it says whatever the attributes are. */
  decidesByPrefix({ importPolicy }: RoutedPeer): boolean {
    return !importPolicy.usesAttributes && !importPolicy.isOpen
  }

  /** Sets what the routes in question have in common: whose they are, of which family, and their attributes as they came. */
  prepare(peer: RoutedPeer, rib: FamilyRib, attributes: number): void {
    const subject = this.#subject
    const { asn, address } = peer.link.declaration
    this.#peer = peer
    this.#attributes = attributes
    this.#stored.id = attributes
    this.forget()
    this.#rules = noRules
    subject.family = rib.family
    subject.neighbour = peer.name
    subject.neighbourAsn = asn
    subject.neighbourAddress = address
    subject.external = peer.external
    subject.fromExternal = peer.external
    subject.localAsn = peer.sender.localAsn
    if (attributes === unusable) return
    this.#stored.generation = this.#table.generation(attributes)
    this.#rules = wellKnownRules(this.#table, attributes, peer)
  }

  /** `hits` counts the statement that decides. */
  judge(w0: number, w1: number, w2: number, w3: number, length: number, hits?: Float64Array): Verdict {
    const subject = this.#subject
    subject.w0 = w0
    subject.w1 = w1
    subject.w2 = w2
    subject.w3 = w3
    subject.length = length
    return this.#peer.importPolicy.evaluate(subject, hits)
  }

  /** Why a route is not taken: the statement that rejects it, or what a well-known community asks for. */
  refusal(verdict: Verdict): string | undefined {
    if (!verdict.accept) return verdict.statement
    return this.#rules.length === 0 ? undefined : refusedBy(this.#rules, verdict)
  }

  /** The entry that the attributes become by this verdict: the same one, where nothing changes them. Held until `forget`. */
  become(verdict: Verdict): number {
    if (verdict.actions.length === 0 && this.#rules.length === 0) return this.#attributes
    const known = this.#changes.get(verdict)
    if (known !== undefined) return known
    const actions = [...verdict.actions, ...this.#rules.map((rule) => rule.actions)]
    const made = this.#reader.rewritten(this.#peer, this.#subject.family, this.#attributes, actions)
    this.#table.retain(made)
    this.#changes.set(verdict, made)
    return made
  }

  /** Lets go of what verdicts made: nobody else has it where the prefixes were refused after all. */
  forget(): void {
    if (this.#changes.size === 0) return
    for (const made of this.#changes.values()) this.#table.release(made)
    this.#changes.clear()
  }
}
