/** The API server is away, forgets, or comes back as another: sessions and routes stay, and afterwards exactly the difference is sent. */

import { expect } from 'chai'
import type { KubeObject } from '../support/kube-objects.ts'
import { nodeObject, service, sliceObject } from '../support/kube-objects.ts'
import { eventually } from '../topology/runner.ts'
import { servers } from './given.ts'
import { basicFlags, Stage } from './stage.ts'

const pods = ['10.244.1.0/24 via 10.0.0.2', 'fd00:244:1::/64 via fd00::2']
const count = 12
const families = ['IPv4', 'IPv6'] as const
const name = (index: number) => `s${index}`
const addresses = (index: number) => [`203.0.113.${index + 1}`, `2001:db8:113::${index + 1}`]
const rows = (index: number) => [`203.0.113.${index + 1}/32 via 10.0.0.2`, `2001:db8:113::${index + 1}/128 via fd00::2`]

/** A service with an endpoint here, ready in both families or in neither. */
function objects(index: number, ready = true): KubeObject[] {
  const spec = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', allocateLoadBalancerNodePorts: false }
  const ingress = addresses(index).map((ip) => ({ ip }))
  return [
    service(name(index), spec, { ingress }),
    ...families.map((family) => sliceObject(name(index), family, [{ on: 'node-1', ready }])),
  ]
}

describe('without the API server', () => {
  let stage: Stage
  const ready = Array.from({ length: count }, () => true)
  const planned = () => [...pods, ...ready.flatMap((one, index) => (one ? rows(index) : []))]

  before(async () => {
    stage = await Stage.set(servers())
    await stage.control.apply(nodeObject(), ...ready.flatMap((_, index) => objects(index)))
  })

  after(async () => stage?.clear())

  const set = async (index: number, value: boolean) => {
    await stage.control.apply(...objects(index, value).slice(1))
    ready[index] = value
  }

  it('No End-of-RIB before the truth: a start without it waits, and says so in /readyz', async () => {
    await stage.control.stopApiServer()
    const since = Date.now()
    stage.startDaemon()
    const text = await eventually('/readyz answers', 10_000, async () => {
      const said = await stage.readyz()
      return said.includes('ECONNREFUSED') && said
    })
    expect(text).to.include('[-] source: waiting for the first whole view of API server https://10.9.0.1:6443')
    expect(stage.moved(since)).to.deep.equal([])
    await stage.control.startApiServer()
    await stage.routerHas(planned(), 60_000)
    await eventually('/readyz is well', 10_000, async () => (await stage.readyz()).includes('[+] sessions: 2 of 2 up'))
  })

  it('J12 API outage: a connection that only looks alive is found, and nothing moves', async function () {
    this.timeout(90_000)
    await stage.sessionsUp()
    const since = Date.now()
    await stage.topology.run('node-1', ['ip', 'link', 'set', 'eth2', 'down'])
    await stage.topology.run('node-1', ['ip', 'link', 'set', 'eth2', 'up'])
    await stage.topology.run('api', ['ip', 'link', 'set', 'eth2', 'down'])
    await eventually('every watch is known to be down', 60_000, async () => {
      const said = await stage.readyz()
      return ['nodes', 'services', 'endpointslices'].every((kind) => new RegExp(`/${kind}: .`).test(said))
    })
    expect(await stage.readyz()).to.include('[+] source')
    expect(await stage.topology.run('node-1', ['curl', '-s', 'http://127.0.0.1:20244/healthz'])).to.equal('OK\n')
    expect(stage.moved(since)).to.deep.equal([])
  })

  it('J12 API outage: afterwards exactly the difference is sent, though every resource version has expired', async function () {
    this.timeout(90_000)
    const since = Date.now()
    await set(0, false)
    await stage.control.remove('Service', 'default/s1')
    ready[1] = false
    await stage.control.stopApiServer()
    await stage.control.startApiServer()
    expect(stage.moved(since)).to.deep.equal([])
    await stage.topology.run('api', ['ip', 'link', 'set', 'eth2', 'up'])
    await stage.routerHas(planned(), 60_000)
    await stage.caughtUp()
    const gone = [...addresses(0), ...addresses(1)].map((one) => `removed ${one}/${one.includes(':') ? 128 : 32}`)
    expect(stage.moved(since)).to.deep.equal(gone.sort())
    await stage.control.apply(...objects(1))
    ready[1] = true
    await stage.routerHas(planned())
  })

  it('a token that the server no longer knows is read anew from its file', async function () {
    this.timeout(90_000)
    const since = Date.now()
    await stage.control.stopApiServer()
    stage.control.renewKeys()
    await stage.control.startApiServer()
    await eventually('the old token is refused', 30_000, async () => (await stage.readyz()).includes('Unauthorized'))
    await stage.renewToken()
    await set(0, true)
    await stage.routerHas(planned(), 60_000)
    expect(stage.moved(since)).to.deep.equal(
      addresses(0)
        .map((one) => `added ${one}/${one.includes(':') ? 128 : 32}`)
        .sort(),
    )
  })

  it('killing and restarting it 20 times during changes ends with exactly the planned routes, and withdraws nothing else', async function () {
    this.timeout(300_000)
    const since = Date.now()
    // These change all the time; the others never.
    const restless = [0, 1, 2, 3, 4]
    let seed = 7
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return (seed >>> 8) % below
    }
    for (let round = 0; round < 20; round++) {
      const changes = (async () => {
        for (let change = 0; change < 10; change++) {
          const index = restless[random(restless.length)]!
          const wanted = random(2) === 0
          // What the server did not take did not happen; a write that was cut off is written again below.
          await set(index, wanted).catch(() => {})
        }
      })()
      await new Promise((done) => setTimeout(done, random(40)))
      await stage.control.stopApiServer()
      await changes
      await stage.control.startApiServer()
    }
    for (const index of restless) await set(index, random(2) === 0)
    await stage.routerHas(planned(), 60_000)
    const allowed = restless.flatMap((index) => addresses(index)).map((one) => `${one}/${one.includes(':') ? 128 : 32}`)
    const moved = stage.router.heard(since).filter(({ prefix }) => !allowed.includes(prefix))
    expect(moved).to.deep.equal([])
    const { peers } = await stage.snapshot()
    expect(peers.map(({ flaps }) => flaps)).to.deep.equal([0, 0])
  })

  it('was refused nothing that its role does not give it', () => {
    // An API server that has just started refuses everybody until it has read its own roles: what it allowed at another time is no lack.
    const asked = stage.control.audit().filter(({ user }) => user.endsWith(':tandem'))
    const what = ({ verb, uri }: { verb: string; uri: string }) => `${verb} ${uri.split('?')[0]}`
    const allowed = new Set(asked.filter(({ code }) => code === 200 || code === 201).map(what))
    expect(allowed.size).to.be.greaterThan(2)
    expect(
      asked
        .filter(({ code }) => code === 403)
        .map(what)
        .filter((one) => !allowed.has(one)),
    ).to.deep.equal([])
  })

  it('a kubeconfig that names no server is an error at start, with what would be right', async () => {
    const daemon = stage.startDaemon([...basicFlags, '--kubeconfig=/nowhere'])
    expect(await daemon.ended).to.equal(2)
    expect(daemon.log()).to.include(
      '--kubeconfig: "/nowhere" names no API server: there is no file /nowhere; give --kubeconfig FILE',
    )
  })
})
