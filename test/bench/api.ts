/** An API server beside the router under test, over plain HTTP, with services whose VIPs are the scenario's routes, and Tandem as a cluster has it. */

import { join } from 'node:path'
import { FakeApiServer } from '../support/api-server/api-server.ts'
import { ApiWire } from '../support/api-wire.ts'
import { nodeObject, service, sliceObject } from '../support/kube-objects.ts'
import type { Topology } from '../topology/runner.ts'
import { addressesOf, hostRoutes } from './scenario.ts'
import { type BenchPeer, routerNode, type Subject } from './subject.ts'

const port = '6443'
const node = 'node-1'

export interface Cluster {
  /** Makes the one IPv4 endpoint of the first service ready, or not: its VIP comes and goes. */
  setReady(ready: boolean): void
  stop(): Promise<void>
}

/** As many services as routes of each family, each with a VIP in both and an endpoint of each family on this node; nobody follows them yet. */
export async function startCluster(topology: Topology, count: number): Promise<Cluster> {
  const api = await FakeApiServer.start()
  const name = (index: number) => `s${index}`
  const slice = (index: number, ready: boolean) => sliceObject(name(index), 'IPv4', [{ on: node, ready }])
  api.apply(nodeObject(node))
  const routes = hostRoutes(count)
  for (let index = 0; index < count; index++) {
    const ingress = routes.slice(2 * index, 2 * index + 2).map((one) => ({ ip: one.split('/')[0] }))
    const ips = [`10.96.${index >> 8}.${index & 255}`, `fd00:96::${index.toString(16)}`]
    const spec = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', clusterIP: ips[0], clusterIPs: ips }
    api.apply(service(name(index), spec, { ingress }))
    api.apply(slice(index, true))
    api.apply(sliceObject(name(index), 'IPv6', [{ on: node }]))
  }
  const wire = new ApiWire(api, join(topology.work, 'api.sock'))
  await wire.open()
  const relay = join(import.meta.dirname, '../support/relay.ts')
  topology.start(routerNode, [process.execPath, relay, port, wire.path])
  return {
    setReady: (ready) => void api.apply(slice(0, ready)),
    stop: async () => {
      wire.close()
      await api.stop()
    },
  }
}

/** Starts Tandem so that it follows the API server and dials its peers. */
export function followCluster(topology: Topology, subject: Subject, peers: readonly BenchPeer[]): void {
  if (!subject.run) throw new Error('only Tandem follows an API server')
  subject.run(topology, [
    `--master=http://127.0.0.1:${port}`,
    `--hostname-override=${node}`,
    '--enable-ibgp=false',
    `--peer-router-ips=${addressesOf(peers)}`,
    `--peer-router-asns=${peers.map(({ asn }) => asn).join()}`,
    '--advertise-loadbalancer-ip',
    '--loadbalancer-ip-range=100.64.0.0/10,2001:db8:1::/48',
    '--advertise-pod-cidr=false',
  ])
}
