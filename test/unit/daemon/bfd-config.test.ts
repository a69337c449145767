import { expect } from 'chai'
import { readPeers } from '../../../controllers/annotations/peers.ts'
import { toDesired } from '../../../controllers/index.ts'
import { plan } from '../../../controllers/plan/plan.ts'
import { readDocument } from '../../../daemon/config/document.ts'
import { loadSettings, planOptions } from '../../../daemon/config/settings.ts'
import { readSpeakerFile } from '../../../daemon/config/speaker-file.ts'
import { explain } from '../../../daemon/explain.ts'
import { peersTable } from '../../../daemon/render/peers-table.ts'
import { node, view } from '../../support/cluster.ts'
import { Fabric, type Machine, peerTo } from '../../support/fabric.ts'

describe('BFD in flags', () => {
  const routers = { 'peer-router-ips': '10.0.0.1,fd00::1', 'peer-router-asns': '65001,65001' }
  const bfdOf = (commandLine: Record<string, string>) =>
    planOptions(
      loadSettings({ commandLine: { ...routers, ...commandLine }, environment: {} }).settings,
      {},
    ).peerRouters.map(({ session }) => session?.bfd)

  it('is off by default', () => {
    expect(bfdOf({ 'bfd-detection-multiplier': '5' })).to.deep.equal([undefined, undefined])
  })

  it("has kube-router's names and defaults, for the routers of both families", () => {
    const usual = { minTx: 1000, minRx: 1000, multiplier: 3, multihop: false, strict: false }
    expect(bfdOf({ 'enable-bfd': 'true' })).to.deep.equal([usual, usual])
  })

  it('takes other values', () => {
    const given = {
      'enable-bfd': 'true',
      'bfd-port': '3799',
      'bfd-detection-multiplier': '5',
      'bfd-desired-min-tx-interval': '100',
      'bfd-required-min-rx-interval': '200',
      'bfd-multihop': 'true',
      'bfd-strict': 'true',
    }
    const [first] = bfdOf(given)
    expect(first).to.deep.equal({ minTx: 100, minRx: 200, multiplier: 5, multihop: true, strict: true, port: 3799 })
  })

  for (const [name, value] of [
    ['bfd-port', '0'],
    ['bfd-detection-multiplier', '256'],
    ['bfd-detection-multiplier', '0'],
    ['bfd-desired-min-tx-interval', '4294968'],
    ['bfd-required-min-rx-interval', '0'],
  ] as const) {
    it(`refuses --${name}=${value}`, () => {
      expect(() => bfdOf({ [name]: value })).to.throw(`--${name}: "${value}" is not a number from 1 to`)
    })
  }

  it('warns of none of them any more', () => {
    expect(loadSettings({ commandLine: { 'enable-bfd': 'true' }, environment: {} }).warnings).to.deep.equal([])
  })
})

describe('bfd: in the peers annotation', () => {
  const bfdOf = (yaml: string) => {
    const read = readPeers(`- { remoteip: 'fd00::1', remoteasn: 65001, bfd: ${yaml} }`)
    return read.ok ? read.value[0]?.session?.bfd : read.expected
  }

  it("has kube-router's names and defaults", () => {
    expect(bfdOf('{ enabled: true }')).to.deep.equal({
      minTx: 1000,
      minRx: 1000,
      multiplier: 3,
      multihop: false,
      strict: false,
    })
    const all = 'enabled: true, port: 3784, detection_multiplier: 4, desired_min_tx_interval: 50'
    expect(bfdOf(`{ ${all}, required_min_rx_interval: "60", multihop: true, strict: true }`)).to.deep.equal({
      minTx: 50,
      minRx: 60,
      multiplier: 4,
      multihop: true,
      strict: true,
    })
  })

  it('is off unless it is enabled', () => {
    for (const yaml of ['{}', '{ enabled: false }', '{ detection_multiplier: 4 }']) {
      expect(bfdOf(yaml), yaml).to.equal(undefined)
    }
  })

  for (const yaml of [
    '{ enabled: true, port: 0 }',
    '{ enabled: false, detection_multiplier: 256 }',
    '{ desired_min_tx_interval: 0 }',
    '{ required_min_rx_interval: 4294968 }',
    '{ interval: 100 }',
    'true',
  ]) {
    it(`fails the annotation when it is wrong, enabled or not: ${yaml}`, () => {
      expect(bfdOf(yaml)).to.match(/^is wrong at 0\.bfd/)
    })
  }

  it('reaches the speaker, with peers of both families', () => {
    const peers =
      "[{ remoteip: 10.0.0.9, remoteasn: 65001, bfd: { enabled: true } }, { remoteip: 'fd00::9', remoteasn: 65001 }]"
    const objects = view(node('node-1', { annotations: { 'kube-router.io/peers': peers } }))
    const settings = loadSettings({
      commandLine: { 'hostname-override': 'node-1', 'enable-bfd': 'true' },
      environment: {},
    })
    const options = planOptions(settings.settings, {})
    const desired = toDesired(plan(objects, options), options)
    expect(desired?.peers.map(({ name, bfd }) => [name, bfd?.minTx])).to.deep.equal([
      ['10.0.0.9', 1000],
      ['fd00::9', undefined],
    ])
  })
})

describe('bfd: in the configuration file of the speaker', () => {
  const read = (peer: string) =>
    readSpeakerFile(readDocument('f', `asn: 64512\nrouter-id: 10.0.0.2\npeers:\n  - asn: 65001\n${peer}`)).peers[0]?.bfd

  it('is off unless it is there', () => {
    expect(read('    address: fd00::1\n')).to.equal(undefined)
  })

  it('has defaults for all of its values', () => {
    const usual = { minTx: 300, minRx: 300, multiplier: 3, multihop: false, strict: false }
    expect(read('    address: fd00::1\n    bfd: {}\n')).to.deep.equal(usual)
    const given = '{ min-tx: 50, min-rx: 60, multiplier: 4, multihop: true, strict: true, port: 4790 }'
    const wanted = { minTx: 50, minRx: 60, multiplier: 4, multihop: true, strict: true, port: 4790 }
    expect(read(`    address: 10.0.0.1\n    bfd: ${given}\n`)).to.deep.equal(wanted)
  })

  it('names the place of what is wrong', () => {
    expect(() => read('    address: fd00::1\n    bfd: { min-tx: 0 }\n')).to.throw('f:6:20 peers[0].bfd.min-tx')
  })

  it('cannot be strict with neighbours that are not known before they connect', () => {
    expect(() => read('    address: fd00::/64\n    bfd: { strict: true }\n')).to.throw('peers[0].bfd')
    expect(read('    address: fd00::/64\n    bfd: {}\n')?.minTx).to.equal(300)
  })
})

describe('BFD in what is shown', () => {
  let fabric: Fabric
  let a: Machine

  beforeEach(async () => {
    fabric = new Fabric()
    const bfd = { minTx: 100, minRx: 100, multiplier: 3 }
    a = fabric.machine(
      64512,
      ['fd00::1'],
      [
        peerTo('fd00::2', 65001, { bfd }),
        peerTo('fd00::3', 65001, { bfd: { ...bfd, strict: true } }),
        peerTo('fd00::4', 65001),
      ],
    )
    fabric.machine(65001, ['fd00::2'], [peerTo('fd00::1', 64512, { bfd: { ...bfd, minTx: 50 } })])
    await fabric.pass(5000)
  })

  afterEach(() => fabric.stop())

  const linesOf = (peer: string) => {
    const backend = { speaker: a.speaker, plan: undefined, view: undefined, findings: [] }
    return explain(backend as unknown as Parameters<typeof explain>[0], `peer/${peer}`).lines
  }

  it('is a column of the table of peers, with the reason why a session waits', () => {
    const rows = peersTable(a.speaker.snapshot(), { width: 200 }).split('\n')
    expect(rows[0]).to.match(/SINCE +BFD +IPV4/)
    expect(rows.find((row) => row.startsWith('fd00::2'))).to.match(/Established +\S+ +Up /)
    expect(rows.find((row) => row.startsWith('fd00::3'))).to.match(/Idle +\S+ +Down .*waits for BFD, which is Down/)
    expect(rows.find((row) => row.startsWith('fd00::4'))).to.match(/ - .* - .* -/)
  })

  it('is no column where nobody has it', () => {
    a.apply({ peers: [peerTo('fd00::4', 65001)] })
    expect(peersTable(a.speaker.snapshot(), { width: 200 })).to.not.include('BFD')
  })

  it('is part of the story of a peer', () => {
    const lines = linesOf('fd00::2').join('\n')
    expect(lines).to.include(
      'Up at the peer: sends every 100 ms, takes the path to have failed after 300 ms of silence',
    )
    expect(lines).to.include('here tx 100 ms, rx 100 ms, x 3; the peer tx 50 ms, rx 100 ms, x 3')
    expect(lines).to.match(/packets in, \d+ out; 0 flaps; last diagnostic here: no diagnostic \(0\)/)
    expect(linesOf('fd00::3').join('\n')).to.match(
      /nothing heard of the peer[\s\S]*the session waits for BFD, which is Down/,
    )
    expect(linesOf('fd00::4').join('\n')).to.not.include('BFD')
  })
})
