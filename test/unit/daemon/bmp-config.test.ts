/** Collectors of BMP in flags and files, with either source; what is wrong there is named; and what metrics say of them. */

import { expect } from 'chai'
import { alwaysSynced } from '../../../daemon/backend.ts'
import { collectorsOf } from '../../../daemon/config/bmp.ts'
import { readDocument } from '../../../daemon/config/document.ts'
import { ConfigError } from '../../../daemon/config/flag.ts'
import { readKubernetesFile } from '../../../daemon/config/kubernetes-file.ts'
import { loadSettings } from '../../../daemon/config/settings.ts'
import { readSpeakerFile } from '../../../daemon/config/speaker-file.ts'
import { bmpMetrics } from '../../../daemon/metrics/bmp-metrics.ts'
import { PeerPolicies } from '../../../daemon/peer-policies.ts'
import type { CollectorDeclaration } from '../../../speaker/index.ts'
import { BmpCollector } from '../../support/bmp-collector.ts'
import { address, Fabric, peerTo } from '../../support/fabric.ts'

const shown = ({ address: end, zone = '', port, adjRibIn, adjRibOut, statisticsInterval }: CollectorDeclaration) =>
  `${end}${zone && `%${zone}`} ${port} ${adjRibIn} ${adjRibOut} ${statisticsInterval}`

const fromFlags = (commandLine: Record<string, string>, inFile: readonly CollectorDeclaration[] = []) =>
  collectorsOf(loadSettings({ commandLine, environment: {} }).settings, inFile).map(shown)

const ofSpeaker = (bmp: string) =>
  readSpeakerFile(readDocument('tandem.yaml', `asn: 64512\nrouter-id: 10.0.0.2\nbmp:\n${bmp}`)).local.collectors ?? []
const ofKubernetes = (bmp: string) => readKubernetesFile(readDocument('tandem.yaml', `bmp:\n${bmp}`)).collectors

function complaint(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return 'no complaint'
}

describe('BMP in the settings', () => {
  it('takes collectors of both families from the flag, with and without a port', () => {
    expect(
      fromFlags({ 'bmp-collectors': '192.0.2.9,192.0.2.9:1790,2001:db8::9,[2001:db8::9]:1790,[fe80::9%eth0]:11019' }),
    ).to.deep.equal([
      '192.0.2.9 11019 true false 60',
      '192.0.2.9 1790 true false 60',
      '2001:db8::9 11019 true false 60',
      '2001:db8::9 1790 true false 60',
      'fe80::9%eth0 11019 true false 60',
    ])
  })

  it('takes what they are told from flags', () => {
    const more = { 'bmp-adj-rib-in': 'false', 'bmp-adj-rib-out': 'true', 'bmp-statistics-interval': '5m' }
    expect(fromFlags({ 'bmp-collectors': '192.0.2.9', ...more })).to.deep.equal(['192.0.2.9 11019 false true 300'])
    expect(fromFlags(more)).to.deep.equal([])
  })

  for (const text of [
    '192.0.2.9:0',
    '192.0.2.9:65536',
    '2001:db8::9:x',
    '[192.0.2.9]:11019',
    'collector',
    'eth0%1',
    '',
  ]) {
    it(`refuses ${JSON.stringify(text)} in the flag, and says what would be right`, () => {
      const all = `192.0.2.1,${text}`
      expect(complaint(() => fromFlags({ 'bmp-collectors': all }))).to.equal(
        `--bmp-collectors: "${all}" has an item that is not ADDRESS or ADDRESS:PORT, IPv6 in brackets: 192.0.2.9:11019, [2001:db8::9]:11019`,
      )
    })
  }

  for (const [source, read] of [
    ['the speaker alone', ofSpeaker],
    ['a daemon that follows Kubernetes', ofKubernetes],
  ] as const) {
    describe(`in the file of ${source}`, () => {
      it('has defaults, and says all that flags say', () => {
        const text = `  - { address: 192.0.2.9 }
  - { address: "2001:db8::9", port: 1790, adj-rib-in: false, adj-rib-out: true, statistics-interval: 0 }
  - { address: "fe80::9%eth0" }
`
        expect(read(text).map(shown)).to.deep.equal([
          '192.0.2.9 11019 true false 60',
          '2001:db8::9 1790 false true 0',
          'fe80::9%eth0 11019 true false 60',
        ])
      })

      for (const [text, words] of [
        ['  - { address: here }\n', /bmp\[0\]\.address: "here" is not an IP address/],
        ['  - { address: "192.0.2.9%eth0" }\n', /bmp\[0\]\.address: "192\.0\.2\.9%eth0" is not an IP address/],
        ['  - { address: 192.0.2.9, port: 0 }\n', /bmp\[0\]\.port/],
        ['  - { address: 192.0.2.9, adj-rib: true }\n', /bmp\[0\]\.adj-rib: "adj-rib" is no key here/],
        ['  - { address: "2001:db8::9" }\n  - { address: "2001:db8:0::9" }\n', /bmp\[1\]\.address: .* is there twice/],
      ] as const) {
        it(`names the place of ${text.trim().split('\n').at(-1)}`, () => {
          expect(complaint(() => read(text)))
            .to.match(words)
            .and.match(/^tandem\.yaml:\d+:\d+/)
        })
      }
    })
  }

  it('puts those of the flags beside those of the file, which counts where both name one', () => {
    const inFile = ofKubernetes('  - { address: "2001:db8::9", adj-rib-out: true }\n')
    expect(fromFlags({ 'bmp-collectors': '192.0.2.9,2001:db8::9' }, inFile)).to.deep.equal([
      '192.0.2.9 11019 true false 60',
      '2001:db8::9 11019 true true 60',
    ])
  })

  it('places them beside the plan, anew with each file, and keeps them when a file has an error', () => {
    const { settings } = loadSettings({ commandLine: { 'bmp-collectors': '192.0.2.9' }, environment: {} })
    const policies = new PeerPolicies({}, undefined, (inFile) => collectorsOf(settings, inFile))
    const local = { asn: 64512, routerId: 1, listen: [], addresses: {} }
    const placed = () =>
      policies.place({ local, peers: [], routes: [] }).local.collectors?.map(({ address: end }) => String(end))
    expect(placed()).to.deep.equal(['192.0.2.9'])
    policies.take(readDocument('tandem.yaml', 'bmp: [{ address: "2001:db8::9" }]'))
    expect(placed()).to.deep.equal(['192.0.2.9', '2001:db8::9'])
    expect(complaint(() => policies.take(readDocument('tandem.yaml', 'bmp: [{}]')))).to.match(/bmp\[0\]/)
    expect(placed()).to.deep.equal(['192.0.2.9', '2001:db8::9'])
    policies.take(readDocument('tandem.yaml', 'bmp: []'))
    expect(placed()).to.deep.equal(['192.0.2.9'])
  })
})

describe('metrics of BMP collectors', () => {
  it('say of each whether it is connected, what it was sent, and what waits', async () => {
    const fabric = new Fabric()
    const node = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [peerTo('10.0.0.1', 65001)])
    const collector = await new BmpCollector(fabric, 'fd00::9').listen()
    const usual = { adjRibIn: true, adjRibOut: false, statisticsInterval: 0 }
    const collectors = ['10.0.0.9', 'fd00::9'].map((text) => ({ address: address(text), port: 11019, ...usual }))
    node.apply({ local: { collectors } })
    await fabric.pass(1000)
    const reading = {
      speaker: node.speaker.snapshot(),
      plan: undefined,
      findings: [],
      sync: alwaysSynced,
      loopDelays: [],
    }
    const value = (name: string) =>
      Object.fromEntries(
        [...bmpMetrics.find((one) => one.name === name)!.read(reading)].map(([number, labels]) => [
          labels['collector'],
          number,
        ]),
      )
    const [v4, v6] = ['10.0.0.9:11019', '[fd00::9]:11019']
    expect(value('tandem_bmp_collector_up')).to.deep.equal({ [v4!]: 0, [v6!]: 1 })
    expect(value('tandem_bmp_connections_total')).to.deep.equal({ [v4!]: 0, [v6!]: 1 })
    expect(value('tandem_bmp_messages_total')).to.deep.equal({ [v4!]: 0, [v6!]: 1 })
    expect(value('tandem_bmp_bytes_total')[v6!]).to.be.above(20)
    expect(value('tandem_bmp_waiting_routes')).to.deep.equal({ [v4!]: 0, [v6!]: 0 })
    expect(collector.kinds).to.deep.equal(['initiation'])
    await fabric.stop()
    expect(fabric.clock.pending).to.equal(0)
  })
})
