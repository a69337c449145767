import { type Attributes, encodeUpdate, type Family, families, type Negotiated } from 'bgp-ts'
import { expect } from 'chai'
import { acceptAll, defaultExport } from '../../../../policy/index.ts'
import type { PeerDeclaration, World } from '../../../../speaker/index.ts'
import type { PeerLink } from '../../../../speaker/peer-link.ts'
import { Routing } from '../../../../speaker/routing.ts'
import { address, negotiatedWith, peerTo, prefix } from '../../../support/fabric.ts'
import { VirtualClock } from '../../../support/virtual-clock.ts'

const headerLength = 19
const ownRouterId = 0x0a000002
const samples: Record<Family, { prefix: string; hop: string }> = {
  'ipv4-unicast': { prefix: '192.0.2.0/24', hop: '10.0.0.99' },
  'ipv6-unicast': { prefix: '2001:db8::/48', hop: 'fd00::99' },
}

const silent = () => {}
const newWorld = (): World => ({
  clock: new VirtualClock(),
  random: () => 0.5,
  transport: { dial: () => expect.fail('no dialling here'), listen: () => expect.fail('no listening here') },
  log: { debug: silent, info: silent, warn: silent, error: silent },
})

/** A peer whose UPDATEs the test writes; an internal one, unless it has another ASN. */
class Sender implements PeerLink {
  readonly declaration: PeerDeclaration
  readonly negotiated: Negotiated
  readonly localAddress = address('10.0.0.2')
  readonly queuedBytes = 0

  constructor(last: number, more: Partial<PeerDeclaration> = {}) {
    this.declaration = peerTo(`10.0.0.${last}`, 64512, { exportPolicy: acceptAll, ...more })
    this.negotiated = negotiatedWith(this.declaration.asn, 0x0a000000 + last)
  }

  get name(): string {
    return this.declaration.name
  }

  send(): boolean {
    return true
  }
}

for (const family of families) {
  const { prefix: text, hop } = samples[family]

  describe(`loops of ${family}`, () => {
    let routing: Routing
    let sender: Sender

    const start = (clusterId: number | undefined) => {
      routing = new Routing(newWorld(), { endOfRibHeld: false })
      identify(clusterId)
      sender = new Sender(3)
      routing.addPeer(sender)
      routing.sessionUp(sender, sender.negotiated)
    }
    const identify = (clusterId: number | undefined) => {
      routing.setLocal({ asn: 64512, routerId: ownRouterId, listen: [], addresses: {} })
      return routing.setCluster(clusterId)
    }
    const announce = (attributes: Attributes) => {
      const nextHop = address(hop)
      const common: Attributes = { origin: 'igp', asPath: [], localPref: 100, ...attributes }
      const bytes =
        family === 'ipv4-unicast'
          ? encodeUpdate({ attributes: { ...common, nextHop }, nlri: [prefix(text)] })
          : encodeUpdate({ attributes: common, reach: { family, nextHop, prefixes: [prefix(text)] } })
      expect(routing.update(sender, bytes, headerLength, bytes.length)).to.equal(undefined)
    }
    const counters = () => routing.routed(sender)!.counters[family]
    const held = () => [counters().accepted, routing.rib.families[family].paths.size]

    const rows: [rule: string, attributes: Attributes, clusterId: number | undefined, row?: string][] = [
      ['own router id in ORIGINATOR_ID', { originatorId: ownRouterId, clusterList: [9] }, undefined],
      ['own cluster id in CLUSTER_LIST', { originatorId: 5, clusterList: [9, 42, 8] }, 42],
      ['own cluster id in CLUSTER_LIST', { originatorId: 5, clusterList: [ownRouterId] }, ownRouterId],
      ['own AS in the path', { asPath: [{ type: 'sequence', asns: [65001, 64512] }] }, undefined, 'C19'],
    ]
    for (const [rule, attributes, clusterId, row = 'C33'] of rows) {
      it(`${row} refuses what has the ${rule}, and forgets what this peer said of the prefix before`, () => {
        start(clusterId)
        announce({ originatorId: 5, clusterList: [9] })
        expect(held()).to.deep.equal([1, 1])
        announce(attributes)
        expect(held()).to.deep.equal([0, 0])
        expect([...counters().rejectedBy]).to.deep.equal([[rule, 1]])
        announce({})
        expect(held()).to.deep.equal([1, 1])
      })
    }

    it('takes what went through the cluster of its router id while it is no reflector, and through any other', () => {
      start(undefined)
      announce({ originatorId: 5, clusterList: [ownRouterId, 42] })
      expect(held()).to.deep.equal([1, 1])
      start(42)
      announce({ originatorId: 42, clusterList: [ownRouterId, 41, 43] })
      expect(held()).to.deep.equal([1, 1])
    })

    it('lets policies tell internal from external peers', () => {
      start(undefined)
      const statement = { name: 'no', match: { learnedFrom: 'internal' }, action: 'reject' } as const
      const importPolicy = { name: 'external only', statements: [statement], default: 'accept' } as const
      sender = new Sender(4, { importPolicy })
      routing.addPeer(sender)
      routing.sessionUp(sender, sender.negotiated)
      announce({})
      expect([...counters().rejectedBy]).to.deep.equal([['no', 1]])
    })

    it('drops what came through a cluster that becomes its own, and asks again for what the last one refused', () => {
      start(42)
      announce({ originatorId: 5, clusterList: [43] })
      expect(identify(43)).to.deep.equal([{ link: sender, needsRefresh: [] }])
      expect(held()).to.deep.equal([0, 0])
      expect(counters().rejectedSample.get(text)).to.equal('own cluster id in CLUSTER_LIST')
      expect(identify(44)).to.deep.equal([{ link: sender, needsRefresh: [family] }])
      expect(identify(44)).to.deep.equal([])
    })
  })
}

describe('a reflector', () => {
  it('sends routers the same octets, as they are offered nothing that is reflected', () => {
    const exportPolicy = defaultExport({
      podCidrsToExternal: true,
      communities: [],
      nextHopSelf: false,
      reflects: true,
    })
    const routing = new Routing(newWorld(), { endOfRibHeld: false })
    routing.setLocal({ asn: 64512, routerId: ownRouterId, listen: [], addresses: {} })
    routing.setCluster(42)
    const groupsWith = (...senders: readonly Sender[]) => {
      for (const sender of senders) {
        routing.addPeer(sender)
        routing.sessionUp(sender, sender.negotiated)
      }
      return routing.outbound.groups
    }
    const routers = [new Sender(11, { exportPolicy, asn: 65001 }), new Sender(12, { exportPolicy, asn: 65002 })]
    expect(groupsWith(...routers)).to.equal(1)
    const clients = [13, 14].map((last) => new Sender(last, { exportPolicy, reflectorClient: true }))
    expect(groupsWith(...clients)).to.equal(3)
  })
})
