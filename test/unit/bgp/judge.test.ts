import { hex, judgeAttributes, type SenderContext } from 'bgp-ts'
import { expect } from 'chai'
import { octets } from '../../support/bytes.ts'

const external: SenderContext = { external: true, fourOctetAsn: true, localAsn: 65000, firstAsn: 0 }
const internal: SenderContext = { ...external, external: false }

const ORIGIN = '40 01 01 00'
const AS_PATH = '40 02 06 02 01 0000fc00'
const NEXT_HOP = '40 03 04 c0000201'
const BASE = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`

function judge(list: string, sender = external) {
  const bytes = octets(list)
  const judgement = judgeAttributes(bytes, 0, bytes.length, sender)
  return { ...judgement, kept: hex(judgement.canonical ?? bytes) }
}

const same = (list: string) => hex(octets(list))

describe('RFC 7606', () => {
  it('finds nothing in a good list, and keeps it as it is', () => {
    const { reaction, findings, canonical, summary } = judge(BASE)
    expect({ reaction, findings, canonical }).to.deep.equal({ reaction: 'none', findings: [], canonical: undefined })
    expect(summary).to.deep.include({
      origin: 0,
      asPathLength: 1,
      neighbourAsn: 64512,
      looped: false,
      hasNextHop: true,
      nextHop: 0xc0000201 | 0,
      localPref: -1,
    })
  })

  /** One row of the reaction table: the attribute beside the other mandatory ones. */
  const rows: [row: string, title: string, list: string, fromExternal: string, fromInternal?: string][] = [
    ['C/1 flags', 'ORIGIN with wrong flags', `c0 01 01 00 ${AS_PATH}`, 'treat-as-withdraw'],
    ['C/1 length', 'ORIGIN of 2 octets', `40 01 02 0000 ${AS_PATH}`, 'treat-as-withdraw'],
    ['C/1 value', 'ORIGIN above 2', `40 01 01 03 ${AS_PATH}`, 'treat-as-withdraw'],
    ['C3', 'ORIGIN of no octets', `40 01 00 ${AS_PATH}`, 'treat-as-withdraw'],
    ['C3', 'AS_PATH of no octets', `${ORIGIN} 40 02 00`, 'none'],
    ['C/2 flags', 'AS_PATH with wrong flags', `${ORIGIN} c0 02 06 02 01 0000fc00`, 'treat-as-withdraw'],
    ['C/2 value', 'AS_PATH with a segment type 5', `${ORIGIN} 40 02 06 05 01 0000fc00`, 'treat-as-withdraw'],
    ['C/2 length', 'AS_PATH with an empty segment', `${ORIGIN} 40 02 02 02 00`, 'treat-as-withdraw'],
    ['C/2 length', 'AS_PATH whose segment overruns', `${ORIGIN} 40 02 06 02 02 0000fc00`, 'treat-as-withdraw'],
    ['C/2 length', 'AS_PATH with an octet left', `${ORIGIN} 40 02 07 02 01 0000fc00 00`, 'treat-as-withdraw'],
    ['C21', 'AS_PATH with AS 0', `${ORIGIN} 40 02 06 02 01 00000000`, 'treat-as-withdraw'],
    ['C22', 'AS_PATH with an AS_SET', `${ORIGIN} 40 02 06 01 01 0000fc00`, 'treat-as-withdraw'],
    ['C23', 'a confederation segment', `${ORIGIN} 40 02 06 03 01 0000fc00`, 'treat-as-withdraw', 'none'],
    ['C/3 length', 'NEXT_HOP of 3 octets', `${ORIGIN} ${AS_PATH} 40 03 03 c00002`, 'treat-as-withdraw'],
    ['C/4 length', 'MED of 3 octets', `${BASE} 80 04 03 000001`, 'treat-as-withdraw'],
    ['C/4 flags', 'MED with wrong flags', `${BASE} 40 04 04 00000001`, 'treat-as-withdraw'],
    ['C/5 length', 'LOCAL_PREF of 3 octets', `${BASE} 40 05 03 000001`, 'none', 'treat-as-withdraw'],
    ['C/5 flags', 'LOCAL_PREF with wrong flags', `${BASE} 80 05 04 00000064`, 'none', 'treat-as-withdraw'],
    ['C/6 length', 'ATOMIC_AGGREGATE with a value', `${BASE} 40 06 01 00`, 'attribute-discard'],
    ['C/6 flags', 'ATOMIC_AGGREGATE with wrong flags', `${BASE} 80 06 00`, 'attribute-discard'],
    ['C/7 length', 'AGGREGATOR of 6 octets', `${BASE} c0 07 06 fc00 0a000001`, 'attribute-discard'],
    ['C21', 'AGGREGATOR with AS 0', `${BASE} c0 07 08 00000000 0a000001`, 'attribute-discard'],
    ['C3', 'COMMUNITIES of no octets', `${BASE} c0 08 00`, 'treat-as-withdraw'],
    ['C/8 length', 'COMMUNITIES of 5 octets', `${BASE} c0 08 05 0000000000`, 'treat-as-withdraw'],
    ['C/9 length', 'ORIGINATOR_ID of 3 octets', `${BASE} 80 09 03 000001`, 'none', 'treat-as-withdraw'],
    ['C/10 length', 'CLUSTER_LIST of 5 octets', `${BASE} 80 0a 05 0000000000`, 'none', 'treat-as-withdraw'],
    ['C3', 'EXTENDED_COMMUNITIES of no octets', `${BASE} c0 10 00`, 'treat-as-withdraw'],
    ['C/16 length', 'EXTENDED_COMMUNITIES of 7 octets', `${BASE} c0 10 07 00000000000000`, 'treat-as-withdraw'],
    ['C/32 length', 'LARGE_COMMUNITIES of 11 octets', `${BASE} c0 20 0b ${'00'.repeat(11)}`, 'treat-as-withdraw'],
    ['C/well-known value', 'an unknown well-known attribute', `${BASE} 40 63 01 00`, 'session-reset'],
    ['C17', 'attribute 28, corrupt', `${BASE} c0 1c 03 ffffff`, 'none'],
    ['C2', 'a list that ends inside a value', `${BASE} c0 08 04 0000`, 'treat-as-withdraw'],
    ['C2', 'a list with 2 octets left', `${BASE} c0 08`, 'treat-as-withdraw'],
    ['C6', 'a list without ORIGIN', `${AS_PATH} ${NEXT_HOP}`, 'treat-as-withdraw'],
    ['C6', 'a list without AS_PATH', `${ORIGIN} ${NEXT_HOP}`, 'treat-as-withdraw'],
    ['C7', 'a repeated attribute, malformed the second time', `${BASE} 40 01 01 09`, 'attribute-discard'],
    ['C8', 'a discard and a withdraw', `${BASE} 40 06 01 00 c0 08 00`, 'treat-as-withdraw'],
    ['C16', 'unused flag bits and an extended length', `5f 01 0001 00 ${AS_PATH}`, 'none'],
  ]
  for (const [row, title, list, fromExternal, fromInternal = fromExternal] of rows) {
    it(`${row} reacts to ${title} with ${fromExternal}`, () => {
      expect(judge(list).reaction).to.equal(fromExternal)
      expect(judge(list, internal).reaction, 'from an internal peer').to.equal(fromInternal)
    })
  }

  it('C20 refuses a first ASN that is not the peer, and takes it where the rule is off', () => {
    expect(judge(BASE, { ...external, firstAsn: 64999 }).reaction).to.equal('treat-as-withdraw')
    expect(judge(BASE, { ...external, firstAsn: 64512 }).reaction).to.equal('none')
    expect(judge(BASE).reaction).to.equal('none')
  })

  it('C17 keeps an unknown transitive attribute octet for octet, with Partial set', () => {
    expect(judge(`${BASE} c0 63 03 010203`).kept).to.equal(same(`${BASE} e0 63 03 010203`))
    expect(judge(`${BASE} e0 63 03 010203`).canonical).to.equal(undefined)
  })

  it('C18 drops an unknown non-transitive attribute', () => {
    expect(judge(`${BASE} 80 63 03 010203`).kept).to.equal(same(BASE))
  })

  it('drops LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST of an external peer unread', () => {
    const list = `${BASE} 40 05 04 00000064 80 09 04 0a000001 80 0a 04 0a000001`
    expect(judge(list)).to.deep.include({ reaction: 'none', kept: same(BASE) })
    expect(judge(list, internal).summary).to.deep.include({
      localPref: 100,
      originatorId: 0x0a000001,
      clusterListLength: 1,
    })
  })

  it('C7 keeps the first of a repeated attribute', () => {
    expect(judge(`${BASE} 80 04 04 00000005 80 04 04 00000007`).summary.med).to.equal(5)
  })

  it('C19 sees our own ASN in the path', () => {
    expect(judge(BASE, { ...external, localAsn: 64512 }).summary.looped).to.equal(true)
  })

  it('H11 sees NO_EXPORT and NO_ADVERTISE', () => {
    expect(judge(`${BASE} c0 08 04 ffffff01`).summary).to.deep.include({ noExport: true, noAdvertise: false })
    expect(judge(`${BASE} c0 08 04 ffffff02`).summary).to.deep.include({ noExport: false, noAdvertise: true })
  })

  it('leaves the multiprotocol attributes aside', () => {
    const reach = '80 0e 05 0001 01 00 00'
    expect(judge(`${reach} ${BASE}`)).to.deep.include({ reaction: 'none', canonical: undefined })
  })
})

describe('four-octet ASNs', () => {
  const twoOctets: SenderContext = { ...external, fourOctetAsn: false }
  const path2 = (asns: string, count: number) => `40 02 ${hex(Uint8Array.of(2 + count * 2))} 02 0${count} ${asns}`
  const path4 = (asns: string, count: number) => `40 02 ${hex(Uint8Array.of(2 + count * 4))} 02 0${count} ${asns}`
  const as4 = (asns: string, count: number) => `c0 11 ${hex(Uint8Array.of(2 + count * 4))} 02 0${count} ${asns}`

  const rows: [title: string, list: string, kept: string][] = [
    ['F6 a plain two-octet path is widened', path2('fc00 fc01', 2), path4('0000fc00 0000fc01', 2)],
    [
      'F3 AS4_PATH replaces the tail of AS_PATH',
      `${path2('fc00 5ba0', 2)} ${as4('fa56ea01', 1)}`,
      path4('0000fc00 fa56ea01', 2),
    ],
    [
      'F3 an AS4_PATH longer than AS_PATH is ignored',
      `${path2('fc00', 1)} ${as4('fa56ea01 fa56ea02', 2)}`,
      path4('0000fc00', 1),
    ],
    ['F5 a malformed AS4_PATH is discarded', `${path2('fc00', 1)} c0 11 03 02 01 00`, path4('0000fc00', 1)],
    ['F6 an empty AS_PATH survives', '40 02 00', '40 02 00'],
    [
      'F4 an AGGREGATOR that is not AS_TRANS makes both AS4 attributes ignored',
      `${path2('5ba0', 1)} c0 07 06 fc00 0a000001 ${as4('fa56ea01', 1)} c0 12 08 fa56ea01 0a000001`,
      `${path4('00005ba0', 1)} c0 07 08 0000fc00 0a000001`,
    ],
    [
      'F3 AS4_AGGREGATOR replaces an AGGREGATOR of AS_TRANS',
      `${path2('5ba0', 1)} c0 07 06 5ba0 0a000001 ${as4('fa56ea01', 1)} c0 12 08 fa56ea01 0a000001`,
      `${path4('fa56ea01', 1)} c0 07 08 fa56ea01 0a000001`,
    ],
  ]
  for (const [title, list, kept] of rows) {
    it(title, () => expect(judge(`${ORIGIN} ${list}`, twoOctets).kept).to.equal(same(`${ORIGIN} ${kept}`)))
  }

  it('F1 throws AS4 attributes of a four-octet peer away', () => {
    expect(judge(`${BASE} ${as4('fa56ea01', 1)} c0 12 08 fa56ea01 0a000001`).kept).to.equal(same(BASE))
  })
})
