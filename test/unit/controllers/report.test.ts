/** What is said back to Kubernetes: which events, on which objects, how often; and the annotation of the Node. */

import { expect } from 'chai'
import {
  ApiError,
  type ApiRequest,
  EventWriter,
  type Finding,
  type KubeEvent,
  NodeStatus,
  type Planned,
  plan,
  Reporter,
  statusText,
} from '../../../controllers/index.ts'
import type { SpeakerSnapshot } from '../../../speaker/index.ts'
import { node, options, service, view } from '../../support/cluster.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const settle = async () => {
  for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setImmediate(resolve))
}

function make(refuse: (request: ApiRequest) => Error | undefined = () => undefined) {
  const clock = new VirtualClock()
  const asked: ApiRequest[] = []
  const api = {
    request: (request: ApiRequest) => {
      asked.push(request)
      const error = refuse(request)
      return error ? Promise.reject(error) : Promise.resolve({})
    },
    stream: () => Promise.reject(new Error('not asked here')),
  }
  const events = new EventWriter({ clock, random: () => 0.5, log: silent, api, date: () => new Date(0) }, 'n1')
  const pass = async (milliseconds: number) => {
    clock.pass(milliseconds)
    await settle()
  }
  return { clock, asked, api, events, pass }
}

const onService: KubeEvent = {
  kind: 'Service',
  namespace: 'shop',
  name: 'web',
  uid: 'u1',
  type: 'Warning',
  reason: 'InvalidValue',
  message: 'wrong',
}
const onNode: KubeEvent = { ...onService, kind: 'Node', namespace: '', name: 'n1', uid: 'n1' }

describe('events', () => {
  it('stand on their object: of a Service in its namespace, of a Node in default', async () => {
    const { asked, events, pass } = make()
    events.tell(onNode)
    events.tell(onService)
    await pass(2000)
    expect(asked.map(({ method, path }) => `${method} ${path}`)).to.deep.equal([
      'POST /api/v1/namespaces/default/events',
      'POST /api/v1/namespaces/shop/events',
    ])
    expect(asked[1]?.body).to.deep.include({ type: 'Warning', reason: 'InvalidValue', message: 'wrong', count: 1 })
    expect(asked[1]?.body).to.have.nested.property('involvedObject.uid', 'u1')
    expect(asked[1]?.body).to.have.nested.property('source.host', 'n1')
  })

  it('that say the same are one event, with a count, not one each', async () => {
    const { asked, events, pass } = make(({ method }) =>
      method === 'POST' && asked.length > 1 ? new ApiError(409, 'AlreadyExists', '') : undefined,
    )
    for (let time = 0; time < 50; time++) events.tell(onNode)
    await pass(0)
    expect(asked).to.have.lengthOf(1)
    await pass(300_000)
    events.tell(onNode)
    await pass(0)
    expect(asked.map(({ method }) => method)).to.deep.equal(['POST', 'POST', 'PATCH'])
    expect(asked[2]?.body).to.deep.include({ count: 51 })
  })

  it('of a Service have one name whichever node tells them, and a node that is late lets the first one be', async () => {
    const one = make()
    const other = make(() => new ApiError(409, 'AlreadyExists', ''))
    for (const { events, pass } of [one, other]) {
      events.tell(onService)
      await pass(2000)
    }
    const nameOf = ({ asked }: ReturnType<typeof make>) =>
      (asked[0]!.body as { metadata: { name: string } }).metadata.name
    expect(nameOf(one)).to.equal(nameOf(other))
    expect(other.asked).to.have.lengthOf(1)
  })

  it('of one reason come ten at once at most, then one in thirty seconds; another reason is not held up by them', async () => {
    const { asked, events, pass } = make()
    for (let index = 0; index < 40; index++) events.tell({ ...onNode, message: `wrong ${index}` })
    events.tell({ ...onNode, reason: 'SessionDown' })
    await pass(0)
    expect(asked).to.have.lengthOf(11)
    await pass(30_000)
    for (let index = 40; index < 50; index++) events.tell({ ...onNode, message: `wrong ${index}` })
    await pass(0)
    expect(asked).to.have.lengthOf(12)
  })

  it('that the server does not take, or forbids, disturb nothing', async () => {
    for (const error of [new ApiError(403, 'Forbidden', 'no'), new Error('ECONNREFUSED')]) {
      const { clock, events, pass } = make(() => error)
      events.tell(onNode)
      await pass(0)
      expect(clock.pending).to.equal(0)
    }
  })

  it('leave no timer behind', () => {
    const { clock, events } = make()
    events.tell(onService)
    events.stop()
    expect(clock.pending).to.equal(0)
  })
})

describe('the reporter', () => {
  const cluster = view(node('n1'), service('web'))
  const made = plan(cluster, options)
  const told: KubeEvent[] = []
  const reporter = new Reporter({ tell: (event) => void told.push(event) }, 'n1', () => cluster)
  const planned = (news: Finding[], more: Partial<Planned> = {}): Planned =>
    ({
      view: cluster,
      change: undefined,
      node: { ...made, nodeView: node('n1') },
      circumstances: undefined,
      news,
      mended: [],
      ...more,
    }) as unknown as Planned
  const finding = (object: string): Finding => ({
    severity: 'error',
    object,
    field: 'a.field',
    value: 'x',
    message: 'is wrong',
  })
  const words = () => told.splice(0).map(({ kind, name, reason, message }) => `${kind} ${name} ${reason}: ${message}`)

  it('tells a finding on the object that is wrong, of its own Node and of Services alone', () => {
    reporter.planned(
      planned([
        finding('node/n1'),
        finding('node/n2'),
        finding('service/default/web'),
        finding('cni file /etc/x'),
        finding('API server'),
      ]),
    )
    expect(words()).to.deep.equal([
      'Node n1 InvalidValue: a.field: "x" is wrong',
      'Service web InvalidValue: a.field: "x" is wrong',
      'Node n1 InvalidValue: cni file /etc/x a.field: "x" is wrong',
    ])
  })

  it('tells a drain when it begins, when it is done and when it ends; and the gate when it closes and opens', () => {
    const drain = { signal: 'annotation tandem.io/drain', field: '', value: '', mend: '' }
    const at = (stage: 'announced' | 'withdrawn', drained: boolean, gate?: string) =>
      reporter.planned(
        planned([], {
          node: { ...made, nodeView: node('n1'), drain: drained ? drain : undefined } as never,
          circumstances: { drain: stage, gate },
        }),
      )
    at('announced', true)
    at('announced', true)
    at('withdrawn', true)
    at('withdrawn', false)
    at('withdrawn', false, 'condition Ready of the Node is False')
    at('withdrawn', false)
    expect(words().map((text) => text.split(':')[0])).to.deep.equal([
      'Node n1 Draining',
      'Node n1 Drained',
      'Node n1 Undrained',
      'Node n1 GateClosed',
      'Node n1 GateOpen',
    ])
  })
})

describe('the annotation of the Node', () => {
  const peer = (state: string, advertised: number, accepted: number) => ({
    state,
    routes: { 'ipv4-unicast': { advertised, accepted }, 'ipv6-unicast': { advertised: advertised + 1, accepted } },
  })
  const snapshot = (...peers: object[]) => ({ peers }) as unknown as SpeakerSnapshot

  it('counts sessions, and routes of each family', () => {
    const text = statusText(snapshot(peer('Established', 6, 1), peer('Established', 6, 2), peer('Active', 0, 0)))
    expect(text).to.equal('2/3 sessions up; IPv4: 6 advertised, 3 held; IPv6: 7 advertised, 3 held')
  })

  it('is written when it changes, at most every ten seconds, and again after a failure', async () => {
    let refusing = true
    const { clock, asked, api, pass } = make(() => (refusing ? new ApiError(403, 'Forbidden', 'no') : undefined))
    const status = new NodeStatus(
      { clock, log: silent, api, snapshot: () => snapshot(peer('Established', 6, 1)) },
      'n1',
    )
    status.start()
    await settle()
    refusing = false
    await pass(10_000)
    await pass(10_000)
    await pass(10_000)
    expect(asked).to.have.lengthOf(2)
    expect(asked[1]).to.deep.include({
      method: 'PATCH',
      path: '/api/v1/nodes/n1',
      contentType: 'application/merge-patch+json',
    })
    status.stop()
    expect(clock.pending).to.equal(0)
  })
})
