/** What has to hold on a node before routes of it can be right, each with the mend where it does not. Facts are handed in: nothing here looks. */

import type { Family } from 'bgp-ts'

export interface Check {
  readonly name: string
  readonly ok: boolean
  /** What was seen. */
  readonly saw: string
  /** What to do where it is not ok. */
  readonly mend?: string
}

/** `unknown`: there is no such file to read. */
export type Switch = 'on' | 'off' | 'unknown'

/** The machine, of each family. */
export interface FamilyFacts {
  /** Addresses that others can reach, as `10.0.0.2 on eth0`. */
  readonly addresses: readonly string[]
  /** Interfaces of default routes. */
  readonly defaultRoutes: readonly string[]
  readonly forwarding: Switch
}

export interface PortFacts {
  readonly port: number
  /** Undefined where it could be listened on; an error code such as `EADDRINUSE`. */
  readonly problem: string | undefined
  /** Whether a tandem answers on the admin socket. */
  readonly held: boolean
}

export interface PeerFacts {
  readonly name: string
  readonly port: number
  /** Undefined where a connection opened; else what the machine said. */
  readonly problem: string | undefined
}

export interface RightFacts {
  /** e.g. `watch services`. */
  readonly right: string
  readonly allowed: boolean
  readonly needed: string
}

const shortNames: Record<Family, string> = { 'ipv4-unicast': 'IPv4', 'ipv6-unicast': 'IPv6' }
const flagNames: Record<Family, string> = { 'ipv4-unicast': '--enable-ipv4', 'ipv6-unicast': '--enable-ipv6' }
const forwardingKeys: Record<Family, string> = {
  'ipv4-unicast': 'net.ipv4.ip_forward',
  'ipv6-unicast': 'net.ipv6.conf.all.forwarding',
}

/** `asked`: the flag of the family, or undefined where it was left out. */
export function familyChecks(family: Family, asked: boolean | undefined, facts: FamilyFacts): Check[] {
  const name = shortNames[family]
  if (asked === false) return [{ name: `${name} address`, ok: true, saw: `${flagNames[family]}=false: not used` }]
  const { addresses, defaultRoutes, forwarding } = facts
  if (addresses.length === 0) {
    const mend = `give an interface of this node an ${name} address, or say ${flagNames[family]}=false`
    const saw = asked ? 'none, and the flag asks for it' : 'none: the family is not used'
    return [{ name: `${name} address`, ok: asked !== true, saw, ...(asked === true && { mend }) }]
  }
  return [
    { name: `${name} address`, ok: true, saw: addresses.join(', ') },
    defaultRouteCheck(name, defaultRoutes),
    {
      name: `${name} forwarding`,
      ok: forwarding !== 'off',
      saw: forwarding,
      ...(forwarding === 'off' && { mend: `sysctl -w ${forwardingKeys[family]}=1, and in /etc/sysctl.d to keep it` }),
    },
  ]
}

function defaultRouteCheck(name: string, interfaces: readonly string[]): Check {
  const distinct = [...new Set(interfaces)]
  const ok = distinct.length === 1
  const mend =
    distinct.length === 0
      ? 'answers to clients outside need a way back: add a default route, or learn one from the routers (--install-routes)'
      : 'answers may leave by another interface than they came for: keep one default route, or bind them in one multipath route'
  return {
    name: `${name} default route`,
    ok,
    saw: distinct.length === 0 ? 'none' : `on ${distinct.join(' and ')}`,
    ...(!ok && { mend }),
  }
}

export function portCheck({ port, problem, held }: PortFacts): Check {
  const name = `port ${port}`
  if (problem === undefined) return { name, ok: true, saw: 'free' }
  if (problem === 'EADDRINUSE' && held) return { name, ok: true, saw: 'held by the tandem that runs here' }
  const mends: Readonly<Record<string, string>> = {
    EADDRINUSE: `another program holds it, perhaps another BGP speaker: ss -ltnp 'sport = :${port}'; stop it, or use --bgp-port`,
    EACCES: 'the process needs the capability NET_BIND_SERVICE, or --bgp-port above 1023',
  }
  return { name, ok: false, saw: problem, mend: mends[problem] ?? 'see what the machine says of it' }
}

export function peerCheck({ name, port, problem }: PeerFacts): Check {
  const check = { name: `peer ${name}`, ok: problem === undefined, saw: problem ?? `port ${port} is reached` }
  if (problem === undefined) return check
  const mends: Readonly<Record<string, string>> = {
    ECONNREFUSED:
      "the router is there, but takes no BGP from this address: declare this node as its neighbour, or look at the router's filters",
    EHOSTUNREACH: 'there is no way to it: look at the link, the VLAN and the routes',
    ENETUNREACH: 'this node has no route to it: give the node an address of that family, or a route',
    ETIMEDOUT: `nothing comes back: a firewall drops port ${port}, the address is wrong, or the router expects TCP MD5`,
  }
  const code = Object.keys(mends).find((one) => problem.includes(one))
  return { ...check, mend: code ? mends[code]! : 'see what the machine says of it' }
}

export function rightCheck({ right, allowed, needed }: RightFacts): Check {
  return {
    name: `may ${right}`,
    ok: allowed,
    saw: allowed ? 'yes' : 'no',
    ...(!allowed && { mend: `${needed}; apply the ClusterRole of docker/kustomize/base/rbac.yaml, or the Helm chart` }),
  }
}
