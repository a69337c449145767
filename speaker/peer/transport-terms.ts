/** What a declared peer asks of its sockets: on connections that we open, that we accept, and on those that wait for them. */

import type { PeerDeclaration } from '../desired.ts'
import type { KeyedPeer, SocketOptions } from '../world.ts'

const mostHops = 255

export function socketOptions({ ttl, ttlSecurity, device, userTimeout }: PeerDeclaration): SocketOptions {
  // RFC 5082 section 3: sent with 255, and what comes has lost at most the hops that lie between.
  const hops = ttlSecurity === undefined ? ttl : mostHops
  return {
    ...(hops !== undefined && { ttl: hops }),
    ...(ttlSecurity !== undefined && { minTtl: mostHops + 1 - ttlSecurity }),
    ...(device !== undefined && { device }),
    ...(userTimeout !== undefined && { userTimeoutMs: userTimeout * 1000 }),
  }
}

/** The same, with what `before` asked for and `after` does not set back to how a socket is born. */
export function changedOptions(before: PeerDeclaration, after: PeerDeclaration): SocketOptions | undefined {
  const [old, wanted] = [socketOptions(before), socketOptions(after)]
  const born = { ttl: 64, minTtl: 0, userTimeoutMs: 0 } as const
  const names = ['ttl', 'minTtl', 'userTimeoutMs'] as const
  const changed = names.filter((name) => old[name] !== wanted[name])
  if (changed.length === 0) return undefined
  return Object.fromEntries(changed.map((name) => [name, wanted[name] ?? born[name]]))
}

/** The peers of one IP version that listening sockets have to know of. */
export function listenerTerms(
  peers: readonly PeerDeclaration[],
  version: 4 | 6,
): { readonly keyed: KeyedPeer[]; readonly ttl: number | undefined } {
  const ours = peers.filter(({ address, blocked }) => address.version === version && blocked === undefined)
  const keyed = ours.flatMap(({ address, zone, password, dynamic }): KeyedPeer[] =>
    password ? [{ address, password, ...(zone && { zone }), ...(dynamic && { prefixLength: dynamic.length }) }] : [],
  )
  return { keyed, ttl: ours.some(({ ttlSecurity }) => ttlSecurity !== undefined) ? mostHops : undefined }
}
