/** What the daemon does beside routing, under the rights of the component that brings each: addresses, the CNI file, the Node's annotation. */

import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { nodeObject, service } from '../support/kube-objects.ts'
import { eventually } from '../topology/runner.ts'
import { servers } from './given.ts'
import { basicFlags, Stage } from './stage.ts'

const components = join(import.meta.dirname, '../../docker/kustomize/components')

describe('beside routing', () => {
  let stage: Stage
  let cni: string

  before(async () => {
    stage = await Stage.set(servers())
    for (const name of ['load-balancer', 'node-status']) {
      await stage.control.applyFile(join(components, name, 'rbac.yaml'))
    }
    await stage.control.apply(nodeObject())
    const folder = join(stage.topology.work, 'cni')
    mkdirSync(folder)
    cni = join(folder, '10-kuberouter.conflist')
    const file = {
      cniVersion: '0.3.1',
      name: 'mine',
      plugins: [{ type: 'bridge', mine: 1, ipam: { type: 'host-local' } }],
    }
    writeFileSync(cni, JSON.stringify(file))
    for (const path of [folder, cni]) chownSync(path, 65532, 65532)
    stage.startDaemon([
      ...basicFlags,
      '--run-loadbalancer',
      '--node-status=annotation',
      '--enable-cni',
      `--cni-conf-file=${cni}`,
    ])
    await stage.sessionsUp()
  })

  after(async () => stage?.clear())

  const ingressOf = async (name: string) => {
    const { status } = (await stage.control.must('GET', `/api/v1/namespaces/default/services/${name}`)) as {
      status: { loadBalancer: { ingress?: { ip: string }[] } }
    }
    return (status.loadBalancer.ingress ?? []).map(({ ip }) => ip)
  }
  const balanced = { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false }
  const ranges = { IPv4: '203.0.113.', IPv6: '2001:db8:113:' }

  it('LoadBalancer services get an address of each family that they ask for, none twice, and it is advertised', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `lb-${index}`)
    await Promise.all(names.map((name) => stage.control.apply(service(name, balanced))))
    const given = await eventually('every service has both', 30_000, async () => {
      const all = await Promise.all(names.map(ingressOf))
      return all.every((ips) => ips.length === 2) && all
    })
    for (const [v4, v6] of given) {
      expect(v4).to.match(new RegExp(`^${ranges.IPv4}`))
      expect(v6).to.match(new RegExp(`^${ranges.IPv6}`))
    }
    expect(new Set(given.flat()).size).to.equal(24)
    expect(given.flat()).to.not.include('203.0.113.0').and.to.not.include('203.0.113.255')
    await stage.routerHas([
      '10.244.1.0/24 via 10.0.0.2',
      'fd00:244:1::/64 via fd00::2',
      ...given.flat().map((ip) => (ip.includes(':') ? `${ip}/128 via fd00::2` : `${ip}/32 via 10.0.0.2`)),
    ])
    const [first] = given[0]!
    for (const name of names) await stage.control.remove('Service', `default/${name}`)
    await eventually('all are withdrawn', 10_000, async () => (await stage.router.table()).length === 2)
    const again = service('again', {
      ...balanced,
      ipFamilyPolicy: 'SingleStack',
      ipFamilies: ['IPv4'],
      loadBalancerIP: first,
    })
    await stage.control.apply(again)
    await eventually(
      'the address is given again, as asked for',
      10_000,
      async () => (await ingressOf('again')).join() === first,
    )
    await stage.control.remove('Service', 'default/again')
  })

  it('the CNI file has the pod CIDRs of both families, live, and keeps what is the user’s', async () => {
    const ranges = () => {
      const { plugins } = JSON.parse(readFileSync(cni, 'utf8')) as {
        plugins: { mine: number; ipam: { ranges?: { subnet: string }[][] } }[]
      }
      expect(plugins[0]?.mine).to.equal(1)
      return (plugins[0]?.ipam.ranges ?? []).flat().map(({ subnet }) => subnet)
    }
    await eventually('the CIDRs are there', 10_000, async () => ranges().join() === '10.244.1.0/24,fd00:244:1::/64')
    await stage.control.patch('Node', 'node-1', {
      metadata: { annotations: { 'kube-router.io/pod-cidrs': '10.244.7.0/24,fd00:244:7::/64' } },
    })
    await eventually('the new ones are there', 10_000, async () => ranges().join() === '10.244.7.0/24,fd00:244:7::/64')
  })

  it('kubectl shows sessions and routes of each family on the Node', async () => {
    const text = await eventually('the annotation', 25_000, async () => {
      const node = (await stage.control.must('GET', '/api/v1/nodes/node-1')) as {
        metadata: { annotations: Record<string, string> }
      }
      const said = node.metadata.annotations['tandem.io/status']
      return said?.startsWith('2/2') && said
    })
    expect(text).to.equal('2/2 sessions up; IPv4: 1 advertised, 0 held; IPv6: 1 advertised, 0 held')
  })

  it('was refused nothing', () => {
    const refused = stage.control
      .audit()
      .filter(({ user, code }) => user.endsWith(':tandem') && (code === 403 || code === 401))
    expect(refused).to.deep.equal([])
  })
})
