import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { readDocument } from '../../../daemon/config/document.ts'
import { environmentName } from '../../../daemon/config/flags.ts'
import { configurationPage } from '../../../daemon/config/page.ts'
import { loadSettings, planOptions } from '../../../daemon/config/settings.ts'
import { readSpeakerFile } from '../../../daemon/config/speaker-file.ts'
import { age, table, wholeTable } from '../../../daemon/render/table.ts'
import { noPolicy } from '../../../policy/index.ts'

const load = (commandLine: Record<string, string>, environment: Record<string, string> = {}) =>
  loadSettings({ commandLine, environment })
const complaint = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return 'no error'
}

describe('flags', () => {
  it('have the defaults of kube-router', () => {
    const { settings } = load({})
    expect(settings).to.deep.include({
      'cluster-asn': 64512,
      'bgp-holdtime': 90,
      'advertise-cluster-ip': false,
      'strict-external-ip-validation': true,
    })
    expect(settings['service-cluster-ip-range'].map(String)).to.deep.equal(['10.96.0.0/12'])
  })

  it('win over the environment', () => {
    expect(environmentName('cluster-asn')).to.equal('TANDEM_CLUSTER_ASN')
    expect(load({}, { TANDEM_CLUSTER_ASN: '64600' }).settings['cluster-asn']).to.equal(64600)
    expect(load({ 'cluster-asn': '64601' }, { TANDEM_CLUSTER_ASN: '64600' }).settings['cluster-asn']).to.equal(64601)
  })

  it('take both families in any order', () => {
    const { settings } = load({ 'loadbalancer-ip-range': 'fd00::/64, 10.0.0.0/24,10.1.0.0/24' })
    expect(settings['loadbalancer-ip-range'].map(String)).to.deep.equal(['fd00::/64', '10.0.0.0/24', '10.1.0.0/24'])
  })

  for (const [name, value, expected] of [
    ['cluster-asn', '65001x', '--cluster-asn: "65001x" is not a private ASN: 64512-65535 or 4200000000-4294967294'],
    [
      'peer-router-ips',
      '10.0.0.1,10.0.0.300',
      '--peer-router-ips: "10.0.0.1,10.0.0.300" has an item that is not an IP address',
    ],
    ['bgp-holdtime', '2s', '--bgp-holdtime: "2s" is not a duration from 3s to 65535s such as 90s or 1m30s'],
    ['advertise-cluster-ip', 'yes', '--advertise-cluster-ip: "yes" is neither true nor false'],
    [
      'router-id',
      'fd00::1',
      '--router-id: "fd00::1" is neither empty, nor "generate", nor a dotted quad other than 0.0.0.0',
    ],
  ] as const) {
    it(`refuse --${name} ${value} with the flag, the value and what would be right`, () => {
      expect(complaint(() => load({ [name]: value }))).to.equal(expected)
    })
  }

  it('refuse lists of routers that do not fit together', () => {
    const { settings } = load({ 'peer-router-ips': '10.0.0.1,fd00::1', 'peer-router-asns': '65001' })
    expect(complaint(() => planOptions(settings, {}))).to.equal(
      '--peer-router-asns: "65001" has 1 items, where --peer-router-ips has 2: one per router is expected',
    )
  })

  it('of kube-router that do nothing here are taken with a warning that says why', () => {
    expect(load({ 'run-firewall': 'true' }).warnings).to.deep.equal([
      '--run-firewall does nothing here: network policies are the work of another program',
    ])
  })

  it('read durations as kube-router writes them', () => {
    for (const [text, seconds] of [
      ['90', 90],
      ['90s', 90],
      ['1m30s', 90],
      ['1h', 3600],
    ] as const) {
      expect(load({ 'bgp-holdtime': text }).settings['bgp-holdtime']).to.equal(seconds)
    }
  })
})

const whole = `asn: 65001
router-id: 10.0.0.1
addresses: { ipv4: 10.0.0.1, ipv6: "fd00::1" }
peers:
  - { name: spine, address: "fd00::2", asn: 65000, import: accept-all, export: mine }
policies:
  - name: mine
    statements:
      - { name: ours, match: { prefixes: [{ prefix: "10.0.0.0/8", le: 24 }, "2001:db8::/32"] }, action: accept, set: { med: 5 } }
routes:
  - { prefix: 192.0.2.0/24, communities: ["65001:100", no-export] }
  - { prefixes: ["2001:db8:1::/48", "2001:db8:2::/48"], next-hop: "fd00::9" }
`

describe('the configuration file of the speaker', () => {
  const read = (text: string) => readSpeakerFile(readDocument('tandem.yaml', text))

  it('declares peers, policies and routes of both families', () => {
    const desired = read(whole)
    expect(desired.peers[0]).to.deep.include({ name: 'spine', asn: 65000, families: ['ipv4-unicast', 'ipv6-unicast'] })
    expect(
      desired.peers[0]!.exportPolicy.statements[0]!.match.prefixes?.entries.map(
        ({ prefix, ge, le }) => `${prefix} ${ge}-${le}`,
      ),
    ).to.deep.equal(['10.0.0.0/8 8-24', '2001:db8::/32 32-32'])
    expect(desired.routes.map(({ prefix, nextHop }) => `${prefix} ${nextHop ?? 'self'}`)).to.deep.equal([
      '192.0.2.0/24 self',
      '2001:db8:1::/48 fd00::9',
      '2001:db8:2::/48 fd00::9',
    ])
    expect(desired.routes[0]!.attributes.communities).to.deep.equal([(65001 * 65536 + 100) >>> 0, 0xffffff01])
  })

  it('J1 takes and gives nothing without a policy', () => {
    const [peer] = read('asn: 1\nrouter-id: 1.1.1.1\npeers: [{ address: 10.0.0.2, asn: 2 }]\n').peers
    expect([peer!.importPolicy, peer!.exportPolicy]).to.deep.equal([noPolicy, noPolicy])
  })

  for (const [from, to, expected] of [
    ['asn: 65001\n', 'asn: -1\n', /^tandem\.yaml:1:6 asn: "-1" /],
    [
      'export: mine',
      'export: nobodys',
      /^tandem\.yaml:5:\d+ peers\[0\]\.export: "nobodys" is no policy; there are accept-all, reject-all, originated-only, mine$/,
    ],
    ['192.0.2.0/24', '192.0.2.0/33', /^tandem\.yaml:11:\d+ routes\[0\]\.prefix: "192\.0\.2\.0\/33" is not a CIDR$/],
    [
      'next-hop: "fd00::9"',
      'next-hop: 10.0.0.9',
      /routes\[1\]\.prefixes\[0\]: "2001:db8:1::\/48" is not of the family of its next hop 10\.0\.0\.9$/,
    ],
    ['le: 24', 'le: 4', /needs 8 <= ge <= le <= 32$/],
    ['"65001:100"', '"65001:x"', /routes\[0\]\.communities\[0\]: "65001:x" is not a community/],
    [
      'name: spine',
      'nome: spine',
      /^tandem\.yaml:5:\d+ peers\[0\]\.nome: "nome" is no key here; did you mean "name"\?$/,
    ],
    ['peers:', 'peers: [', /is no valid YAML/],
  ] as const) {
    it(`says where ${to.trim()} is wrong`, () =>
      expect(complaint(() => read(whole.replace(from, to)))).to.match(expected))
  }

  for (const [wrong, text] of [
    ['a number', 'password: 12345678'],
    ['a mapping', 'password: { 12345678: 1 }'],
    ['a list', 'password: ["12345678"]'],
    ['an alias', 'password: *12345678'],
    ['an escape', 'password: "12345678\\q"'],
    ['a colon', 'password: 12345678: 9'],
    ['there twice', 'password: "12345678"\n    password: "12345678"'],
  ] as const) {
    it(`J8 shows no password that is ${wrong}`, () => {
      const peer = `asn: 64512\nrouter-id: 10.0.0.1\npeers:\n  - address: 10.0.0.2\n    asn: 65001\n    ${text}\n`
      const told = complaint(() => read(peer))
      expect(told).to.match(/^tandem\.yaml.*\(not shown\)/)
      expect(told).not.to.contain('12345678')
    })
  }

  for (const text of [
    'asn: 64512\nrouter-id: 10.0.0.1\npeers: { address: 10.0.0.2, password: "12345678" }\n',
    '{"asn": 64512, "peers": [{"password": 12345678x}]}',
    '{"peers": [{"password": "12345678"]}',
  ]) {
    it(`J8 shows no password of ${text.replaceAll('\n', ' ')}`, () => {
      const told = complaint(() => read(text))
      expect(told).to.match(/^tandem\.yaml/)
      expect(told).not.to.match(/1234/)
    })
  }

  it('declares a route reflector, its cluster as a number or a dotted quad, and its clients', () => {
    const file = (cluster: string, more = '') =>
      read(
        `asn: 65001\nrouter-id: 10.0.0.1\n${cluster}peers: [{ address: "fd00::2", asn: 65001, reflector-client: true${more} }]\n`,
      )
    for (const cluster of ['cluster-id: 42\n', 'cluster-id: "0.0.0.42"\n']) {
      const { local, peers } = file(cluster)
      expect([local.clusterId, peers[0]!.reflectorClient]).to.deep.equal([42, true])
    }
    expect(file('').local).to.not.have.property('clusterId')
    expect(read(whole).peers[0]).to.not.have.property('reflectorClient')
    expect(complaint(() => file('cluster-id: 0\n'))).to.equal(
      'tandem.yaml:3:13 cluster-id: "0" is no cluster id: a number from 1 to 4294967295, or an IPv4 address',
    )
    expect(complaint(() => file('', ', local-asn: 65009'))).to.match(
      /^tandem\.yaml:3:\d+ peers\[0\]\.reflector-client: "true" is for internal peers, of AS 65009$/,
    )
  })

  it('matches what internal peers said', () => {
    const policies =
      'policies: [{ name: p, statements: [{ name: s, match: { learned-from: internal }, action: accept }] }]\n'
    const peers = 'peers: [{ address: 10.0.0.2, asn: 2, export: p }]\n'
    const [peer] = read(`asn: 1\nrouter-id: 1.1.1.1\n${policies}${peers}`).peers
    expect(peer!.exportPolicy.statements[0]!.match).to.deep.equal({ learnedFrom: 'internal' })
  })

  it('is documented by what checks it', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/configuration.md'), 'utf8')
    expect(page, 'run npm run docs').to.equal(configurationPage())
  })
})

describe('tables', () => {
  it('align their columns and keep to the width of the terminal', () => {
    const text = table(['A', 'LONG'], [['wide cell', 'x'.repeat(100)]], 40)
    expect(text.split('\n').map((line) => line.length)).to.deep.equal(['A          LONG'.length, 40])
  })

  it('show a reason whole, below its row where the line has no room for it', () => {
    const why = 'no ready IPv6 endpoint is on this node'
    const rows = [
      ['10.0.0.1', 'Connect', why],
      ['fd00::1', 'Established', ''],
    ]
    expect(wholeTable(['PEER', 'STATE', 'NOTE'], rows, 30).split('\n')).to.deep.equal([
      'PEER      STATE        NOTE',
      '10.0.0.1  Connect',
      '    no ready IPv6 endpoint is',
      '    on this node',
      'fd00::1   Established',
    ])
    expect(wholeTable(['PEER', 'STATE', 'NOTE'], rows, 80)).to.equal(table(['PEER', 'STATE', 'NOTE'], rows, 80))
    expect(wholeTable(['PEER', 'STATE', 'NOTE'], rows, 20).split('\n')[1]).to.equal('10.0.0.1')
  })

  it('say ages in two units', () => {
    expect([5, 12_000, 192_000, 7_500_000, 356_400_000].map(age)).to.deep.equal([
      '5ms',
      '12s',
      '3m12s',
      '2h05m',
      '4d03h',
    ])
  })
})
