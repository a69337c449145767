/** The routing half of a speaker on its own: no network, no log, and links that send nowhere. */

import type { LocalDeclaration, PeerDeclaration } from '../../speaker/index.ts'
import type { OutboundHooks } from '../../speaker/outbound/outbound.ts'
import { Routing } from '../../speaker/routing.ts'
import { address, negotiatedWith, peerTo } from './fabric.ts'
import { VirtualClock } from './virtual-clock.ts'

const silent = () => {}
const nobody = () => {
  throw new Error('there is no network here')
}

export function bareRouting(
  local: Partial<LocalDeclaration> = {},
  clock = new VirtualClock(),
  hooks: OutboundHooks = {},
): Routing {
  const log = { debug: silent, info: silent, warn: silent, error: silent }
  const world = { clock, random: () => 0.5, transport: { dial: nobody, listen: nobody }, log }
  const routing = new Routing(world, { endOfRibHeld: false, ...hooks })
  routing.setLocal({ asn: 64512, routerId: 1, listen: [], addresses: {}, ...local })
  return routing
}

/** A peer with a session that carries both families. */
export function joined(routing: Routing, name: string, asn: number, more: Partial<PeerDeclaration> = {}) {
  const negotiated = negotiatedWith(asn, address(name).w0 >>> 0)
  const declaration = peerTo(name, asn, more)
  const terms = { name, declaration, negotiated, localAddress: address('10.0.0.2'), queuedBytes: 0 }
  const link = { ...terms, send: () => true }
  routing.addPeer(link)
  routing.sessionUp(link, negotiated)
  return link
}
