/** Tandem as its image runs it, from a configuration file. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { transformSync } from 'esbuild'
import { ask } from '../../../daemon/admin/client.ts'
import type { SpeakerSnapshot } from '../../../speaker/index.ts'
import { imageEnvironment, laidOutImage } from '../../support/image.ts'
import type { Program, Topology } from '../../topology/runner.ts'
import type { Delay } from '../delay-probe.ts'
import { routerNode, type Subject } from '../subject.ts'

const socketOf = (topology: Topology) => join(topology.work, 'tandem.sock')
const probeOf = (topology: Topology) => join(topology.work, 'probe.sock')

/** `probed`: its event loop is watched, which costs a little. */
export const tandemWith = (probed: boolean): Subject => ({
  name: 'tandem',
  packages: [],
  originates: true,
  start: (topology, { peers, routes = [], dials = false, exports = 'own', accepts }) => {
    const file = join(topology.work, 'tandem.json')
    const accepted = accepts && {
      sets: { prefixes: { wanted: accepts } },
      policies: [{ name: 'wanted', statements: [{ name: 'wanted', match: { prefixes: 'wanted' }, action: 'accept' }] }],
    }
    const config = {
      asn: 64512,
      'router-id': '10.0.0.2',
      addresses: { ipv4: '10.0.0.2', ipv6: 'fd00::2' },
      ...accepted,
      peers: peers.map(({ address, asn }) => ({
        address,
        asn,
        import: accepts ? 'wanted' : 'accept-all',
        'max-prefixes': 0,
        export: exports === 'own' ? 'originated-only' : 'accept-all',
        passive: !dials,
        'hold-time': 180,
      })),
      routes: routes.length > 0 ? [{ prefixes: routes }] : [],
    }
    writeFileSync(file, JSON.stringify(config))
    return startImage(topology, probed, ['--source=none', `--config=${file}`])
  },
  run: (topology, flags) => startImage(topology, probed, flags),
  count: async (topology) => {
    const { routes } = await ask<SpeakerSnapshot>(socketOf(topology), '/v1/peers')
    return routes['ipv4-unicast'].paths + routes['ipv6-unicast'].paths
  },
})

function startImage(topology: Topology, probed: boolean, flags: readonly string[]): Program {
  const [node = '', ...rest] = laidOutImage().command
  const probe = probed ? ['--import', probeIn(topology)] : []
  const words = ['run', ...flags, `--admin-socket=${socketOf(topology)}`]
  const environment = { ...imageEnvironment, DELAY_PROBE: probeOf(topology) }
  return topology.start(routerNode, [node, ...probe, ...rest, ...words], environment)
}

/** The probe as plain JavaScript: what strips types takes more memory than all that it is to watch. */
export function probeIn(topology: Topology): string {
  const file = join(topology.work, 'delay-probe.mjs')
  const source = readFileSync(join(import.meta.dirname, '../delay-probe.ts'), 'utf8')
  writeFileSync(file, transformSync(source, { loader: 'ts' }).code)
  return file
}

/** Whether it runs with the probe: not before it was started. */
export const isProbed = (topology: Topology) => existsSync(probeOf(topology))

/** How late its event loop was since the last time it was asked. */
export const delayOf = (topology: Topology): Promise<Delay> => delayAt(probeOf(topology))

/** The same of the probe at this socket. */
export async function delayAt(probe: string): Promise<Delay> {
  const chunks: Buffer[] = []
  for await (const chunk of connect(probe) as AsyncIterable<Buffer>) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString()) as Delay
}
