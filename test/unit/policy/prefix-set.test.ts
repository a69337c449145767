import { contains, type Family, families, familyNumbers, formatPrefix, Prefix } from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import {
  defaultRoutes,
  exactEntry,
  insideEntry,
  type PrefixEntry,
  PrefixSet,
  parsePrefix,
} from '../../../policy/index.ts'

const prefix = (text: string) => parsePrefix(text)!

/** `10.0.0.0/8`, with ` ge N` and ` le N`; without either, the prefix alone. */
function entry(text: string): PrefixEntry {
  const [network, ...bounds] = text.split(' ')
  const bound = (name: string) => (bounds.includes(name) ? Number(bounds[bounds.indexOf(name) + 1]) : undefined)
  const outer = prefix(network!)
  const ge = bound('ge')
  const longest = ge === undefined ? outer.length : familyNumbers[outer.family].bits
  return { prefix: outer, ge: ge ?? outer.length, le: bound('le') ?? longest }
}

const set = (...texts: string[]) => new PrefixSet(texts.map(entry))

interface Row {
  readonly entries: string[]
  readonly takes: string[]
  readonly leaves: string[]
}

const tables: Record<string, Record<Family, Row>> = {
  'takes the prefix alone without a range': {
    'ipv4-unicast': {
      entries: ['10.1.0.0/16'],
      takes: ['10.1.0.0/16'],
      leaves: ['10.0.0.0/15', '10.1.0.0/17', '10.1.0.0/32', '10.2.0.0/16', '0.0.0.0/0'],
    },
    'ipv6-unicast': {
      entries: ['fd00:1::/48'],
      takes: ['fd00:1::/48'],
      leaves: ['fd00::/15', 'fd00:1::/47', 'fd00:1::/49', 'fd00:1::1/128', 'fd00:2::/48', '::/0'],
    },
  },
  'takes more specifics up to le': {
    'ipv4-unicast': {
      entries: ['10.0.0.0/8 le 24'],
      takes: ['10.0.0.0/8', '10.128.0.0/9', '10.255.255.0/24'],
      leaves: ['10.0.0.0/7', '10.0.0.0/25', '10.9.9.9/32', '11.0.0.0/8', '9.255.255.0/24'],
    },
    'ipv6-unicast': {
      entries: ['2001:db8::/32 le 48'],
      takes: ['2001:db8::/32', '2001:db8:8000::/33', '2001:db8:ffff::/48'],
      leaves: ['2001:db8::/31', '2001:db8::/49', '2001:db8::1/128', '2001:db9::/32'],
    },
  },
  'takes nothing shorter than ge': {
    'ipv4-unicast': {
      entries: ['192.0.2.0/24 ge 32'],
      takes: ['192.0.2.0/32', '192.0.2.255/32'],
      leaves: ['192.0.2.0/24', '192.0.2.0/31', '192.0.3.0/32'],
    },
    'ipv6-unicast': {
      entries: ['2001:db8::/64 ge 127'],
      takes: ['2001:db8::/127', '2001:db8::ffff/128'],
      leaves: ['2001:db8::/64', '2001:db8::/126', '2001:db8:0:1::/128'],
    },
  },
  'takes lengths from ge to le, both included': {
    'ipv4-unicast': {
      entries: ['172.16.0.0/12 ge 16 le 20'],
      takes: ['172.16.0.0/16', '172.31.240.0/20'],
      leaves: ['172.16.0.0/12', '172.16.0.0/15', '172.31.248.0/21', '172.32.0.0/16'],
    },
    'ipv6-unicast': {
      entries: ['fd00::/8 ge 48 le 64'],
      takes: ['fd00::/48', 'fdff:ffff:ffff:ffff::/64'],
      leaves: ['fd00::/8', 'fd00::/47', 'fd00::/65', 'fe00::/48'],
    },
  },
  'takes the default route alone, and nothing else for it': {
    'ipv4-unicast': {
      entries: ['0.0.0.0/0'],
      takes: ['0.0.0.0/0'],
      leaves: ['0.0.0.0/1', '0.0.0.0/32', '128.0.0.0/1', '10.0.0.0/8', '::/0'],
    },
    'ipv6-unicast': {
      entries: ['::/0'],
      takes: ['::/0'],
      leaves: ['::/1', '::/128', '8000::/1', '2001:db8::/32', '0.0.0.0/0'],
    },
  },
  'takes every prefix of a family from its default route on, and none of the other': {
    'ipv4-unicast': {
      entries: ['0.0.0.0/0 le 32'],
      takes: ['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '203.0.113.7/32', '255.255.255.255/32'],
      leaves: ['::/0', '2001:db8::/32'],
    },
    'ipv6-unicast': {
      entries: ['::/0 le 128'],
      takes: ['::/0', '8000::/1', '2001:db8::/32', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128'],
      leaves: ['0.0.0.0/0', '203.0.113.7/32'],
    },
  },
  'takes what any entry takes, also where one is inside another': {
    'ipv4-unicast': {
      entries: ['10.0.0.0/8', '10.0.0.0/8 ge 32', '10.1.0.0/16 le 24', '10.1.1.0/24'],
      takes: ['10.0.0.0/8', '10.200.0.1/32', '10.1.0.0/16', '10.1.9.0/24', '10.1.1.0/24'],
      leaves: ['10.0.0.0/9', '10.2.0.0/16', '10.1.1.0/25'],
    },
    'ipv6-unicast': {
      entries: ['fd00::/8', 'fd00::/8 ge 128', 'fd01::/16 le 64', 'fd01:1::/64'],
      takes: ['fd00::/8', 'fd99::1/128', 'fd01::/16', 'fd01:9::/64', 'fd01:1::/64'],
      leaves: ['fd00::/9', 'fd02::/16', 'fd01:1::/65'],
    },
  },
}

describe('a set of prefixes', () => {
  for (const [title, rows] of Object.entries(tables)) {
    for (const family of families) {
      it(`J2 ${title}: ${family}`, () => {
        const { entries, takes, leaves } = rows[family]
        const subject = set(...entries)
        const taken = [...takes, ...leaves].filter((text) => subject.has(prefix(text)))
        expect(taken).to.deep.equal(takes)
      })
    }
  }

  it('is empty without entries, in both families', () => {
    for (const { family } of defaultRoutes) {
      expect(new PrefixSet([]).has(new Prefix(family, 0, 0))).to.equal(false)
      expect(new PrefixSet([]).has(new Prefix(family, 32, 0x0a000001))).to.equal(false)
    }
  })

  it('keeps entries that agree in their upper bits apart', () => {
    // The same top 16 bits open the same door of the filter; only the words tell these apart.
    const subject = set('2001:db8::/64', '2001:db8:0:2::/64')
    expect(subject.has(prefix('2001:db8:0:1::/64'))).to.equal(false)
    expect(subject.has(prefix('2001:db8:0:2::/64'))).to.equal(true)
  })

  it('knows the default routes of both families', () => {
    expect(defaultRoutes.map(String)).to.deep.equal(['0.0.0.0/0', '::/0'])
  })

  it('makes exact and inside entries of both families', () => {
    for (const [text, bits] of [
      ['10.0.0.0/8', 32],
      ['fd00::/8', 128],
    ] as const) {
      expect(exactEntry(prefix(text))).to.include({ ge: 8, le: 8 })
      expect(insideEntry(prefix(text))).to.include({ ge: 8, le: bits })
    }
  })

  it('has one key for the same entries in any order, and another for another range', () => {
    const texts = ['10.0.0.0/8 le 24', 'fd00::/8', '0.0.0.0/0']
    expect(set(...texts).key).to.equal(set(...texts.toReversed()).key)
    expect(set('10.0.0.0/8 le 24').key).not.to.equal(set('10.0.0.0/8 le 25').key)
    expect(set('10.0.0.0/8').key).not.to.equal(set('10.0.0.0/8 ge 9').key)
  })

  it('names the entry that takes a prefix', () => {
    for (const [entries, asked, named] of [
      [['10.0.0.0/8', '10.1.0.0/16 le 32'], '10.1.2.0/24', '10.1.0.0/16'],
      [['fd00::/8', 'fd01::/16 le 128'], 'fd01:2::/32', 'fd01::/16'],
    ] as const) {
      expect(String(set(...entries).entryFor(prefix(asked))?.prefix)).to.equal(named)
      expect(set(...entries).entryFor(new Prefix(prefix(asked).family, 0, 0))).to.equal(undefined)
    }
  })
})

/** Few distinct bits, so that prefixes fall inside one another often. */
const word = fc.constantFrom(0, 1, 0x0a000000, 0x0a010000, 0x0a010100, 0x80000000, 0xffffffff)

function anyPrefix(family: Family): fc.Arbitrary<Prefix> {
  const { bits } = familyNumbers[family]
  const length = fc.oneof(fc.integer({ min: 0, max: bits }), fc.constantFrom(0, 8, 16, 24, bits))
  return fc
    .tuple(length, word, word, word, word)
    .map(([size, w0, w1, w2, w3]) =>
      bits === 32 ? new Prefix(family, size, w0) : new Prefix(family, size, w0, w1, w2, w3),
    )
}

const eitherPrefix = fc.oneof(...families.map(anyPrefix))

const anyEntry: fc.Arbitrary<PrefixEntry> = eitherPrefix.chain((outer) => {
  const { bits } = familyNumbers[outer.family]
  const bound = fc.integer({ min: outer.length, max: bits })
  return fc.tuple(bound, bound).map(([a, b]) => ({ prefix: outer, ge: Math.min(a, b), le: Math.max(a, b) }))
})

describe('a set of prefixes against reading every entry in turn', () => {
  it('takes the same prefixes', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 8 }), fc.array(eitherPrefix, { maxLength: 20 }), (entries, asked) => {
        const subject = new PrefixSet(entries)
        const own = entries.map((each) => each.prefix)
        for (const one of [...asked, ...own]) {
          const expected = entries.some(
            (each) => contains(each.prefix, one) && one.length >= each.ge && one.length <= each.le,
          )
          expect(subject.has(one), `${formatPrefix(one)} in ${subject.key}`).to.equal(expected)
          expect(subject.entryFor(one) !== undefined, `entry for ${formatPrefix(one)} in ${subject.key}`).to.equal(
            expected,
          )
        }
      }),
      { numRuns: 300 },
    )
  })
})
