import { type Family, families } from 'bgp-ts'
import { expect } from 'chai'
import {
  compile,
  type DefaultExportOptions,
  type DefaultImportOptions,
  defaultExport,
  defaultImport,
  internalRouterExport,
  type Subject,
} from '../../../policy/index.ts'
import { address, prefix } from '../../support/fabric.ts'

type PeerType = 'external' | 'internal'
const peerTypes: readonly PeerType[] = ['external', 'internal']

function subject(text: string, source: Subject['source'], kind: string, peerType: PeerType, from = peerType): Subject {
  const { family, w0, w1, w2, w3, length } = prefix(text)
  const attributes = () => ({})
  return {
    family,
    w0,
    w1,
    w2,
    w3,
    length,
    source,
    kind,
    neighbour: 'tor',
    external: peerType === 'external',
    fromExternal: source === 'learned' && from === 'external',
    attributes,
  }
}

const samples: Record<Family, { podCidr: string; vip: string; other: string }> = {
  'ipv4-unicast': { podCidr: '10.244.1.0/24', vip: '203.0.113.10/32', other: '198.51.100.0/24' },
  'ipv6-unicast': { podCidr: 'fd00:244:1::/64', vip: '2001:db8:1::10/128', other: '2001:db8:9::/48' },
}

describe('the default export policy', () => {
  const plain: DefaultExportOptions = { podCidrsToExternal: true, communities: [], nextHopSelf: false }

  interface Row {
    readonly kind: string
    readonly to: PeerType
    readonly verdict: [accept: boolean, statement: string]
    readonly options?: Partial<DefaultExportOptions>
  }
  const vipRows = (kind: string): Row[] => [
    { kind, to: 'external', verdict: [true, 'service VIPs to external peers'] },
    { kind, to: 'internal', verdict: [false, 'service VIPs go to external peers only'] },
  ]
  const quiet = { podCidrsToExternal: false }
  const rows: Row[] = [
    { kind: 'pod-cidr', to: 'internal', verdict: [true, 'pod CIDRs to internal peers'] },
    { kind: 'pod-cidr', to: 'external', verdict: [true, 'pod CIDRs to external peers'] },
    { kind: 'pod-cidr', to: 'internal', verdict: [true, 'pod CIDRs to internal peers'], options: quiet },
    { kind: 'pod-cidr', to: 'external', verdict: [false, '--advertise-pod-cidr is false'], options: quiet },
    { kind: 'cluster-ip', to: 'external', verdict: [true, 'service VIPs to external peers'], options: quiet },
    ...vipRows('cluster-ip'),
    ...vipRows('external-ip'),
    ...vipRows('load-balancer-ip'),
    { kind: 'static', to: 'external', verdict: [false, 'default'] },
    { kind: 'static', to: 'internal', verdict: [false, 'default'] },
  ]

  for (const family of families) {
    for (const { kind, to, verdict, options } of rows) {
      const flag = options ? ' with --advertise-pod-cidr=false' : ''
      it(`${verdict[0] ? 'sends' : 'withholds'} a ${kind} ${verdict[0] ? 'to' : 'from'} ${to} peers${flag}: ${family}`, () => {
        const text = kind === 'pod-cidr' ? samples[family].podCidr : samples[family].vip
        const { accept, statement } = compile(defaultExport({ ...plain, ...options })).evaluate(
          subject(text, 'originated', kind, to),
        )
        expect([accept, statement]).to.deep.equal(verdict)
      })
    }

    for (const to of peerTypes) {
      it(`passes no learned route on to ${to} peers: ${family}`, () => {
        const compiled = compile(defaultExport(plain))
        for (const text of Object.values(samples[family])) {
          const { accept, statement } = compiled.evaluate(subject(text, 'learned', '', to))
          expect([accept, statement]).to.deep.equal([false, 'not originated by this node'])
        }
      })
    }

    it(`sets communities, prepends and the next hop towards external peers alone: ${family}`, () => {
      const options: DefaultExportOptions = {
        podCidrsToExternal: true,
        communities: [0xfde90064],
        prepend: { asn: 4200000000, count: 2 },
        nextHopSelf: true,
      }
      const compiled = compile(defaultExport(options))
      const { podCidr, vip } = samples[family]
      const set = [{ addCommunities: [0xfde90064], prepend: { asn: 4200000000, count: 2 }, nextHop: 'self' }]
      expect(compiled.evaluate(subject(podCidr, 'originated', 'pod-cidr', 'external')).actions).to.deep.equal(set)
      expect(compiled.evaluate(subject(vip, 'originated', 'external-ip', 'external')).actions).to.deep.equal(set)
      expect(compiled.evaluate(subject(podCidr, 'originated', 'pod-cidr', 'internal')).actions).to.deep.equal([])
    })

    it(`changes nothing where nothing is asked for: ${family}`, () => {
      const { actions } = compile(defaultExport(plain)).evaluate(
        subject(samples[family].vip, 'originated', 'external-ip', 'external'),
      )
      expect(actions).to.deep.equal([])
    })
  }

  for (const family of families) {
    it(`C27 lets a reflector pass learned routes from internal to internal peers, and no further: ${family}`, () => {
      const compiled = compile(defaultExport({ ...plain, communities: [7], nextHopSelf: true, reflects: true }))
      for (const from of peerTypes) {
        for (const towards of peerTypes) {
          const verdict = compiled.evaluate(subject(samples[family].other, 'learned', '', towards, from))
          const reflected = from === 'internal' && towards === 'internal'
          const statement = reflected ? 'route reflection, kube-router.io/rr.server' : 'not originated by this node'
          expect(verdict, `${from} to ${towards}`).to.deep.include({ accept: reflected, statement, actions: [] })
        }
      }
      for (const peerType of peerTypes) {
        const vip = compiled.evaluate(subject(samples[family].vip, 'originated', 'external-ip', peerType))
        expect(vip.accept, peerType).to.equal(peerType === 'external')
      }
    })
  }

  for (const family of families) {
    it(`C27 lets a reflector pass pod CIDRs of other nodes to routers of its AS where it sends them its own: ${family}`, () => {
      for (const podCidrsToExternal of [true, false]) {
        const compiled = compile(internalRouterExport({ ...plain, podCidrsToExternal, reflects: true }))
        const passes = (from: PeerType) =>
          compiled.evaluate(subject(samples[family].podCidr, 'learned', '', 'internal', from)).accept
        expect([passes('internal'), passes('external')]).to.deep.equal([podCidrsToExternal, false])
        const own = compiled.evaluate(subject(samples[family].podCidr, 'originated', 'pod-cidr', 'internal'))
        expect(own.accept).to.equal(podCidrsToExternal)
      }
      expect(compile(internalRouterExport(plain)).acceptsLearned).to.equal(false)
    })
  }

  it('of a reflector is offered learned routes towards internal peers alone', () => {
    const { acceptsLearnedTowards } = compile(defaultExport({ ...plain, reflects: true }))
    expect(acceptsLearnedTowards).to.deep.equal({ external: false, internal: true })
  })

  it('need not be offered learned routes at all', () => {
    for (const podCidrsToExternal of [true, false]) {
      const { acceptsLearnedTowards } = compile(defaultExport({ ...plain, podCidrsToExternal }))
      expect(acceptsLearnedTowards).to.deep.equal({ external: false, internal: false })
    }
  })

  it('asks for no attributes and no prefix, so that VIPs come and go at no cost', () => {
    expect(compile(defaultExport(plain))).to.include({ usesAttributes: false, usesPrefix: false, usesNeighbour: false })
  })
})

describe('the default import policy', () => {
  const nothing: DefaultImportOptions = {
    default: 'accept',
    ownPodCidrs: [],
    serviceCidrs: [],
    vips: [],
    clusterPodCidrs: [],
    customImportReject: [],
  }
  const all = (...texts: string[]) => texts.map(prefix)
  const cluster: DefaultImportOptions = {
    default: 'accept',
    ownPodCidrs: all('10.244.1.0/24', 'fd00:244:1::/64'),
    clusterPodCidrs: all('10.244.0.0/16', 'fd00:244::/48'),
    serviceCidrs: all('10.96.0.0/12', 'fd00:96::/112'),
    vips: all('203.0.113.10/32', '2001:db8:1::10/128'),
    customImportReject: all('172.16.0.0/12', 'fd77::/32'),
  }

  const own = "this node's pod CIDRs"
  const pods = "the cluster's pod CIDRs"
  const services = "the cluster's service CIDRs"
  const vips = 'service VIPs'
  const custom = 'kube-router.io/node.bgp.customimportreject'
  /** Which statement rejects it from either peer type; `accepted` where none does. */
  const rows: Record<Family, [route: string, external: string, internal: string][]> = {
    'ipv4-unicast': [
      ['0.0.0.0/0', 'default route', 'default route'],
      ['0.0.0.0/1', 'accepted', 'accepted'],
      ['128.0.0.0/1', 'accepted', 'accepted'],
      ['10.244.1.0/24', own, own],
      ['10.244.1.128/25', own, own],
      ['10.244.1.7/32', own, own],
      ['10.244.2.0/24', pods, 'accepted'],
      ['10.244.0.0/16', pods, 'accepted'],
      ['10.240.0.0/12', 'accepted', 'accepted'],
      ['10.96.0.0/12', services, services],
      ['10.100.3.4/32', services, services],
      ['10.0.0.0/8', 'accepted', 'accepted'],
      ['203.0.113.10/32', vips, vips],
      ['203.0.113.11/32', 'accepted', 'accepted'],
      ['203.0.113.0/24', 'accepted', 'accepted'],
      ['172.16.0.0/12', custom, custom],
      ['172.20.1.0/24', custom, custom],
      ['172.32.0.0/16', 'accepted', 'accepted'],
      ['198.51.100.0/24', 'accepted', 'accepted'],
    ],
    'ipv6-unicast': [
      ['::/0', 'default route', 'default route'],
      ['::/1', 'accepted', 'accepted'],
      ['8000::/1', 'accepted', 'accepted'],
      ['fd00:244:1::/64', own, own],
      ['fd00:244:1::/65', own, own],
      ['fd00:244:1::7/128', own, own],
      ['fd00:244:0:2::/64', pods, 'accepted'],
      ['fd00:244::/48', pods, 'accepted'],
      ['fd00::/16', 'accepted', 'accepted'],
      ['fd00:96::/112', services, services],
      ['fd00:96::34/128', services, services],
      ['fd00:96::/64', 'accepted', 'accepted'],
      ['2001:db8:1::10/128', vips, vips],
      ['2001:db8:1::11/128', 'accepted', 'accepted'],
      ['2001:db8:1::/64', 'accepted', 'accepted'],
      ['fd77::/32', custom, custom],
      ['fd77:0:1::/48', custom, custom],
      ['fd78::/32', 'accepted', 'accepted'],
      ['2001:db8:9::/48', 'accepted', 'accepted'],
    ],
  }

  for (const family of families) {
    for (const [route, ...outcomes] of rows[family]) {
      for (const [index, from] of peerTypes.entries()) {
        const outcome = outcomes[index]!
        it(`J11 ${outcome === 'accepted' ? 'takes' : 'refuses'} ${route} from ${from} peers`, () => {
          const { accept, statement } = compile(defaultImport(cluster)).evaluate(subject(route, 'learned', '', from))
          expect([accept, statement]).to.deep.equal(outcome === 'accepted' ? [true, 'default'] : [false, outcome])
        })
      }
    }

    for (const from of peerTypes) {
      it(`J1 takes nothing from ${from} peers where the default is reject: ${family}`, () => {
        const compiled = compile(defaultImport({ ...cluster, default: 'reject' }))
        for (const [route] of rows[family]) {
          expect(compiled.evaluate(subject(route, 'learned', '', from)).accept, route).to.equal(false)
        }
      })

      it(`J11 of a reflector takes no more than the pod CIDRs of other nodes where the default is reject: ${from} ${family}`, () => {
        const compiled = compile(defaultImport({ ...cluster, default: 'reject', reflects: true }))
        const taken = rows[family]
          .map(([route]) => route)
          .filter((route) => compiled.evaluate(subject(route, 'learned', '', from)).accept)
        const others = {
          'ipv4-unicast': ['10.244.2.0/24', '10.244.0.0/16'],
          'ipv6-unicast': ['fd00:244:0:2::/64', 'fd00:244::/48'],
        }
        expect(taken).to.deep.equal(from === 'internal' ? others[family] : [])
      })

      it(`J11 refuses the default route from ${from} peers before anything is known of the cluster: ${family}`, () => {
        const compiled = compile(defaultImport(nothing))
        const [route] = rows[family][0]!
        expect(compiled.evaluate(subject(route, 'learned', '', from)).statement).to.equal('default route')
        expect(compiled.evaluate(subject(samples[family].other, 'learned', '', from)).accept).to.equal(true)
      })
    }
  }

  it('names no statement that has nothing to reject', () => {
    const names = (options: DefaultImportOptions) => defaultImport(options).statements.map(({ name }) => name)
    expect(names(nothing)).to.deep.equal(['default route'])
    expect(names(cluster)).to.deep.equal(['default route', own, pods, services, vips, custom])
  })

  it('has the same key for the same cluster, in whatever order its prefixes are listed', () => {
    const turned = {
      ...cluster,
      clusterPodCidrs: cluster.clusterPodCidrs.toReversed(),
      vips: cluster.vips.toReversed(),
    }
    expect(compile(defaultImport(turned)).key).to.equal(compile(defaultImport(cluster)).key)
    const grown = { ...cluster, vips: [...cluster.vips, ...all('203.0.113.11/32')] }
    expect(compile(defaultImport(grown)).key).not.to.equal(compile(defaultImport(cluster)).key)
  })

  it('decodes no attributes', () => {
    expect(compile(defaultImport(cluster)).usesAttributes).to.equal(false)
  })
})

describe('text of addresses and prefixes', () => {
  const good: [text: string, canonical: string][] = [
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['255.255.255.255/32', '255.255.255.255/32'],
    ['2001:DB8:0:0::1/64', '2001:db8::/64'],
    ['::/0', '::/0'],
    ['::ffff:10.0.0.1/128', '::ffff:10.0.0.1/128'],
  ]
  for (const [text, canonical] of good) {
    it(`C14 reads ${text} as ${canonical}`, () => expect(String(prefix(text))).to.equal(canonical))
  }

  const bad = [
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0/8',
    '010.0.0.0/8',
    '::/129',
    '::',
    'fe80::1%eth0/64',
    ' ::/0',
  ]
  for (const text of bad) {
    it(`refuses ${text} as a prefix`, () => expect(() => prefix(text)).to.throw('not a prefix'))
  }

  for (const text of ['10.0.0.1', 'fd00::1', '::']) {
    it(`reads the address ${text}`, () => expect(String(address(text))).to.equal(text))
  }
  for (const text of ['', '10.0.0', '10.0.0.256', '0x0a.0.0.1', '10.0.0.1/32', 'fe80::1%lo', '1::2::3']) {
    it(`refuses '${text}' as an address`, () => expect(() => address(text)).to.throw('not an address'))
  }
})
