/**
 * docker/containerlab without Docker: its topology in network namespaces, its two routers with their own files, and in place of the cluster a daemon a node
 * with the flags of its kustomization and the annotation of its peers.yaml. Node objects are as kind makes them.
 */

import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseAllDocuments, stringify } from 'yaml'
import type { SpeakerSnapshot } from '../../speaker/index.ts'
import { baseArguments, docker, patchedArguments } from '../support/kustomize.ts'
import { eventually, Topology } from '../topology/runner.ts'

const main = join(import.meta.dirname, '../../daemon/main.ts')
const lab = join(docker, 'containerlab')
const read = (...path: string[]) => readFileSync(join(docker, ...path), 'utf8')

const tors = [
  { name: 'tor-1', v4: '10.1.0', v6: 'fd01::' },
  { name: 'tor-2', v4: '10.2.0', v6: 'fd02::' },
] as const
const nodes = [
  { name: 'k8s-control-plane', host: 11, pods: 0 },
  { name: 'k8s-worker', host: 12, pods: 1 },
  { name: 'k8s-worker2', host: 13, pods: 2 },
] as const
const workers = nodes.slice(1)
/** As everybody writes it: the first one has more zeros than groups to show. */
const podCidr6 = (pods: number) => (pods === 0 ? 'fd00:10:244::/64' : `fd00:10:244:${pods}::/64`)
const vips = ['203.0.113.0', '2001:db8:113::']
const clusterIps = ['10.96.7.7', 'fd00:10:96::707']

/** The arguments of the DaemonSet as the lab's kustomization makes them, but for the component's: a folder of manifests takes no addresses. */
const flags = () => [...baseArguments().slice(1), ...patchedArguments('containerlab/tandem')]

/** Addresses of Node objects are those of kind's own network, on no link of the lab. */
function objects(): object[] {
  const peers = (host: number) => read('containerlab/peers.yaml').replaceAll('HOST', `${host}`)
  const own = nodes.map(({ name, host, pods }) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      annotations: { 'kube-router.io/peers': peers(host) },
      labels: name === 'k8s-control-plane' ? { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } : {},
    },
    spec: { podCIDRs: [`10.244.${pods}.0/24`, podCidr6(pods)] },
    status: {
      addresses: [`172.18.0.${host}`, `fc00:f853:ccd:e793::${host}`].map((address) => ({
        type: 'InternalIP',
        address,
      })),
    },
  }))
  const [, service] = parseAllDocuments(read('containerlab/web.yaml')).map(
    (one) => one.toJS() as Record<string, object>,
  )
  const web = {
    ...service,
    metadata: { ...service!['metadata'], namespace: 'default' },
    spec: { ...service!['spec'], clusterIP: clusterIps[0], clusterIPs: clusterIps },
    status: { loadBalancer: { ingress: vips.map((ip) => ({ ip })) } },
  }
  const slices = (['IPv4', 'IPv6'] as const).map((addressType) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `web-${addressType.toLowerCase()}`,
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': 'web' },
    },
    addressType,
    endpoints: workers.map(({ name, pods }) => ({
      addresses: [addressType === 'IPv4' ? `10.244.${pods}.5` : `fd00:10:244:${pods}::5`],
      nodeName: name,
      conditions: { ready: true },
    })),
  }))
  return [...own, web, ...slices]
}

/** What a router of the lab should have in its kernel, `prefix via next hops`: pods by their node, VIPs by every node that takes part. */
function wanted({ v4, v6 }: (typeof tors)[number]): string[] {
  const via = (prefix: string, hosts: readonly { host: number }[]) => {
    const hops = hosts.map(({ host }) => (prefix.includes(':') ? `${v6}${host}` : `${v4}.${host}`))
    return `${prefix} via ${hops.sort().join(' ')}`
  }
  return [
    ...nodes.flatMap((one) => [via(`10.244.${one.pods}.0/24`, [one]), via(podCidr6(one.pods), [one])]),
    ...[...vips, ...clusterIps].map((ip) => via(ip, workers)),
  ].sort()
}

interface KernelRoute {
  readonly dst: string
  readonly gateway?: string
  readonly nexthops?: readonly { readonly gateway: string }[]
}

describe('the lab for containerlab', function () {
  this.timeout(120_000)
  let topology: Topology

  before(async () => {
    topology = await Topology.layOut(join(lab, 'tandem.clab.yml'))
    chmodSync(topology.work, 0o755)
    for (const { name } of tors) await startRouter(name)
    const manifests = join(topology.work, 'manifests')
    mkdirSync(manifests)
    writeFileSync(
      join(manifests, 'all.yaml'),
      objects()
        .map((one) => stringify(one))
        .join('---\n'),
    )
    for (const { name } of nodes) {
      const own = [`--manifests=${manifests}`, `--admin-socket=${socketOf(name)}`, `--hostname-override=${name}`]
      topology.start(name, [process.execPath, main, 'run', ...own, ...flags()])
    }
  })

  after(async () => topology?.tearDown())

  const socketOf = (node: string) => join(topology.work, `${node}.sock`)
  const folderOf = (router: string) => join(topology.work, router)

  async function startRouter(name: string): Promise<void> {
    const folder = folderOf(name)
    mkdirSync(folder)
    // They give up root before they make their sockets.
    chmodSync(folder, 0o777)
    const asked = readFileSync(topology.bound(name, '/etc/frr/daemons'), 'utf8')
    const daemons = [...asked.matchAll(/^(\w+d)=yes$/gm)].map(([, daemon = '']) => daemon)
    expect(daemons).to.deep.equal(['bgpd', 'bfdd'])
    const shared = [
      '-z',
      join(folder, 'zserv.api'),
      '--vty_socket',
      folder,
      '-P',
      '0',
      '--log',
      'stdout',
      '-f',
      '/dev/null',
    ]
    for (const daemon of ['zebra', ...daemons]) {
      const more = daemon === 'bfdd' ? ['--bfdctl', join(folder, 'bfdd.sock')] : []
      topology.start(name, [`/usr/lib/frr/${daemon}`, ...shared, '-i', join(folder, `${daemon}.pid`), ...more])
      await eventually(`${daemon} of ${name} answers`, 15_000, () => vtysh(name, '-d', daemon, '-c', 'show version'))
    }
    const file = join(folder, 'frr.conf')
    copyFileSync(topology.bound(name, '/etc/frr/frr.conf'), file)
    // As `vtysh -b` of the image does. A line that is not taken is an exit status; a warning is only said.
    expect((await vtysh(name, '-f', file)).trim()).to.equal('')
  }

  function vtysh(router: string, ...words: string[]): Promise<string> {
    return topology.run(router, ['vtysh', '--vty_socket', folderOf(router), ...words])
  }

  async function kernelOf(router: string): Promise<string[]> {
    const of = async (family: string) =>
      JSON.parse(await topology.run(router, ['ip', '-j', family, 'route', 'show', 'proto', 'bgp'])) as KernelRoute[]
    return [...(await of('-4')), ...(await of('-6'))]
      .map(({ dst, gateway, nexthops = [] }) => {
        const hops = gateway === undefined ? nexthops.map((one) => one.gateway) : [gateway]
        return `${dst} via ${hops.sort().join(' ')}`
      })
      .sort()
  }

  for (const { name } of nodes) {
    it(`${name}: has a session of each family with each router, watched by BFD`, async () => {
      const command = [process.execPath, main, 'peers', '-o', 'json', '--admin-socket', socketOf(name)]
      let last: string[] = []
      await eventually('four sessions', 30_000, async () => {
        const { peers } = JSON.parse(await topology.run(name, command)) as SpeakerSnapshot
        last = peers.map(({ name: peer, state, families, bfd }) => `${peer} ${state} ${families} BFD ${bfd?.state}`)
        return last.length === 4 && last.every((line) => line.includes('Established') && line.endsWith('BFD Up'))
      }).catch((error: unknown) => {
        throw new Error(`${String(error)}: ${last.join('; ')}`)
      })
      expect(last.map((line) => line.replace(' Established', '').replace(' BFD Up', ''))).to.have.members([
        '10.1.0.1 ipv4-unicast',
        'fd01::1 ipv6-unicast',
        '10.2.0.1 ipv4-unicast',
        'fd02::1 ipv6-unicast',
      ])
    })
  }

  for (const tor of tors) {
    it(`${tor.name}: has pods of every node and VIPs of all that take part, both families, in its kernel`, async () => {
      let last: string[] = []
      await eventually('its routes', 30_000, async () => {
        last = await kernelOf(tor.name)
        return last.join() === wanted(tor).join()
      }).catch((error: unknown) => {
        expect(last, String(error)).to.deep.equal(wanted(tor))
      })
    })
  }
})
