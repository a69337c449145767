import type { Attributes } from 'bgp-ts'
import { expect } from 'chai'
import {
  AsPathPattern,
  AsPathSet,
  CommunitySet,
  communitiesOf,
  NeighbourSet,
  NumberSet,
  PatternError,
  parseCommunityPattern,
  parseNeighbour,
  parsePrefixEntry,
  parseRange,
} from '../../../policy/index.ts'
import { address } from '../../support/fabric.ts'

const communitySet = (...texts: string[]) =>
  new CommunitySet(
    texts.map((text) => {
      const pattern = parseCommunityPattern(text)
      if (!pattern) throw new Error(`no community: ${text}`)
      return pattern
    }),
  )

describe('a set of communities', () => {
  const standard = (high: number, low: number): Attributes => ({ communities: [7, ((high << 16) | low) >>> 0] })
  const large = (...value: [number, number, number]): Attributes => ({ largeCommunities: [[9, 9, 9], value] })
  const extended = (high: number, low: number): Attributes => ({ extendedCommunities: [{ high, low }] })

  const rows: [pattern: string, takes: Attributes, leaves: Attributes][] = [
    ['65001:1', standard(65001, 1), standard(65001, 2)],
    ['65001:*', standard(65001, 65535), standard(65002, 1)],
    ['*:666', standard(0, 666), standard(666, 0)],
    ['65001:100-199', standard(65001, 199), standard(65001, 200)],
    ['64512-65534:5', standard(65000, 5), standard(65535, 5)],
    ['no-export', standard(65535, 65281), standard(65535, 65282)],
    ['NO-EXPORT', standard(65535, 65281), { largeCommunities: [[0, 65535, 65281]] }],
    ['blackhole', standard(65535, 666), standard(65534, 666)],
    ['graceful-shutdown', standard(65535, 0), {}],
    ['4259905537', standard(65001, 1), standard(65001, 2)],
    ['65001:1:2', large(65001, 1, 2), large(65001, 2, 1)],
    ['4200000000:*:2', large(4200000000, 77, 2), large(4200000000, 77, 3)],
    ['65001:1-5:*', large(65001, 5, 0), large(65001, 6, 0)],
    ['65001:1:2', large(65001, 1, 2), standard(65001, 1)],
    // Type 0: two octets of ASN; type 2: four; type 1: an IPv4 address.
    ['rt:65001:100', extended(0x0002fde9, 100), extended(0x0003fde9, 100)],
    ['soo:65001:*', extended(0x0003fde9, 4000000000), extended(0x0002fde9, 1)],
    ['rt:4200000000:7', extended(0x0202fa56, 0xea000007), extended(0x0202fa56, 0xea000008)],
    ['rt:65001:7', extended(0x02020000, 0xfde90007), extended(0x01020000, 0xfde90007)],
    ['rt:10.0.0.1:7', extended(0x01020a00, 0x00010007), extended(0x02020a00, 0x00010007)],
    ['rt:65001:100', extended(0x4002fde9, 100), extended(0x0302fde9, 100)],
    ['0x030b000000000001', extended(0x030b0000, 1), extended(0x030b0000, 2)],
  ]
  for (const [pattern, takes, leaves] of rows) {
    it(`J2 takes by ${pattern} what it says, and nothing else`, () => {
      const set = communitySet(pattern)
      expect([set.any(takes), set.any(leaves)]).to.deep.equal([true, false])
    })
  }

  it('J2 takes any of its patterns, or asks for all of them', () => {
    const set = communitySet('65001:1', '65001:1:2')
    expect([set.any(standard(65001, 1)), set.all(standard(65001, 1))]).to.deep.equal([true, false])
    expect(set.all({ ...standard(65001, 1), ...large(65001, 1, 2) })).to.equal(true)
  })

  it('has one key for the same patterns in any order', () => {
    expect(communitySet('65001:1', 'rt:1:1').key).to.equal(communitySet('rt:1:1', '65001:1').key)
    expect(communitySet('65001:1').key).not.to.equal(communitySet('65001:1-2').key)
  })

  for (const text of [
    '',
    '65001:',
    ':1',
    '65536:1',
    '1:65536',
    '1:9-3',
    '1:2:3:4',
    'rt:1',
    'rt:1:2:3',
    'no-exports',
    'x:1',
    '0x12',
    '1:2:4294967296',
    'rt:fd00::1:1',
  ]) {
    it(`is not made of ${text === '' ? 'nothing' : text}`, () => {
      expect(parseCommunityPattern(text)).to.equal(undefined)
    })
  }

  it('is what an action adds, where it leaves nothing open', () => {
    const of = (...texts: string[]) => communitiesOf(communitySet(...texts).patterns)
    expect(of('65001:1', 'no-export', '1:2:3', 'rt:65001:9', 'rt:4200000000:7', 'soo:10.0.0.1:7')).to.deep.equal({
      standard: [0xfde90001, 0xffffff01],
      large: [[1, 2, 3]],
      extended: [
        { high: 0x0002fde9, low: 9 },
        { high: 0x0202fa56, low: 0xea000007 },
        { high: 0x01030a00, low: 0x00010007 },
      ],
    })
    for (const open of ['65001:*', '1:1-2:3', 'rt:*:1']) expect(of(open)).to.have.property('sort')
    // Four octets of ASN leave two for the value.
    expect(of('rt:4200000000:65536')).to.have.property('sort')
  })
})

describe('a set of neighbours', () => {
  const tor = { name: 'tor-a', external: true, asn: 65001, address: address('10.0.0.1') }
  const spine = { name: 'spine', external: true, asn: 4200000000, address: address('fd00::1') }
  const node = { name: 'node-2', external: false, asn: 64512, address: address('10.0.1.2') }
  const rows: [texts: string[], takes: string[]][] = [
    [['tor-a'], ['tor-a']],
    [['10.0.0.1'], ['tor-a']],
    [['10.0.0.0/16'], ['tor-a', 'node-2']],
    [['fd00::/64'], ['spine']],
    [
      ['fd00::1', '10.0.0.1'],
      ['tor-a', 'spine'],
    ],
    [['65001'], ['tor-a']],
    [['AS4200000000'], ['spine']],
    [['64512-65001'], ['tor-a', 'node-2']],
    [['external'], ['tor-a', 'spine']],
    [
      ['internal', 'spine'],
      ['spine', 'node-2'],
    ],
    [[], []],
  ]
  for (const [texts, takes] of rows) {
    it(`J2 of ${texts.join(', ') || 'nobody'} has ${takes.join(', ') || 'nobody'}`, () => {
      const set = new NeighbourSet(texts.map(parseNeighbour))
      const peers = [tor, spine, node]
      for (const _time of [1, 2])
        expect(peers.filter((peer) => set.has(peer)).map(({ name }) => name)).to.deep.equal(takes)
    })
  }

  it('takes a peer of the same name for another one once its address is another', () => {
    const set = new NeighbourSet([parseNeighbour('10.0.0.1')])
    expect([set.has(tor), set.has({ ...tor, address: address('10.0.0.9') })]).to.deep.equal([true, false])
  })
})

describe('a set of AS paths', () => {
  const path = (...asns: number[]) => (asns.length > 0 ? [{ type: 'sequence' as const, asns }] : [])
  const of = (...list: number[]) => new NumberSet(list.map((asn) => ({ min: asn, max: asn })))
  const rows: [title: string, set: AsPathSet, takes: number[], leaves: number[]][] = [
    ['an ASN anywhere', new AsPathSet([{ contains: of(2) }]), [1, 2, 3], [1, 22, 3]],
    ['the origin', new AsPathSet([{ origin: of(3) }]), [1, 2, 3], [3, 2, 1]],
    ['the neighbour', new AsPathSet([{ neighbour: of(1) }]), [1, 2, 3], [3, 2, 1]],
    ['no other ASN', new AsPathSet([{ only: of(1, 2) }]), [1, 1, 2], [1, 3]],
    ['no other ASN, and at least one', new AsPathSet([{ only: of(1) }]), [1], []],
    ['a length', new AsPathSet([{ length: { min: 2, max: 3 } }]), [1, 1], [1, 1, 1, 1]],
    ['an empty path', new AsPathSet([{ empty: true }]), [], [1]],
    ['a path that is not empty', new AsPathSet([{ empty: false }]), [1], []],
    ['all facts of an entry', new AsPathSet([{ origin: of(3), neighbour: of(1) }]), [1, 3], [2, 3]],
    ['any entry', new AsPathSet([{ origin: of(3) }, { empty: true }]), [], [1]],
    ['a pattern', new AsPathSet([new AsPathPattern('^1_2$')]), [1, 2], [1, 2, 3]],
  ]
  for (const [title, set, takes, leaves] of rows) {
    it(`J2 takes by ${title}`, () => {
      expect([set.has(path(...takes)), set.has(path(...leaves))]).to.deep.equal([true, false])
    })
  }

  it('takes an ASN inside a set, but no set for an origin or a neighbour', () => {
    const sets = [{ type: 'set' as const, asns: [1, 2] }]
    expect(new AsPathSet([{ contains: of(2) }]).has(sets)).to.equal(true)
    expect(new AsPathSet([{ origin: of(2) }]).has(sets)).to.equal(false)
    expect(new AsPathSet([{ neighbour: of(1) }]).has(sets)).to.equal(false)
  })
})

describe('a pattern of AS paths', () => {
  const rows: [source: string, takes: string[], leaves: string[]][] = [
    ['', ['', '65001'], []],
    ['^$', [''], ['65001']],
    ['^65001_', ['65001', '65001 65002'], ['650011', '65002 65001']],
    ['_65001$', ['65001', '65002 65001'], ['165001', '65001 65002']],
    ['_65001_', ['65001', '1 65001 2', '{65001 2}', '1 (65001) 2'], ['650012', '1 650011']],
    ['65001', ['1650012'], ['65002']],
    ['^65001(_65001)*$', ['65001', '65001 65001 65001'], ['65001 65002', '']],
    ['^(65001|65002)_', ['65001 1', '65002'], ['65003']],
    ['_6500[1-3]_', ['65002'], ['65004', '6500']],
    ['^[^1]', ['2 1'], ['1 2']],
    ['_1.3_', ['123', '1 3'], ['13']],
    ['^1 2?3+$', ['1 3', '1 2333'], ['1 2', '1 223']],
    ['^_1', ['1'], ['2 1']],
    ['_1_2_', ['1 2', '3 1 2 4'], ['1 3 2', '12']],
  ]
  for (const [source, takes, leaves] of rows) {
    it(`J2 /${source}/ is found where routers find it`, () => {
      const pattern = new AsPathPattern(source)
      expect([...takes, ...leaves].filter((text) => pattern.test(text))).to.deep.equal(takes)
    })
  }

  const wrong: [source: string, why: RegExp][] = [
    ['(65001', /has a \( at character 1 that is not closed/],
    ['65001)', /has a \) at character 6 that closes nothing/],
    ['*1', /has a \* at character 1 that repeats nothing/],
    ['1|+', /has a \+ at character 3 that repeats nothing/],
    ['[1', /has a \[ at character 1 without digits/],
    ['[]', /has a \[ at character 1 without digits/],
    ['65001\\d', /has "\\" at character 6, where digits, blanks and _/],
    ['1{2}', /has "\{" at character 2/],
    ['1'.repeat(1001), /is longer than 1000 characters/],
  ]
  for (const [source, why] of wrong) {
    it(`says what is wrong with ${source.slice(0, 10)}`, () => {
      expect(() => new AsPathPattern(source)).to.throw(PatternError, why)
    })
  }

  it('keeps a bounded number of states, and goes on when it has forgotten some', () => {
    // Every text of this alphabet leads to another set of states.
    const pattern = new AsPathPattern(`1${'[12]'.repeat(14)}3`)
    let bits = 1
    for (let round = 0; round < 3000; round++) {
      bits = (bits * 1103515245 + 12345) & 0x7fffffff
      const text = bits.toString(2).replaceAll('0', '2')
      expect(pattern.test(`${text}${'2'.repeat(14)}`)).to.equal(false)
      expect(pattern.test(`1${text.slice(0, 14).padEnd(14, '1')}3`)).to.equal(true)
    }
  })
})

describe('text', () => {
  it('J2 is an entry of prefixes of either family, with its range of lengths', () => {
    const entry = (text: string) => {
      const read = parsePrefixEntry(text)
      return read && `${read.prefix} ${read.ge}-${read.le}`
    }
    expect(
      ['10.0.0.0/8', '10.0.0.0/8 le 24', '10.0.0.0/8 ge 16', 'fd00::/8 ge 48 le 64', 'fd00::/8  le  64'].map(entry),
    ).to.deep.equal(['10.0.0.0/8 8-8', '10.0.0.0/8 8-24', '10.0.0.0/8 16-32', 'fd00::/8 48-64', 'fd00::/8 8-64'])
    const wrong = [
      '10.0.0.0',
      '10.0.0.0/33',
      '10.0.0.0/8 le 4',
      '10.0.0.0/8 ge 24 le 16',
      '10.0.0.0/8 le 33',
      '10.0.0.0/8 up 9',
    ]
    for (const text of wrong) expect(entry(text), text).to.equal(undefined)
  })

  it('is a range of numbers', () => {
    expect(['*', '5', '5-9'].map((text) => parseRange(text, 10))).to.deep.equal([
      { min: 0, max: 10 },
      { min: 5, max: 5 },
      { min: 5, max: 9 },
    ])
    for (const text of ['', '-', '9-5', '11', '5-11', 'a', '5-', '1-2-3'])
      expect(parseRange(text, 10), text).to.equal(undefined)
  })
})
