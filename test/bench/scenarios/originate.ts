/**
 * S3: 100,000 + 100,000 host routes go out to eight peers; the clock runs from the last session's OPEN to the last peer's last route.
 * Without OpenBGPD, which needs minutes to read as many networks from its configuration.
 */

import { eventually } from '../../topology/runner.ts'
import {
  addressesOf,
  feeder,
  hostRoutes,
  limitMs,
  type Play,
  type Result,
  routerAddress,
  type Scenario,
  sinks,
  startPeers,
} from '../scenario.ts'
import { usageOf } from '../subject.ts'

/** Where routes cannot be configured, they come from here before the clock runs; another AS, so that they are no loop at the sinks. */
const originator = { address: feeder.address, asn: 65099 }

async function originate({ subject, topology, scale, started }: Play): Promise<Result> {
  const half = Math.round(100_000 * scale)
  const routes = hostRoutes(half)
  if (subject.originates) subject.start(topology, { peers: sinks, routes })
  else {
    subject.start(topology, { peers: [...sinks, originator], exports: 'all' })
    startPeers(topology, 'hosts', routerAddress, originator.address, String(originator.asn), String(half))
  }
  await eventually(
    `${subject.name} has its routes`,
    60_000,
    async () => (await subject.count(topology)) >= routes.length,
  )
  await started()
  const peers = startPeers(topology, 'sink', routerAddress, addressesOf(sinks), '65001', String(routes.length))
  await eventually('all peers have all routes', limitMs, async () => peers.all('complete').length === sinks.length)
  const began = Math.max(...peers.all('established').map(({ at }) => at))
  const ended = Math.max(...peers.all('complete').map(({ at }) => at))
  const { peakMb: memoryMb } = await usageOf(topology)
  return { value: (ended - began) / 1000, memoryMb, updates: peers.first('complete')?.updates ?? 0 }
}

export const s3: Scenario = {
  name: 'S3',
  what: 'originate 100,000 + 100,000 host routes to 8 peers',
  unit: 's',
  routers: ['bird', 'tandem', 'gobgp'],
  once: ['gobgp'],
  targets: [
    { figure: 'value', most: 0.5, of: 'bird' },
    { figure: 'memoryMb', most: 180 },
    { figure: 'updates', most: 560 },
  ],
  play: originate,
}
