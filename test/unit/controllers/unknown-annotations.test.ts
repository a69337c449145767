import { expect } from 'chai'
import { formatFinding, plan } from '../../../controllers/index.ts'
import { statusAnnotation } from '../../../controllers/source/project.ts'
import { node, options, service, view } from '../../support/cluster.ts'
import { annotationKeys } from '../../support/documents.ts'

/** What is found of annotations that are none, of the own Node, of another, and of a Service. */
function found(annotations: Readonly<Record<string, string>>): string[] {
  const cluster = view(node('n1', { annotations }), node('n2', { annotations }), service('web', { annotations }))
  return plan(cluster, options)
    .findings.filter(({ field }) => field === 'metadata.annotations')
    .map(formatFinding)
}

describe('annotations that nothing reads', () => {
  it('are found where they are ours by their prefix, with the key that may have been meant', () => {
    expect(
      found({ 'tandem.io/bgp.comunities': '64512:1', 'kube-router.io/service.advertise.loadbalancer': 'true' }),
    ).to.have.members([
      'node/n1 metadata.annotations: "tandem.io/bgp.comunities" is nothing that is read here; did you mean "tandem.io/bgp.communities"?',
      'node/n1 metadata.annotations: "kube-router.io/service.advertise.loadbalancer" is nothing that is read here',
      'service/default/web metadata.annotations: "tandem.io/bgp.comunities" is nothing that is read here; did you mean "tandem.io/bgp.communities"?',
      'service/default/web metadata.annotations: "kube-router.io/service.advertise.loadbalancer" is nothing that is read here; did you mean "kube-router.io/service.advertise.loadbalancerip"?',
    ])
  })

  // What the daemon writes itself is not even let in.
  for (const key of annotationKeys)
    if (key !== statusAnnotation)
      it(`are not ${key}, which a Node or a Service can have`, () => {
        expect(found({ [key]: 'x' }).length).to.be.below(2)
      })

  it("are not kube-router's for other work, nor anybody else's", () => {
    const others = ['kube-router.io/service.hairpin', 'kube-router.io/service.dsr', 'example.com/tandem.io/x']
    expect(found(Object.fromEntries(others.map((key) => [key, 'x'])))).to.deep.equal([])
  })

  it('tell a key of a Service from one of a Node', () => {
    expect(found({ 'tandem.io/drain': 'false' })).to.have.lengthOf(1)
    expect(found({ 'tandem.io/drain': 'false' })[0]).to.match(/^service\/default\/web /)
    expect(found({ 'tandem.io/load-balancer-ips': '203.0.113.7' })[0]).to.match(/^node\/n1 /)
  })
})
