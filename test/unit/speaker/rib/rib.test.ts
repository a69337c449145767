import { type Attributes, encodeAttributes, type Family, families, type Prefix, summarize } from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import { noNextHop } from '../../../../speaker/rib/attribute-entry.ts'
import { ContextIds } from '../../../../speaker/rib/context-ids.ts'
import { Rib } from '../../../../speaker/rib/rib.ts'
import { prefix } from '../../../support/fabric.ts'

const context = new ContextIds().derived(0)
const peers = [1, 2, 3, 4]

interface Path {
  readonly asn: number
  readonly med: number
}

class Subject {
  readonly rib = new Rib(
    () => 0.5,
    () => {},
  )
  readonly #prefix: Prefix

  constructor(one: Prefix) {
    this.#prefix = one
    for (const peer of peers) {
      this.rib.setRank(peer, { originated: false, external: true, routerId: peer, addressOrder: peer })
    }
  }

  announce(peer: number, { asn, med }: Path): void {
    const attributes: Attributes = { origin: 'igp', asPath: [{ type: 'sequence', asns: [asn] }], med }
    const list = encodeAttributes(attributes, { fourOctetAsn: true })
    const table = this.rib.attributes
    const id =
      table.find(list, 0, list.length, context, noNextHop) ||
      table.add(list, 0, list.length, context, noNextHop, summarize(list, 0, list.length, 64512))
    const { family, w0, w1, w2, w3, length } = this.#prefix
    this.rib.announce(this.rib.families[family], peer, w0, w1, w2, w3, length, id)
  }

  withdraw(peer: number): void {
    const { family, w0, w1, w2, w3, length } = this.#prefix
    this.rib.withdraw(this.rib.families[family], peer, w0, w1, w2, w3, length)
  }

  get best(): number | undefined {
    const { family, w0, w1, w2, w3, length } = this.#prefix
    const { prefixes, paths } = this.rib.families[family]
    const row = prefixes.find(w0, w1, w2, w3, length)
    const path = row < 0 ? -1 : paths.best(row)
    return path < 0 ? undefined : paths.peer(path)
  }
}

const samples: Record<Family, string> = { 'ipv4-unicast': '192.0.2.0/24', 'ipv6-unicast': '2001:db8::/48' }

for (const family of families) {
  describe(`the history of a prefix of ${family}`, () => {
    it('D17 does not matter when a path that was not best is withdrawn, and kept another from being best', () => {
      const subject = new Subject(prefix(samples[family]))
      // Of AS 65001 peer 3 has the lower MED, and loses to peer 2 by router id; without it peer 1 stands for that AS, and wins.
      subject.announce(1, { asn: 65001, med: 10 })
      subject.announce(2, { asn: 65002, med: 0 })
      subject.announce(3, { asn: 65001, med: 5 })
      expect(subject.best).to.equal(2)
      subject.withdraw(3)
      expect(subject.best).to.equal(1)
    })

    it('D17 does not matter: the best path is that of the paths that are there', () => {
      const operation = fc.record({
        withdraw: fc.boolean(),
        peer: fc.constantFrom(...peers),
        path: fc.record({ asn: fc.constantFrom(65001, 65002), med: fc.integer({ min: 0, max: 2 }) }),
      })
      fc.assert(
        fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
          const subject = new Subject(prefix(samples[family]))
          const model = new Map<number, Path>()
          for (const { withdraw, peer, path } of operations) {
            if (withdraw) {
              subject.withdraw(peer)
              model.delete(peer)
            } else {
              subject.announce(peer, path)
              model.set(peer, path)
            }
            const fresh = new Subject(prefix(samples[family]))
            for (const [other, held] of model) fresh.announce(other, held)
            expect(subject.best).to.equal(fresh.best)
          }
        }),
        { numRuns: 400 },
      )
    })
  })
}
