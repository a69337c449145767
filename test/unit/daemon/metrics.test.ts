/** Metrics: what a scrape says of a real pair of sessions, in which form; and that dashboard, alerts and page say nothing that is not there. */

import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { families } from 'bgp-ts'
import { expect } from 'chai'
import { Registry } from 'prom-client'
import { parse } from 'yaml'
import type { Plan } from '../../../controllers/index.ts'
import { alwaysSynced, type Backend } from '../../../daemon/backend.ts'
import { compatMetrics } from '../../../daemon/metrics/compat-metrics.ts'
import { metricsPage } from '../../../daemon/metrics/page.ts'
import { metrics } from '../../../daemon/metrics/registry.ts'
import { type MetricsServer, serveMetrics } from '../../../daemon/metrics/server.ts'
import { Timings, timingRows } from '../../../daemon/metrics/timings.ts'
import { address, Fabric, peerTo, route } from '../../support/fabric.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const folder = join(import.meta.dirname, '../../../docker/monitoring')
const file = (name: string) => readFileSync(join(folder, name), 'utf8')

function ask(port: number, path = '/metrics', accept = ''): Promise<{ status: number; type: string; text: string }> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers: { accept } }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += String(chunk)))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', text }),
      )
    }).on('error', reject)
  })
}

describe('metrics', () => {
  const fabric = new Fabric()
  const node = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [peerTo('10.0.0.1', 65001), peerTo('10.0.0.3', 65003)])
  fabric.machine(65001, ['10.0.0.1', 'fd00::1'], [peerTo('10.0.0.2', 64512)])
  const backend: Backend = {
    speaker: node.speaker,
    plan: undefined,
    view: undefined,
    findings: [],
    source: 'a test',
    sync: alwaysSynced,
  }
  const options = { address: address('127.0.0.1'), port: 0, path: '/metrics' }
  let server: MetricsServer

  before(async () => {
    node.apply({ routes: [route('192.0.2.0/24'), route('2001:db8::/48')] })
    await fabric.pass(20_000)
    server = await serveMetrics(backend, { ...options, compat: true })
  })

  after(async () => {
    await server.close()
    await fabric.stop()
  })

  const value = (text: string, series: string) =>
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.split(' ')
      .at(-1)

  it('say of each peer whether it is up, and of each family what it has', async () => {
    const { text, type } = await ask(server.port)
    expect(type).to.match(/^text\/plain/)
    expect(value(text, 'tandem_peer_up{peer="10.0.0.1"}')).to.equal('1')
    expect(value(text, 'tandem_peer_up{peer="10.0.0.3"}')).to.equal('0')
    for (const family of families) {
      const of = (name: string, peer: string) => value(text, `${name}{peer="${peer}",family="${family}"}`)
      expect(of('tandem_peer_routes_advertised', '10.0.0.1')).to.equal('1')
      expect(of('tandem_peer_family_negotiated', '10.0.0.1')).to.equal('1')
      expect(of('tandem_peer_routes_advertised', '10.0.0.3')).to.equal('0')
      expect(of('tandem_peer_family_negotiated', '10.0.0.3')).to.equal('0')
    }
  })

  it('are read anew at each scrape, and do not add up', async () => {
    const opens = 'tandem_peer_messages_total{peer="10.0.0.1",direction="in",type="open"}'
    const first = value((await ask(server.port)).text, opens)
    expect(Number(first)).to.be.above(0)
    for (let turn = 0; turn < 3; turn++) expect(value((await ask(server.port)).text, opens)).to.equal(first)
  })

  it("have kube-router's names beside theirs where that is asked for", async () => {
    const { text } = await ask(server.port)
    const info = 'kube_router_bgp_peer_info{address="10.0.0.1",type="external",asn="65001",state="ESTABLISHED"}'
    expect(value(text, info)).to.equal('1')
    const plain = await serveMetrics(backend, { ...options, compat: false })
    expect((await ask(plain.port)).text).not.to.include('kube_router_')
    await plain.close()
  })

  it('come as OpenMetrics to whom asks for it, each scrape in its own form', async () => {
    const [open, text] = await Promise.all([
      ask(server.port, '/metrics', 'application/openmetrics-text; version=1.0.0'),
      ask(server.port),
    ])
    expect(open.type).to.match(/^application\/openmetrics-text/)
    expect(open.text).to.match(/# EOF\n$/)
    expect(text.text).not.to.include('# EOF')
  })

  it('say how late the event loop was since the scrape before, in whichever form that was', async () => {
    const late = (text: string) => Number(value(text, 'tandem_event_loop_late_seconds{percentile="100"}'))
    // It is looked at each 10 ms, by a timer that no test can turn.
    const aLook = () => new Promise((resolve) => setTimeout(resolve, 30))
    await ask(server.port)
    await aLook()
    const end = performance.now() + 200
    while (performance.now() < end);
    await aLook()
    const { text } = await ask(server.port, '/metrics', 'application/openmetrics-text; version=1.0.0')
    expect(late(text)).to.be.within(0.15, 5)
    await aLook()
    expect(late((await ask(server.port)).text)).to.be.below(late(text))
    expect(text).not.to.include('nodejs_eventloop_lag')
  })

  it('are at their path alone, which any other path names', async () => {
    const { status, text } = await ask(server.port, '/')
    expect([status, text]).to.deep.equal([404, '/metrics\n'])
  })

  it('are there without a peer', async () => {
    const lonely = new Fabric()
    const machine = lonely.machine(64512, ['10.0.0.2'], [])
    const other = await serveMetrics({ ...backend, speaker: machine.speaker }, { ...options, compat: true })
    const { status, text } = await ask(other.port)
    expect(status).to.equal(200)
    expect(text).to.include('tandem_source_synced 1')
    await other.close()
    await lonely.stop()
  })

  it('name what withholds a route without the names and numbers of the case', () => {
    const withheld = ['(1 elsewhere), annotation is "no"', '(27 elsewhere), annotation is "nope"'].map((reason) => {
      return { prefix: '2001:db8::1/128', kind: 'cluster-ip', object: 'o', field: 'f', reason, mend: 'm' }
    })
    const row = metrics.find(({ name }) => name === 'tandem_plan_withheld')
    const plan = { withheld } as unknown as Plan
    const reading = { speaker: node.speaker.snapshot(), plan, findings: [], sync: alwaysSynced, loopDelays: [] }
    const labels = { family: 'ipv6-unicast', kind: 'cluster-ip', reason: '(N elsewhere), annotation is "..."' }
    expect([...(row?.read(reading) ?? [])]).to.deep.equal([[2, labels]])
  })

  it('time a change from its object to the wire, and the plan alone', async () => {
    const clock = new VirtualClock()
    const registry = new Registry()
    const timings = new Timings(clock)
    timings.enter(registry)
    const none = { peers: { added: [], removed: [], reset: [], changed: [] } }
    const prefixes = { set: [], withdrawn: [] }
    const at = clock.now()
    timings.applied({
      ...prefixes,
      beganAt: at,
      plannedAt: at + 2,
      report: { ...none, routes: { added: 1, withdrawn: 0, changed: 0 } },
    })
    clock.pass(30)
    timings.settled()
    timings.settled()
    timings.applied({
      ...prefixes,
      beganAt: at,
      plannedAt: at + 2,
      report: { ...none, routes: { added: 0, withdrawn: 0, changed: 0 } },
    })
    timings.settled()
    const text = await registry.metrics()
    expect(value(text, 'tandem_event_to_wire_seconds_sum')).to.equal('0.03')
    expect(value(text, 'tandem_event_to_wire_seconds_count')).to.equal('1')
    expect(value(text, 'tandem_plan_duration_seconds_count')).to.equal('2')
  })

  it('have names and labels as Prometheus wants them', () => {
    for (const { name, type, labels } of [...metrics, ...compatMetrics]) {
      expect(name).to.match(/^(tandem|kube_router)_[a-z0-9_]+$/)
      if (name.startsWith('tandem')) expect(name.endsWith('_total'), name).to.equal(type === 'counter')
      for (const label of labels) expect(label).to.match(/^[a-z_]+$/)
    }
  })

  it('are all in docs/metrics.md', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/metrics.md'), 'utf8')
    expect(page, 'run npm run docs').to.equal(metricsPage())
  })

  const known = new Set([
    ...metrics.map(({ name }) => name),
    ...timingRows.map(([name]) => `${name}_bucket`),
    'process_resident_memory_bytes',
  ])
  const named = (text: string) => text.match(/\b(?:tandem|nodejs|process)_[a-z0-9_]+/g) ?? []

  it('are what the dashboard and the alerts ask for: every name is one, and both families are shown', () => {
    const dashboard = JSON.parse(file('dashboard.json')) as { panels: { targets: { expr: string }[] }[] }
    const asked = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
    const rules = parse(file('alerts.yaml')) as { groups: { rules: { expr: string }[] }[] }
    const alerts = rules.groups.flatMap((group) => group.rules.map(({ expr }) => expr))
    const names = [...asked, ...alerts].flatMap(named)
    expect(names.length).to.be.above(40)
    expect(names.filter((name) => !known.has(name))).to.deep.equal([])
    for (const family of families) expect(asked.join('\n')).to.include(family)
  })

  it('have one set of alerts, for files and for the operator', () => {
    const { spec } = parse(file('prometheus-rule.yaml')) as { spec: unknown }
    expect(spec).to.deep.equal(parse(file('alerts.yaml')))
  })

  it('pass promtool: a scrape, the rules, and cases in which they fire and do not', async function () {
    if (spawnSync('promtool', ['--version']).error) this.skip()
    const { text } = await ask(server.port)
    const lint = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
    const complaints = (lint.stderr + lint.stdout).split('\n').filter((line) => line.startsWith('tandem_'))
    expect(complaints).to.deep.equal([])
    execFileSync('promtool', ['check', 'rules', 'alerts.yaml'], { cwd: folder })
    execFileSync('promtool', ['test', 'rules', 'alerts-test.yaml'], { cwd: folder })
  }).timeout(20_000)
})
