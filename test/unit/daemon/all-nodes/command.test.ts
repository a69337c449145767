/** `--all-nodes` as it is typed: a kubeconfig, an API server that passes commands on into pods, and daemons' real answers in them. */

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import type { SpeakerSnapshot } from '../../../../speaker/index.ts'
import { FakeApiServer } from '../../../support/api-server/api-server.ts'
import type { Play } from '../../../support/api-server/exec.ts'
import { Fabric, type Machine, peerTo, route } from '../../../support/fabric.ts'
import { daemonPod, nodeObject } from '../../../support/kube-objects.ts'

const main = join(import.meta.dirname, '../../../../daemon/main.ts')
const routers = ['10.0.0.1', 'fd00::1', '10.0.0.2', 'fd00::2']

interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

describe('asking all nodes by the command line', function () {
  this.timeout(60_000)
  let folder: string
  let server: FakeApiServer
  let fabric: Fabric
  /** By pod. */
  const daemons = new Map<string, Machine>()
  let plays: Map<string, Play>

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tandem-all-nodes-'))
    fabric = new Fabric()
    const addresses = [1, 2, 3].map((number) => [`10.0.0.1${number}`, `fd00::1${number}`])
    for (const [index, own] of addresses.entries()) {
      const machine = fabric.machine(
        64512,
        own,
        routers.map((one) => peerTo(one, 65001)),
      )
      const but = { rule: 'the test leaves one out', peers: routers.filter((one) => one !== 'fd00::2') }
      const last = route(`2001:db8:${index + 1}::/48`, index === 1 ? { to: but } : {})
      machine.apply({ routes: [route('192.0.2.0/24'), route('2001:db8::/48'), last] })
      daemons.set(`tandem-node-${index + 1}`, machine)
    }
    const nodes = addresses.flat()
    for (const [pair, known] of [
      [['10.0.0.1', 'fd00::1'], nodes],
      [['10.0.0.2', 'fd00::2'], nodes.filter((one) => one !== '10.0.0.13')],
    ] as const)
      fabric.machine(
        65001,
        pair,
        known.map((one) => peerTo(one, 64512)),
      )
    await fabric.pass(20_000)
  })

  after(async () => {
    await fabric.stop()
    rmSync(folder, { recursive: true })
  })

  beforeEach(async () => {
    server = await FakeApiServer.start()
    plays = new Map()
    for (const number of [1, 2, 3]) {
      server.apply(nodeObject(`node-${number}`, { addresses: [`10.0.0.1${number}`, `fd00::1${number}`] }))
      server.apply(daemonPod(`node-${number}`))
    }
    server.exec.plays = ({ pod, command }) => plays.get(pod) ?? { stdout: JSON.stringify(answer(pod, command)) }
    const cluster = { server: server.url }
    const config = {
      clusters: [{ name: 'c', cluster }],
      contexts: [{ name: 'c', context: { cluster: 'c' } }],
      'current-context': 'c',
    }
    writeFileSync(join(folder, 'config'), JSON.stringify(config))
  })

  afterEach(() => server.stop())

  function answer(pod: string, [, what, view, prefix]: readonly string[]): unknown {
    const { speaker } = daemons.get(pod)!
    if (what === 'peers') return speaker.snapshot()
    const rows = speaker.routes(view as 'best' | 'out')
    return prefix?.startsWith('-') ? rows : rows.filter((one) => one.prefix === prefix)
  }

  function tandem(...words: string[]): Promise<Ran> {
    const env = { ...process.env, KUBECONFIG: join(folder, 'config') }
    return new Promise((resolve) =>
      execFile(process.execPath, [main, ...words], { env }, (error, stdout, stderr) =>
        resolve({ status: error ? Number(error.code) : 0, stdout, stderr }),
      ),
    )
  }

  it('is one table of all sessions, and in words which router differs from its twin', async () => {
    const { status, stdout, stderr } = await tandem('peers', '--all-nodes')
    expect([status, stderr]).to.deep.equal([0, ''])
    const [table = '', words = ''] = stdout.trimEnd().split('\n\n')
    const [headings, ...rows] = table.split('\n')
    expect(headings).to.match(/^NODE +PEER +AS +TYPE +STATE /)
    expect(rows.map((row) => row.split(/ +/).slice(0, 2).join(' '))).to.deep.equal(
      [1, 2, 3].flatMap((number) => routers.map((router) => `node-${number} ${router}`)),
    )
    const [headline, ...differences] = words.split('\n')
    expect(headline).to.equal('3 of 3 nodes answered; 11 of 12 sessions are up')
    expect(differences).to.have.lengthOf(2)
    expect(differences[0]).to.match(/^10\.0\.0\.2 is down on node-3 while 10\.0\.0\.1 is up/)
    expect(differences[1]).to.equal('node-2 sends 2 ipv6 to fd00::1 but 1 to fd00::2')
    const asked = server.exec.executed.map(({ namespace, container, command }) => [namespace, container, ...command])
    expect(asked).to.deep.equal(Array(3).fill(['tandem-system', 'tandem', 'tandem', 'peers', '-o', 'json']))
  })

  it('names the route behind the difference', async () => {
    const { status, stdout } = await tandem('routes', 'out', '--all-nodes')
    expect(status).to.equal(0)
    expect(stdout).to.match(/^NODE +PREFIX +NEXT HOP +FROM +TO /)
    expect(stdout).to.match(/^node-1 +2001:db8:1::\/48 .* fd00::2 /m)
    expect(stdout.trimEnd().split('\n').at(-1)).to.equal('node-2 sends 2001:db8:2::/48 to fd00::1 but not to fd00::2')
  })

  it('says which nodes have no route of a prefix', async () => {
    const { stdout } = await tandem('routes', 'best', '2001:db8:1::/48', '--all-nodes', '-o', 'wide')
    expect(stdout).to.match(/^node-1 +2001:db8:1::\/48 .*declared/m)
    expect(stdout).to.include('3 of 3 nodes answered; 1 route on 1 of them\nno such route on node-2 and node-3')
  })

  it('leaves no node out: each that is missing has its reason, and the exit status says so', async () => {
    server.remove('Pod', 'tandem-system', 'tandem-node-1')
    plays.set('tandem-node-2', { exitCode: 2, stderr: 'tandem: --admin-socket: "x" is not answered\n' })
    plays.set('tandem-node-3', { instead: 'silence' })
    server.apply(nodeObject('node-10', { addresses: ['fd00::20'] }))
    server.apply(daemonPod('node-10', { status: { conditions: [{ type: 'Ready', status: 'False' }] } }))
    plays.set('tandem-node-10', { stdout: JSON.stringify(answer('tandem-node-1', ['tandem', 'peers'])) })
    const { status, stdout } = await tandem('peers', '--all-nodes', '--node-timeout', '1s', '--at-once', '1')
    expect(status).to.equal(1)
    const [table = '', missing, words = ''] = stdout.trimEnd().split('\n\n')
    expect(table.split('\n')).to.have.lengthOf(1 + routers.length)
    expect(missing?.split('\n').map((line) => line.split(/ {2,}/))).to.deep.equal([
      ['MISSING', 'WHY'],
      ['node-1', 'no pod of app.kubernetes.io/name=tandem in namespace tandem-system'],
      ['node-2', 'pod tandem-node-2: --admin-socket: "x" is not answered'],
      ['node-3', 'pod tandem-node-3 gave no answer within 1 s'],
    ])
    expect(words.split('\n')).to.deep.equal([
      '1 of 4 nodes answered; 4 of 4 sessions are up',
      'no router differs from its twin',
      'node-10: pod tandem-node-10 is not ready',
    ])
  })

  for (const [format, read] of [
    ['json', JSON.parse],
    ['yaml', parse],
  ] as const) {
    it(`is an object by node in ${format}, with those that are missing`, async () => {
      server.remove('Pod', 'tandem-system', 'tandem-node-1')
      const { status, stdout } = await tandem('peers', '--all-nodes', '-o', format)
      expect(status).to.equal(1)
      const { nodes, missing, differences } = (read as (text: string) => unknown)(stdout) as {
        nodes: Record<string, SpeakerSnapshot>
        missing: { node: string }[]
        differences: { nodes: string[] }[]
      }
      expect(Object.keys(nodes)).to.deep.equal(['node-2', 'node-3'])
      expect(nodes['node-2']?.peers.map(({ name }) => name)).to.deep.equal(routers)
      expect(missing.map(({ node }) => node)).to.deep.equal(['node-1'])
      expect(differences.map((one) => one.nodes)).to.deep.equal([['node-3'], ['node-2']])
    })
  }

  it('asks in another namespace, by other labels, of some nodes, at another socket', async () => {
    server.apply(nodeObject('node-4', { metadata: { labels: { rack: 'a' } } }))
    const elsewhere = daemonPod('node-4', { name: 'bgp-x', labels: { app: 'bgp' } })
    server.apply({ ...elsewhere, metadata: { ...elsewhere.metadata, namespace: 'bgp' } })
    plays.set('bgp-x', { stdout: JSON.stringify(answer('tandem-node-1', ['tandem', 'peers'])) })
    const flags = ['-n', 'bgp', '-l', 'app=bgp', '--node-selector', 'rack=a', '--admin-socket', '/run/other.sock']
    const { status, stdout } = await tandem('peers', '--all-nodes', ...flags)
    expect(status).to.equal(0)
    expect(stdout).to.include('1 of 1 nodes answered')
    expect(server.exec.executed.map(({ namespace, pod, command }) => [namespace, pod, ...command])).to.deep.equal([
      ['bgp', 'bgp-x', 'tandem', 'peers', '--admin-socket', '/run/other.sock', '-o', 'json'],
    ])
  })

  it("says in the API server's words what it refuses, and where the rights are", async () => {
    server.answer(403, { path: /nodes/ })
    const { status, stderr } = await tandem('peers', '--all-nodes')
    expect(status).to.equal(1)
    expect(stderr).to.match(/^tandem: API server http.*: the test wants 403; .*docs\/howto\/all-nodes\.md\n$/)
    server.answer(403, { path: /exec/, times: 3 })
    const refused = await tandem('peers', '--all-nodes')
    expect(refused.status).to.equal(1)
    expect(refused.stdout)
      .to.match(/^node-3 +the test wants 403; rights: docs\/howto\/all-nodes\.md$/m)
      .and.to.include('0 of 3 nodes answered')
  })

  it('refuses flags that are wrong, and those that mean nothing for one daemon', async () => {
    const wrong: [string[], RegExp][] = [
      [['peers', '--context', 'x'], /--context: "x" goes with --all-nodes/],
      [['routes', '--kubeconfig', 'x'], /--kubeconfig: "x" goes with --all-nodes/],
      [['peers', '--all-nodes', '--at-once', '0'], /--at-once: "0" is no number/],
      [['peers', '--all-nodes', '--node-timeout', '5'], /--node-timeout: "5" is no time/],
      [['peers', '--all-nodes', '--context', 'x'], /it has no context "x", but c/],
      [['peers', '--all-nodes', '--kubeconfig', '/nowhere'], /there is no file \/nowhere/],
      [['peers', '--all-nodes', '--node-selector', 'rack=z'], /"rack=z" selects no node/],
    ]
    const ran = await Promise.all(wrong.map(([words]) => tandem(...words)))
    for (const [index, [, text]] of wrong.entries()) {
      expect(ran[index]?.status, text.source).to.equal(2)
      expect(ran[index]?.stderr).to.match(text)
    }
  })

  it('has examples in its help', async () => {
    for (const name of ['peers', 'routes']) {
      const { stdout } = await tandem(name, '--help')
      expect(stdout).to.match(new RegExp(`Examples:\\n(?: +tandem .*\\n)* +tandem ${name} .*--all-nodes`))
    }
  })
})
