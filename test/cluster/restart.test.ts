/** The daemon is replaced, killed, or asked for passwords that are not there: what the router holds, and what is said. */

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { nodeObject, service, sliceObject } from '../support/kube-objects.ts'
import { eventually } from '../topology/runner.ts'
import { servers } from './given.ts'
import { basicFlags, Stage } from './stage.ts'

const planned = [
  '10.244.1.0/24 via 10.0.0.2',
  '203.0.113.1/32 via 10.0.0.2',
  '2001:db8:113::1/128 via fd00::2',
  'fd00:244:1::/64 via fd00::2',
]

const spec = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', allocateLoadBalancerNodePorts: false }
const ingress = [{ ip: '203.0.113.1' }, { ip: '2001:db8:113::1' }]
const objects = [
  nodeObject(),
  service('web', spec, { ingress }),
  ...(['IPv4', 'IPv6'] as const).map((family) => sliceObject('web', family, [{ on: 'node-1', ready: true }])),
]

describe('a restart under graceful restart', () => {
  let stage: Stage
  const flags = [...basicFlags, '--bgp-graceful-restart']

  before(async () => {
    stage = await Stage.set(servers())
    await stage.control.apply(...objects)
    stage.startDaemon(flags)
    await stage.routerHas(planned, 60_000)
    await stage.sessionsUp()
  })

  after(async () => stage?.clear())

  const removed = (since: number) => stage.router.heard(since).filter(({ what }) => what === 'removed')

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`Restart under graceful restart: ${signal}, and no route is withdrawn`, async () => {
      const since = Date.now()
      await stage.daemon.stop(signal)
      await stage.routerHas(planned)
      stage.startDaemon(flags)
      await stage.sessionsUp()
      await eventually('End-of-RIB is out', 10_000, async () => {
        const { peers } = await stage.snapshot()
        return peers.every(({ routes }) => Object.values(routes).every(({ endOfRibSent }) => endOfRibSent))
      })
      await stage.routerHas(planned)
      expect(removed(since)).to.deep.equal([])
    })
  }

  it('Restart under graceful restart: while the API server is away, and no route is withdrawn', async () => {
    const since = Date.now()
    await stage.control.stopApiServer()
    await stage.daemon.stop('SIGKILL')
    stage.startDaemon(flags)
    await eventually('/readyz says what it waits for', 10_000, async () =>
      (await stage.readyz()).includes('[-] source: waiting'),
    )
    await stage.routerHas(planned)
    await stage.control.startApiServer()
    await stage.sessionsUp()
    await stage.routerHas(planned)
    expect(removed(since)).to.deep.equal([])
  })

  it('Planned removal: a drained node takes its VIPs along at once when its daemon ends', async () => {
    await stage.control.apply(nodeObject('node-1', { metadata: { annotations: { 'tandem.io/drain': 'true' } } }))
    await stage.routerHas(
      planned.filter((row) => row.includes('244')),
      20_000,
    )
    await stage.daemon.stop('SIGTERM')
    await stage.routerHas([], 3000)
  })
})

describe('passwords', () => {
  let stage: Stage
  let folder: string

  before(async () => {
    stage = await Stage.set(servers())
    folder = join(stage.topology.work, 'passwords')
    mkdirSync(folder)
    chmodSync(folder, 0o755)
    const peers =
      '[{remoteip: 10.0.0.1, remoteasn: 65001, password-from: tor}, {remoteip: "fd00::1", remoteasn: 65001, password-from: tor}]'
    await stage.control.apply(
      nodeObject('node-1', { metadata: { annotations: { 'kube-router.io/peers': peers } } }),
      ...objects.slice(1),
    )
    await stage.router.stop()
    stage.router.start((config) => config.replace('hold time 9;', 'hold time 9;\n  password "sesame";'))
    const flags = basicFlags.filter((flag) => !flag.startsWith('--peer-router'))
    stage.startDaemon([...flags, `--peer-passwords-dir=${folder}`])
  })

  after(async () => stage?.clear())

  const reasons = async () => (await stage.snapshot()).peers.map(({ blocked }) => blocked ?? '')

  it('Passwords: absent, empty or too long, and the peers stay down with that reason', async () => {
    const says = (words: string) =>
      eventually(words, 15_000, async () => {
        const said = await reasons()
        return (
          said.length === 2 && said.every((one) => one.includes(words) && one.endsWith('never without authentication'))
        )
      })
    await says('cannot be read (ENOENT)')
    writeFileSync(join(folder, 'tor'), '\n')
    await says('its password is empty')
    writeFileSync(join(folder, 'tor'), 'x'.repeat(81))
    await says('its password has 81 octets')
  })

  it('Passwords: a wrong one lets nobody in, the right one does, and the daemon is not restarted', async () => {
    writeFileSync(join(folder, 'tor'), 'open')
    await eventually('it is tried', 15_000, async () => (await reasons()).every((one) => one === ''))
    expect(stage.router.heard().filter(({ what }) => what.includes('established'))).to.deep.equal([])
    // With the newline that editors leave.
    writeFileSync(join(folder, 'tor'), 'sesame\n')
    await stage.sessionsUp()
    await stage.routerHas(planned)
  })

  it('Passwords: none of them is in the log, in the plan or in what is shown', async () => {
    const shown = [stage.daemon.log(), JSON.stringify(await stage.plan()), JSON.stringify(await stage.snapshot())]
    shown.push(await stage.explain('peer/10.0.0.1'), await stage.explain('node/node-1'))
    for (const text of shown) expect(text).not.to.contain('sesame')
    expect(await stage.explain('peer/10.0.0.1')).to.contain('signed with TCP MD5')
  })
})
