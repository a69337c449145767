import { expect } from 'chai'
import { type NodeObject, type PodObject, whomToAsk } from '../../../../daemon/all-nodes/whom.ts'
import { daemonPod, nodeObject } from '../../../support/kube-objects.ts'

const node = (name: string, ready = true) => {
  const status = { conditions: [{ type: 'Ready', status: ready ? 'True' : 'Unknown' }] }
  return { ...nodeObject(name), status } as unknown as NodeObject
}
const pod = (...given: Parameters<typeof daemonPod>) => daemonPod(...given) as unknown as PodObject
const running = { state: { running: {} } }
const notReady = { conditions: [{ type: 'Ready', status: 'False' }] }
const state = (one: object) => ({ status: { containerStatuses: [{ name: 'tandem', state: one }], ...notReady } })
const where = 'app=tandem in namespace bgp'

/** `NODE: POD`, or `NODE: the reason`. */
function judged(nodes: NodeObject[], pods: PodObject[], chosen = false): string[] {
  const { targets, missing } = whomToAsk(nodes, pods, { where, chosen })
  return [
    ...targets.map(({ node: name, pod: one, doubt }) => `${name}: ${[one, doubt].filter(Boolean).join(', but ')}`),
    ...missing.map(({ node: name, reason }) => `${name}: ${reason}`),
  ]
}

describe('whom to ask of all nodes', () => {
  it('is one pod of each, by number where names are numbered', () => {
    const names = ['node-10', 'node-9', 'node-1']
    expect(
      judged(
        names.map((name) => node(name)),
        names.map((name) => pod(name)),
      ),
    ).to.deep.equal(['node-1: tandem-node-1', 'node-9: tandem-node-9', 'node-10: tandem-node-10'])
  })

  const unscheduled = {
    nodeName: '',
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n'] }] }],
        },
      },
    },
  }
  const rows: readonly [title: string, pods: PodObject[], line: string][] = [
    ['no pod', [], 'n: no pod of app=tandem in namespace bgp'],
    [
      'a pod that is not ready and yet runs',
      [pod('n', { status: notReady })],
      'n: tandem-n, but pod tandem-n is not ready',
    ],
    [
      'an image that is not there',
      [pod('n', state({ waiting: { reason: 'ImagePullBackOff', message: 'no such image' } }))],
      'n: pod tandem-n is waiting: ImagePullBackOff; no such image',
    ],
    [
      'a daemon that ends again and again',
      [pod('n', state({ waiting: { reason: 'CrashLoopBackOff' } }))],
      'n: pod tandem-n is waiting: CrashLoopBackOff',
    ],
    [
      'one that has ended',
      [pod('n', state({ terminated: { exitCode: 2 } }))],
      'n: pod tandem-n has ended: exit status 2',
    ],
    [
      'a pod that fits nowhere, of which only the affinity says for which node it is',
      [
        pod('n', {
          spec: unscheduled,
          status: {
            phase: 'Pending',
            containerStatuses: [],
            conditions: [{ type: 'PodScheduled', status: 'False', message: 'too little memory' }],
          },
        }),
      ],
      'n: pod tandem-n is not scheduled: too little memory',
    ],
    [
      'a pod that is just being made',
      [pod('n', { status: { phase: 'Pending', containerStatuses: [], conditions: [] } })],
      'n: pod tandem-n is not running: Pending',
    ],
  ]
  for (const [title, pods, line] of rows)
    it(`says what it is with ${title}`, () => expect(judged([node('n')], pods)).to.deep.equal([line]))

  it('is the pod that stays, of two during a roll-out', () => {
    const at = (name: string, more: object) => {
      const one = pod('n', { name })
      return { ...one, metadata: { ...one.metadata, ...more } }
    }
    const leaving = at('old', { deletionTimestamp: '2026-11-27T12:00:00Z' })
    const starting = { ...at('new', {}), status: { containerStatuses: [{ name: 'tandem', ...running }], ...notReady } }
    expect(judged([node('n')], [leaving, starting])).to.deep.equal(['n: new, but pod new is not ready'])
    expect(judged([node('n')], [leaving])).to.deep.equal(['n: old, but pod old is being deleted'])
    const waiting = pod('n', { name: 'new', ...state({ waiting: { reason: 'ContainerCreating' } }) })
    expect(judged([node('n')], [waiting, leaving])).to.deep.equal(['n: old, but pod old is being deleted'])
    const [older, newer] = ['2026-11-26', '2026-11-27'].map((day) => at(day, { creationTimestamp: `${day}T12:00:00Z` }))
    expect(judged([node('n')], [older!, newer!])).to.deep.equal(['n: 2026-11-27'])
  })

  it('says that a Node is not ready, or not there', () => {
    expect(judged([node('n', false)], [pod('n')])).to.deep.equal(['n: tandem-n, but the Node is not ready'])
    expect(judged([node('n', false)], [])).to.deep.equal([`n: no pod of ${where}; the Node is not ready`])
    expect(judged([], [pod('gone')])).to.deep.equal(['gone: tandem-gone, but there is no Node object'])
  })

  it('leaves out the pods of other nodes where nodes were chosen', () => {
    expect(judged([node('a')], [pod('a'), pod('b')], true)).to.deep.equal(['a: tandem-a'])
  })

  it('takes the container of the daemon among others, and the first where none has its name', () => {
    const container = (...names: string[]) => {
      const containers = names.map((name) => ({ name }))
      const status = { containerStatuses: names.map((name) => ({ name, ...running })) }
      return whomToAsk([node('n')], [pod('n', { spec: { containers }, status })], { where }).targets[0]?.container
    }
    expect(container('sidecar', 'tandem')).to.equal('tandem')
    expect(container('bgp', 'sidecar')).to.equal('bgp')
  })
})
