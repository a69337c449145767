/** What the documents show as an answer is what the daemon answers: the same cluster, the same question, the same lines. */

import { expect } from 'chai'
import { type PlanOptions, plan, toDesired, type View } from '../../controllers/index.ts'
import { alwaysSynced } from '../../daemon/backend.ts'
import { explain } from '../../daemon/explain.ts'
import { node, options, service, view } from '../support/cluster.ts'
import { blocksOf, documents } from '../support/documents.ts'
import { Fabric, peerTo } from '../support/fabric.ts'

const balanced = (name: string, ip: string, annotations: Readonly<Record<string, string>> = {}) =>
  service(name, { type: 'LoadBalancer', ingress: [{ ip }], annotations })

const router = '{ remoteip: 10.0.0.1, remoteasn: 65001 }'
const spine = '{ remoteip: 10.1.0.1, remoteasn: 64512, labels: [spine] }'
const withPeers = (...peers: string[]) => {
  const annotations = { 'kube-router.io/peers': `[${peers.join(', ')}]` }
  return node('node-1', { ips: ['10.0.0.2', 'fd00::2'], annotations })
}

/** The cluster that each example is of, by the question. */
const clusters: Readonly<Record<string, { readonly view: View; readonly options?: Partial<PlanOptions> }>> = {
  'tandem explain 203.0.113.20': {
    view: view(withPeers(router, spine), balanced('chosen', '203.0.113.20', { 'tandem.io/bgp.advertise-to': 'spine' })),
  },
  'tandem explain 203.0.113.0/24': {
    view: view(withPeers(router), balanced('plain-a', '203.0.113.30'), balanced('plain-b', '203.0.113.31')),
    options: { aggregateLengths: { 'ipv4-unicast': 24 } },
  },
}

async function answer(question: string): Promise<readonly string[]> {
  const cluster = clusters[question]
  if (!cluster) throw new Error(`no cluster is known for: ${question}`)
  const settings = { ...options, nodeName: 'node-1', enableIbgp: false, ...cluster.options }
  const made = plan(cluster.view, settings)
  const fabric = new Fabric()
  const machine = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [])
  for (const { name, asn } of made.peers) fabric.machine(asn, [name], [peerTo('10.0.0.2', 64512)])
  const desired = toDesired(made, settings)!
  const local = { ...desired.local, listen: machine.desired.local.listen }
  machine.speaker.apply({ ...desired, local, routes: made.routes })
  await fabric.pass(10_000)
  const { speaker } = machine
  const backend = { speaker, plan: made, view: cluster.view, findings: [], source: 'a test', sync: alwaysSynced }
  const { lines } = explain(backend, question.split(' ').at(-1)!)
  await fabric.stop()
  return lines
}

describe('the answers in the documents', () => {
  const sessions = documents.flatMap(blocksOf).filter(({ language }) => language === 'console')

  it('are some, and each cluster is of one', () => {
    const questions = sessions.map(({ text }) => text.slice(2, text.indexOf('\n')))
    expect(questions.sort()).to.deep.equal(Object.keys(clusters).sort())
  })

  for (const { page, line, text } of sessions) {
    const [question = '', ...lines] = text.trimEnd().split('\n')
    it(`${page}:${line}: ${question.slice(2)}`, async () => {
      expect(await answer(question.slice(2))).to.deep.equal(lines)
    })
  }
})
