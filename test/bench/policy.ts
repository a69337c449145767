/**
 * What judging a route by a policy costs: a million prefixes of each family, as they come in a full table, against a set of a thousand.
 * `node test/bench/policy.ts`; the best of several rounds, in nanoseconds a route.
 */

import { type Attributes, type Family, families, familyNumbers, Prefix } from 'bgp-ts'
import {
  AsPathPattern,
  AsPathSet,
  CommunitySet,
  compile,
  type Match,
  type Policy,
  type PrefixEntry,
  PrefixSet,
  parseCommunityPattern,
  type Statement,
  type Subject,
} from '../../policy/index.ts'
import { seeded } from './stream.ts'

const routes = 1_000_000
const setSize = 1000
const rounds = 7
/** Routes of one UPDATE share their attributes; a hundred thousand lists in all. */
const routesPerList = 6
const lists = 100_000

const lengths: Record<Family, readonly number[]> = {
  'ipv4-unicast': [24, 24, 24, 24, 24, 24, 23, 22, 22, 21, 20, 19, 18, 17, 16],
  'ipv6-unicast': [48, 48, 48, 48, 48, 32, 32, 44, 40, 36, 29],
}

const random = seeded(7)
const below = (limit: number) => Math.floor(random() * limit)

function prefixOf(family: Family): Prefix {
  const length = lengths[family][below(lengths[family].length)]!
  if (family === 'ipv4-unicast') return new Prefix(family, length, ((1 + below(222)) << 24) | below(0x1000000))
  // As assigned: 2400::/12, 2600::/12, 2a00::/12 and their like share few leading bits.
  const block = [0x20010000, 0x24000000, 0x26000000, 0x28000000, 0x2a000000, 0x2c000000][below(6)]!
  return new Prefix(family, length, block | below(0x100000), below(0x100000000) | 0)
}

/** Half of them alone, half with all more specifics up to a length. */
function entry(prefix: Prefix, index: number): PrefixEntry {
  const { bits } = familyNumbers[prefix.family]
  return { prefix, ge: prefix.length, le: index % 2 ? prefix.length : Math.min(prefix.length + 8, bits) }
}

const accept = (name: string, match: Match, action: Statement['action'] = 'reject'): Statement => ({
  name,
  match,
  action,
})

function measure(name: string, policy: Policy, table: readonly Prefix[]): void {
  const compiled = compile(policy)
  const hits = new Float64Array(compiled.rules.length)
  const columns = ['w0', 'w1', 'w2', 'w3'] as const
  const words = columns.map((column) => Int32Array.from(table, (prefix) => prefix[column]))
  const [w0, w1, w2, w3] = words as [Int32Array, Int32Array, Int32Array, Int32Array]
  const length = Uint8Array.from(table, (prefix) => prefix.length)
  const attributes: Attributes = {
    origin: 'igp',
    asPath: [{ type: 'sequence', asns: [65001, 65002, 65003, 65004] }],
    communities: [0xfde90001, 0xfde90064],
  }
  const stored = { table: attributes, id: 1, generation: 0 }
  const subject: Subject = {
    family: table[0]!.family,
    w0: 0,
    w1: 0,
    w2: 0,
    w3: 0,
    length: 0,
    source: 'learned',
    kind: '',
    neighbour: 'tor',
    neighbourAsn: 65001,
    neighbourAddress: undefined,
    external: true,
    fromExternal: true,
    localAsn: 64512,
    attributes: () => attributes,
    nextHop: () => undefined,
    stored,
  }
  let best = Number.POSITIVE_INFINITY
  let accepted = 0
  for (let round = 0; round < rounds; round++) {
    accepted = 0
    const start = process.hrtime.bigint()
    for (let index = 0; index < table.length; index++) {
      subject.w0 = w0[index]!
      subject.w1 = w1[index]!
      subject.w2 = w2[index]!
      subject.w3 = w3[index]!
      subject.length = length[index]!
      stored.id = 1 + (Math.floor(index / routesPerList) % lists)
      if (compiled.evaluate(subject, hits).accept) accepted++
    }
    best = Math.min(best, Number(process.hrtime.bigint() - start) / table.length)
  }
  process.stdout.write(`${name.padEnd(60)} ${best.toFixed(1).padStart(7)} ns a route, ${accepted} accepted\n`)
}

const policy = (...statements: Statement[]): Policy => ({ name: 'bench', statements, default: 'accept' })

for (const family of families) {
  const table = Array.from({ length: routes }, () => prefixOf(family))
  const own = new PrefixSet(Array.from({ length: setSize }, (_, index) => entry(table[below(routes)]!, index)))
  const everything = new PrefixSet([
    ...own.entries,
    { prefix: new Prefix(family, 0, 0), ge: family === 'ipv4-unicast' ? 25 : 49, le: familyNumbers[family].bits },
  ])
  const tag = new CommunitySet([parseCommunityPattern('65001:100-200')!, parseCommunityPattern('65002:*')!])
  const path = new AsPathSet([new AsPathPattern('_65009_'), new AsPathPattern('^65001_.*_65005$')])
  measure(`${family}: accept all`, policy(), table)
  measure(`${family}: a set of ${setSize}`, policy(accept('set', { prefixes: own })), table)
  measure(`${family}: the same, and a length for all prefixes`, policy(accept('set', { prefixes: everything })), table)
  measure(
    `${family}: a set, and next with changes`,
    policy({ ...accept('set', { prefixes: own }, 'next'), set: { med: 5 } }),
    table,
  )
  measure(`${family}: communities, remembered by attributes`, policy(accept('tag', { communities: tag })), table)
  measure(`${family}: patterns of AS paths, remembered`, policy(accept('path', { asPath: path })), table)
  measure(
    `${family}: ten statements of all kinds`,
    policy(
      accept('peers', { peerType: 'internal' }),
      accept('own', { source: 'originated' }),
      accept('set', { prefixes: own }),
      accept('tag', { communities: tag }, 'next'),
      accept('path', { asPath: path }),
      accept('med', { med: { min: 5, max: 9 } }),
      accept('length', { pathLength: { min: 9, max: 99 } }),
      accept('not', { not: { prefixes: everything, communities: tag } }, 'next'),
      accept('families', { families: families.filter((one) => one !== family) }),
      accept('all', { prefixes: everything }),
    ),
    table,
  )
}
