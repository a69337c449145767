/**
 * The API server of a scenario, in a process of its own beside the router under test: `api-node.ts SERVICES PIPE`. It says where it listens on
 * its standard output. Each line that comes through the pipe is `true` or `false`: whether the IPv4 endpoint of the first service is ready.
 */

import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { FakeApiServer } from '../support/api-server/api-server.ts'
import { nodeObject, service, sliceObject } from '../support/kube-objects.ts'
import { hostRoutes } from './scenario.ts'

export const clusterNode = 'node-1'

const [count = '', pipe = ''] = process.argv.slice(2)
const name = (index: number) => `s${index}`
const slice = (index: number, ready: boolean) => sliceObject(name(index), 'IPv4', [{ on: clusterNode, ready }])

/** Services with a VIP in both families and an endpoint of each on the node. */
function fill(api: FakeApiServer, services: number): void {
  api.apply(nodeObject(clusterNode))
  const routes = hostRoutes(services)
  for (let index = 0; index < services; index++) {
    const ingress = routes.slice(2 * index, 2 * index + 2).map((one) => ({ ip: one.split('/')[0] }))
    const ips = [`10.96.${index >> 8}.${index & 255}`, `fd00:96::${index.toString(16)}`]
    const spec = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', clusterIP: ips[0], clusterIPs: ips }
    api.apply(service(name(index), spec, { ingress }))
    api.apply(slice(index, true))
    api.apply(sliceObject(name(index), 'IPv6', [{ on: clusterNode }]))
  }
}

if (import.meta.main) {
  const api = await FakeApiServer.start()
  fill(api, Number(count))
  console.log(api.url)
  createInterface(createReadStream(pipe)).on('line', (line) => api.apply(slice(0, line === 'true')))
}
