/** An API server beside the router under test, over plain HTTP, with services whose VIPs are the scenario's routes, and Tandem as a cluster has it. */

import { execFileSync } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { eventually, type Topology } from '../topology/runner.ts'
import { clusterNode } from './api-node.ts'
import { addressesOf } from './scenario.ts'
import { type BenchPeer, routerNode, type Subject } from './subject.ts'

export interface Cluster {
  readonly url: string
  /** Makes the one IPv4 endpoint of the first service ready, or not: its VIP comes and goes. */
  setReady(ready: boolean): void
  stop(): Promise<void>
}

/** As many services as routes of each family, each with a VIP in both and an endpoint of each family on this node; nobody follows them yet. */
export async function startCluster(topology: Topology, count: number): Promise<Cluster> {
  // A pipe, as ExaBGP has its commands from one: both have one program between what asks for a change and the router.
  const pipe = join(topology.work, 'changes')
  execFileSync('mkfifo', [pipe])
  const program = topology.start(routerNode, [
    process.execPath,
    join(import.meta.dirname, 'api-node.ts'),
    String(count),
    pipe,
  ])
  const url = await eventually('the API server listens', 30_000, async () => /^http:\S+/m.exec(program.log())?.[0])
  const changes = createWriteStream(pipe)
  return {
    url,
    setReady: (ready) => void changes.write(`${ready}\n`),
    stop: async () => {
      changes.destroy()
      await program.stop()
    },
  }
}

/** Starts Tandem so that it follows the API server and dials its peers. */
export function followCluster(
  topology: Topology,
  { url }: Cluster,
  subject: Subject,
  peers: readonly BenchPeer[],
): void {
  if (!subject.run) throw new Error('only Tandem follows an API server')
  subject.run(topology, [
    `--master=${url}`,
    `--hostname-override=${clusterNode}`,
    '--enable-ibgp=false',
    `--peer-router-ips=${addressesOf(peers)}`,
    `--peer-router-asns=${peers.map(({ asn }) => asn).join()}`,
    '--advertise-loadbalancer-ip',
    '--loadbalancer-ip-range=100.64.0.0/10,2001:db8:1::/48',
    '--advertise-pod-cidr=false',
  ])
}
