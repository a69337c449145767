import { wellKnownCommunities } from 'bgp-ts'
import { expect } from 'chai'
import { didYouMean, nearest } from '../../../controllers/index.ts'
import { readDocument } from '../../../daemon/config/document.ts'
import { ConfigError } from '../../../daemon/config/flag.ts'
import { readKubernetesFile } from '../../../daemon/config/kubernetes-file.ts'
import { loadSettings } from '../../../daemon/config/settings.ts'
import { readSpeakerFile } from '../../../daemon/config/speaker-file.ts'
import {
  type CommunitySet,
  type Conditions,
  compile,
  type NeighbourSet,
  originatedOnly,
} from '../../../policy/index.ts'

const complaint = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return 'no error'
}

const head = `asn: 65000
router-id: 10.0.0.1
peers:
  - { name: tor-a, address: 10.0.0.1, asn: 65001, import: [checks, rest], export: rest }
  - { name: tor-b, address: "fd00::1", asn: 65002, import: accept-all }
`
const whole = `${head}sets:
  prefixes:
    bogons: [10.0.0.0/8 le 32, { prefix: "fd00::/8", le: 128 }]
    more: [bogons, 192.0.2.0/24, "2001:db8::/32"]
  neighbours:
    tors: [tor-a, "fd00::/64"]
  as-paths:
    short: [{ length: { le: 2 }, contains: [65010, 65020-65029] }, "^65001$"]
  communities:
    ours: ["65000:*", no-export]
policies:
  - name: checks
    default: next
    statements:
      - { name: bogons, match: { prefixes: [bogons, 198.51.100.0/24] }, action: reject }
      - { name: tors, match: { neighbours: tors, as-path: short, med: { ge: 5 }, not: { communities: ours } }, action: next, set: { add-med: -1 } }
  - name: rest
    statements:
      - { name: all, action: accept, set: { add-communities: [65000:1, "65000:1:2", rt:65000:3, blackhole], remove-communities: ours, next-hop: [10.0.0.9, "fd00::9"] } }
`
const read = (text: string) => readSpeakerFile(readDocument('tandem.yaml', text))

/** What a complaint quotes, as far as it stands in the file like that. */
function quoted(message: string): string {
  const value = /: "(.*?)" /.exec(message)?.[1] ?? 'nothing quoted'
  return /^[{[]/.test(value) ? value.slice(0, 1) : value
}

/** The complaint about a text without its place, and what stands at that place. */
function complaintAbout(text: string, run: (text: string) => unknown): { message: string; there: string } {
  const [, line, column, message] = /^tandem\.yaml:(\d+):(\d+) (.*)$/.exec(complaint(() => run(text))) ?? []
  return {
    message: message ?? 'no error with a place',
    there: (text.split('\n')[Number(line) - 1] ?? '').slice(Number(column) - 1).replace(/^"/, ''),
  }
}

describe('policies in the configuration file', () => {
  it('have sets of both families, of peers, paths and communities, which may hold each other', () => {
    const { importPolicy } = read(whole).peers[0]!
    const conditions: Conditions[] = importPolicy.statements.map(({ match }) => match)
    expect(conditions[0]!.prefixes!.entries.map(({ prefix, ge, le }) => `${prefix} ${ge}-${le}`)).to.deep.equal([
      '10.0.0.0/8 8-32',
      'fd00::/8 8-128',
      '198.51.100.0/24 24-24',
    ])
    const { neighbours, asPath, med } = conditions[1]!
    expect((neighbours as NeighbourSet).has({ name: 'tor-a', external: true })).to.equal(true)
    expect(asPath!.has([{ type: 'sequence', asns: [65001] }])).to.equal(true)
    expect(asPath!.has([{ type: 'sequence', asns: [1, 65025] }])).to.equal(true)
    expect(asPath!.has([{ type: 'sequence', asns: [1, 2, 65025] }])).to.equal(false)
    expect(med).to.deep.equal({ min: 5, max: 0xffffffff })
    const not = importPolicy.statements[1]!.match.not!.communities as CommunitySet
    expect([not.has(0xfde80007), not.has(wellKnownCommunities['no-export']), not.has(1)]).to.deep.equal([
      true,
      true,
      false,
    ])
  })

  it('know their lines, their order, and what they were called', () => {
    const { rules } = compile(read(whole).peers[0]!.importPolicy)
    expect(rules.map(({ name, origin }) => `${name} @ ${origin.place}`)).to.deep.equal([
      'checks: bogons @ tandem.yaml:20:9',
      'checks: tors @ tandem.yaml:21:9',
      'rest: all @ tandem.yaml:24:9',
      'rest: default @ tandem.yaml:22:11',
      'default @ undefined',
    ])
  })

  it('change communities of every sort, and next hops of each family', () => {
    const { set } = read(whole).peers[0]!.exportPolicy.statements[0]!
    expect(set).to.deep.include({
      addCommunities: [0xfde80001, wellKnownCommunities.blackhole],
      addLargeCommunities: [[65000, 1, 2]],
      addExtendedCommunities: [{ high: 0x0002fde8, low: 3 }],
    })
    expect(String((set!.nextHop as Record<string, unknown>)['ipv6-unicast'])).to.equal('fd00::9')
  })

  it('are the same object for all peers that name the same list, so that they share what is sent', () => {
    const text = whole.replace('import: accept-all', 'import: [checks, rest], export: rest')
    const [one, other] = read(text).peers
    expect([one!.importPolicy === other!.importPolicy, one!.exportPolicy === other!.exportPolicy]).to.deep.equal([
      true,
      true,
    ])
  })

  it('do not care for the lines that they stand on', () => {
    const moved = read(`# a word\n${whole}`).peers[0]!
    expect(compile(moved.importPolicy).key).to.equal(compile(read(whole).peers[0]!.importPolicy).key)
  })

  it('take one item where a list can stand', () => {
    const text = `${head.replace('[checks, rest]', 'one').replace('export: rest', 'export: originated-only')}policies:
  - name: one
    statements:
      - { name: it, match: { prefixes: 10.0.0.0/8 le 32, families: ipv4, communities: no-export, as-path: ^$, kinds: static, origins: igp, asns: 5 }, action: accept }
`
    const { match } = read(text).peers[0]!.importPolicy.statements[0]!
    expect(match).to.deep.include({ families: ['ipv4-unicast'], kinds: ['static'], origins: ['igp'], asns: [5] })
    expect(read(text).peers[0]!.exportPolicy).to.equal(originatedOnly)
  })

  const wrong: [from: string, to: string, expected: string][] = [
    [
      'import: [checks, rest]',
      'import: [cheks, rest]',
      'peers[0].import[0]: "cheks" is no policy; did you mean "checks"?',
    ],
    ['import: [checks, rest]', 'import: [checks, checks]', 'peers[0].import[1]: "checks" is twice in the list'],
    [
      'default: next',
      '# nothing',
      'peers[0].import[0]: "checks" is followed by rest, so its default has to be written down: accept, reject or next',
    ],
    [
      'prefixes: [bogons, 198.51.100.0/24]',
      'prefixes: bogon',
      'policies[0].statements[0].match.prefixes: "bogon" is no set of prefixes; did you mean "bogons"?',
    ],
    [
      '198.51.100.0/24]',
      '198.51.100.0/33]',
      'policies[0].statements[0].match.prefixes[1]: "198.51.100.0/33" is not a prefix such as 10.0.0.0/8 or 2001:db8::/32 ge 40 le 48',
    ],
    ['10.0.0.0/8 le 32', '10.0.0.0/8 le 4', 'sets.prefixes.bogons[0]: "10.0.0.0/8 le 4" needs 8 <= ge <= le <= 32'],
    ['le: 128', 'le: 129', 'sets.prefixes.bogons[1].le: "129" Too big: expected number to be <=128'],
    ['le: 128', 'lo: 128', 'sets.prefixes.bogons[1].lo: "lo" is no key here; there are prefix, ge, le'],
    ['more: [bogons,', 'more: [bogus,', 'sets.prefixes.more[0]: "bogus" is no set of prefixes; did you mean "bogons"?'],
    [
      'neighbours: tors',
      'neighbours: tor-c',
      'policies[0].statements[1].match.neighbours: "tor-c" is neither a peer nor a set of neighbours; did you mean "tor-a"?',
    ],
    [
      'tors: [tor-a,',
      'external: [tor-a,',
      'sets.neighbours.external: "external" means something else: a set of neighbours needs another name',
    ],
    [
      'tors: [tor-a,',
      'tor-b: [tor-a,',
      'sets.neighbours.tor-b: "tor-b" means something else: a set of neighbours needs another name',
    ],
    [
      'ours: ["65000:*"',
      'no-peer: ["65000:*"',
      'sets.communities.no-peer: "no-peer" means something else: a set of communities needs another name',
    ],
    [
      '"65000:*"',
      '"65000:x"',
      'sets.communities.ours[0]: "65000:x" is not a community such as 65000:1, 65000:*, 65000:100-199, no-export, 65000:1:2, rt:65000:1',
    ],
    [
      'no-export]',
      'no-exprot]',
      'sets.communities.ours[1]: "no-exprot" is neither a well-known community nor a set of communities; did you mean "no-export"?',
    ],
    ['"^65001$"', '"^(65001"', 'sets.as-paths.short[1]: "^(65001" has a ( at character 2 that is not closed'],
    [
      '65020-65029',
      '65029-65020',
      'sets.as-paths.short[0].contains[1]: "65029-65020" is not an ASN or a range such as 64512-65534',
    ],
    [
      'contains: [65010, 65020-65029]',
      'cantains: 5',
      'sets.as-paths.short[0].cantains: "cantains" is no key here; did you mean "contains"?',
    ],
    [
      'as-path: short',
      'as-path: shrot',
      'policies[0].statements[1].match.as-path: "shrot" is no set of AS paths; did you mean "short"?',
    ],
    ['ge: 5', 'ge: 5, le: 4', 'policies[0].statements[1].match.med: "{"ge":5,"le":4}" needs ge <= le'],
    [
      'ge: 5',
      'ge: many',
      'policies[0].statements[1].match.med.ge: "many" Invalid input: expected number, received string',
    ],
    [
      'action: reject',
      'action: refuse',
      'policies[0].statements[0].action: "refuse" Invalid option: expected one of "accept"|"reject"|"next"',
    ],
    [
      'match: { neighbours',
      'match: { neighbors',
      'policies[0].statements[1].match.neighbors: "neighbors" is no key here; did you mean "neighbours"?',
    ],
    [
      'name: tors,',
      'name: bogons,',
      'policies[0].statements[1].name: "bogons" is the name of two statements of checks',
    ],
    ['name: rest', 'name: checks', 'policies[1].name: "checks" is the name of two policies'],
    ['name: rest', 'name: accept-all', 'policies[1].name: "accept-all" is the name of two policies'],
    [
      'rt:65000:3',
      '65000:*',
      'policies[1].statements[0].set.add-communities[2]: "65000:*" is a pattern: only a community as such can be added',
    ],
    [
      'add-communities: [',
      'replace-communities: [',
      'policies[1].statements[0].set.replace-communities: "["65000:1","65000:1:2","rt:65000:3","blackhole"]" stands alone: nothing is left to remove, and what is to be added can stand in it',
    ],
    [
      '[10.0.0.9, "fd00::9"]',
      '[10.0.0.9, 10.0.0.8]',
      'policies[1].statements[0].set.next-hop: "["10.0.0.9","10.0.0.8"]" has two addresses of a family: one of each of ipv4-unicast, ipv6-unicast is possible',
    ],
    [
      '[10.0.0.9, "fd00::9"]',
      'myself',
      'policies[1].statements[0].set.next-hop: "myself" is neither self, nor unchanged, nor an address, nor one address of each family',
    ],
    [
      'name: tor-b',
      'name: internal',
      'peers[1].name: "internal" means something else to policies: a peer needs another name',
    ],
    [
      'import: accept-all',
      'maximum-out: none',
      'peers[1].maximum-out: "none" is not a number of routes, or a mapping of ipv4 and ipv6',
    ],
  ]
  for (const [from, to, expected] of wrong) {
    it(`J2 say what is wrong with ${to}`, () => {
      expect(whole, 'the example').to.include(from)
      const { message, there } = complaintAbout(whole.replace(from, to), read)
      expect(message).to.equal(expected)
      expect(there, 'what stands at that place').to.satisfy((text: string) => text.startsWith(quoted(message)))
    })
  }

  it('say where a file of JSON is wrong, too', () => {
    const json = `{\n  "asn": 65000,\n  "router-id": "10.0.0.1",\n  "peers": [\n    { "address": "10.0.0.1", "asn": 1, "import": "nobodys" }\n  ]\n}`
    expect(complaint(() => readSpeakerFile(readDocument('tandem.json', json)))).to.equal(
      'tandem.json:5:50 peers[0].import: "nobodys" is no policy; there are accept-all, reject-all, originated-only',
    )
  })

  it('say what holds at the border', () => {
    const text = `${head.replace('[checks, rest]', 'accept-all, maximum-out: { ipv6: 7 }, graceful-shutdown: ignore, first-as: ignore, as-sets: accept').replace('export: rest', 'export: accept-all')}`
    const [one, other] = read(text).peers
    expect(one).to.deep.include({
      maximumOut: { 'ipv6-unicast': 7 },
      obeysGracefulShutdown: false,
      checksFirstAsn: false,
      takesAsSets: true,
    })
    expect(other).to.deep.include({ obeysGracefulShutdown: true, checksFirstAsn: true, takesAsSets: false })
    expect(other).not.to.have.property('maximumOut')
  })
})

describe('policies of a daemon that follows Kubernetes', () => {
  const kubernetes = (text: string) => readKubernetesFile(readDocument('tandem.yaml', text)).policies
  const policies = `cluster-asn: 64600
policies:
  - { name: out, default: next }
  - { name: in }
peer-policies:
  - { neighbours: [10.0.0.0/24, 65001], export: out, maximum-out: 5 }
  - { export: out, import: out }
`

  it('are for the peers of an entry, by address, ASN or kind; without any, for all', () => {
    const [some, all] = kubernetes(policies)
    const peer = { name: 'one', external: false, asn: 1 }
    expect([some!.neighbours.has(peer), all!.neighbours.has(peer)]).to.deep.equal([false, true])
    expect(some!.neighbours.has({ ...peer, asn: 65001 })).to.equal(true)
    expect(some!.border.maximumOut).to.deep.equal({ 'ipv4-unicast': 5, 'ipv6-unicast': 5 })
    expect([some!.import, all!.import === all!.export]).to.deep.equal([undefined, true])
  })

  const wrong: [from: string, to: string, expected: string][] = [
    [
      'import: out',
      'import: in',
      'peer-policies[1].import: "in" is followed by the built-in policy, so its default has to be written down: accept, reject or next',
    ],
    [
      '65001]',
      'tor-a]',
      'peer-policies[0].neighbours[1]: "tor-a" is neither a peer nor a set of neighbours; there is none',
    ],
    [
      'cluster-asn: 64600',
      'asn: 64600',
      'asn: "asn" is for --source none: with Kubernetes, Nodes and Services say who peers and what is advertised',
    ],
    [
      'maximum-out: 5',
      'maximum-uot: 5',
      'peer-policies[0].maximum-uot: "maximum-uot" is no key here; did you mean "maximum-out"?',
    ],
  ]
  for (const [from, to, expected] of wrong) {
    it(`say what is wrong with ${to}`, () => {
      const { message, there } = complaintAbout(policies.replace(from, to), kubernetes)
      expect(message).to.equal(expected)
      expect(there, 'what stands at that place').to.satisfy((text: string) => text.startsWith(quoted(message)))
    })
  }

  it('are not for the speaker alone, which says so', () => {
    expect(complaint(() => read(`${head}peer-policies: []\n`))).to.equal(
      'tandem.yaml:6:1 peer-policies: "peer-policies" is for a daemon that follows Kubernetes: here each of the peers has its own import and export',
    )
  })
})

describe('--maximum-out', () => {
  const limits = (text: string) =>
    loadSettings({ commandLine: { 'maximum-out': text }, environment: {} }).settings['maximum-out']

  it('is a number for each family, or one for both', () => {
    expect(limits('500')).to.deep.equal({ 'ipv4-unicast': 500, 'ipv6-unicast': 500 })
    expect(limits('ipv4=500,ipv6=20')).to.deep.equal({ 'ipv4-unicast': 500, 'ipv6-unicast': 20 })
    expect(limits('ipv6=20')).to.deep.equal({ 'ipv6-unicast': 20 })
    expect(loadSettings({ commandLine: {}, environment: {} }).settings['maximum-out']).to.deep.equal({})
  })

  for (const text of ['', '0', 'many', 'ipv4=0', 'ipv4=5,ipv4=6', '5,6', 'ipv6=5,ipv4=5']) {
    it(`is not ${text === '' ? 'nothing' : text}`, () => {
      expect(complaint(() => limits(text))).to.equal(
        `--maximum-out: "${text}" is neither a number of routes from 1 up, nor ipv4=N,ipv6=N`,
      )
    })
  }
})

describe('what somebody may have meant', () => {
  it('is the known name that is most like what was written', () => {
    expect(nearest('bogon', ['bogons', 'gons', 'customers'])).to.equal('bogons')
    expect(nearest('xyz', ['bogons'])).to.equal(undefined)
    expect(nearest('a', ['a', 'b'])).to.equal('a')
  })

  it('else is any of the names there are', () => {
    expect(didYouMean('xyz', ['bogons', 'customers'])).to.equal('; there are bogons, customers')
    expect(didYouMean('xyz', [])).to.equal('; there is none')
    expect(
      didYouMean(
        'xyz',
        Array.from({ length: 30 }, (_, index) => `n${index}`),
      ),
    ).to.match(/n19 and more$/)
  })
})
