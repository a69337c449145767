/**
 * A small number for each context in which the same attribute octets mean something else: who sent them
 * (external or internal, ASN width, the ASNs that judge the path), and where the next hop comes from.
 */

import type { SenderContext } from 'bgp-ts'

type HopVersion = 0 | 4 | 6

export class ContextIds {
  readonly #ids = new Map<string, number>()
  readonly #bySender = new WeakMap<SenderContext, number>()

  of(sender: SenderContext, hop: HopVersion): number {
    let id = this.#bySender.get(sender)
    if (id === undefined) {
      const key = `${sender.external} ${sender.fourOctetAsn} ${sender.localAsn} ${sender.firstAsn} ${sender.asSets ?? false}`
      id = this.#ids.get(key) ?? this.#ids.size + 2
      this.#ids.set(key, id)
      this.#bySender.set(sender, id)
    }
    return id * 8 + hop
  }

  /** Lists of the routes that this speaker originates. */
  derived(hop: HopVersion): number {
    return 8 + hop
  }

  /** Lists that an import policy made of those with the id `plain`: apart for each, so that what came can be found again. */
  changedFrom(plain: number, hop: HopVersion): number {
    return -(plain * 8 + hop)
  }
}
