/**
 * Every flag of the daemon, in one table. Names are kube-router's wherever it has one, so that a cluster moves over by swapping the image.
 * Each can be given as an environment variable (`TANDEM_CLUSTER_ASN`) and in `--config FILE` under the same name.
 */

import { Address, families } from 'bgp-ts'
import {
  drainSignals,
  drainsByDefault,
  gateConditions,
  longestBfdInterval,
  usualBfd,
  usualMaxPrefixes,
} from '../../controllers/index.ts'
import { mainTable } from '../../speaker/index.ts'
import { collectorAddress } from './bmp.ts'
import {
  bool,
  cidr,
  duration,
  type Flag,
  type FlagType,
  flag,
  integer,
  ip,
  list,
  maybeBool,
  named,
  oneOf,
  text,
} from './flag.ts'
import type { FamilyLimits } from './values.ts'

/** `--cluster-asn`: a private ASN, as kube-router wants it. */
const privateAsn: FlagType<number> = {
  placeholder: 'ASN',
  read: (value) => {
    const asn = /^\d+$/.test(value) ? Number(value) : 0
    if (asn === 0 && value === '0') return 64512
    return (asn >= 64512 && asn <= 65535) || (asn >= 4200000000 && asn <= 4294967294) ? asn : undefined
  },
  expected: 'is not a private ASN: 64512-65535 or 4200000000-4294967294',
}

const peerAsn: FlagType<number> = {
  placeholder: 'ASN',
  read: (value) => {
    const asn = /^\d+$/.test(value) ? Number(value) : 0
    const usable =
      (asn >= 1 && asn <= 23455) ||
      (asn >= 23457 && asn <= 63999) ||
      (asn >= 64512 && asn <= 65534) ||
      (asn >= 131072 && asn <= 4294967294)
    return usable ? asn : undefined
  },
  expected: 'is not an ASN that a peer may have: 1-23455, 23457-63999, 64512-65534, 131072-4294967294',
}

const routerId: FlagType<string> = {
  placeholder: 'ID',
  read: (value) =>
    value === '' || value === 'generate' || (ip.read(value)?.version === 4 && value !== '0.0.0.0') ? value : undefined,
  expected: 'is neither empty, nor "generate", nor a dotted quad other than 0.0.0.0',
}

/** Tables that routes may be put into: all but those that the kernel fills itself. */
const routeTable: FlagType<number> = {
  placeholder: 'N',
  read: (value) => {
    const number = integer(1, 4294967295).read(value)
    return number === 255 ? undefined : number
  },
  expected: "is not the number of a routing table from 1 to 4294967295, other than 255, which is the kernel's own",
}

/** Those of the kernel, of administrators, and of programs that are known by theirs: their routes would be taken for ours. */
const takenProtocols = [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 42, 80, 84, 99, 186, 187, 188, 189, 192]

const routeProtocol: FlagType<number> = {
  placeholder: 'N',
  read: (value) => {
    const number = integer(5, 255).read(value)
    return number === undefined || takenProtocols.includes(number) ? undefined : number
  },
  expected: `is not a protocol number that is free to take: 5 to 255, but not ${takenProtocols.join(', ')}, which other programs use`,
}

/** A program and the words before its own arguments. */
const command: FlagType<readonly string[]> = {
  placeholder: 'COMMAND',
  read: (value) => {
    const words = value.split(/\s+/).filter(Boolean)
    return words.length === 0 ? undefined : words
  },
  expected: 'is no command',
}

const port = integer(1, 65535)

const familyLimits: FlagType<FamilyLimits> = {
  placeholder: 'N|ipv4=N,ipv6=N',
  read: (value) => {
    const match = /^(?:(\d{1,9})|(?:ipv4=(\d{1,9}))?,?(?:ipv6=(\d{1,9}))?)$/.exec(value.replaceAll(' ', ''))
    const limits = match && readLimits([match[1] ?? match[2], match[1] ?? match[3]])
    return limits || undefined
  },
  expected: 'is neither a number of routes from 1 up, nor ipv4=N,ipv6=N',
}

function readLimits(texts: readonly (string | undefined)[]): FamilyLimits | undefined {
  const limits = families.flatMap((family, index) => (texts[index] ? [[family, Number(texts[index])] as const] : []))
  return limits.length > 0 && limits.every(([, limit]) => limit > 0) ? Object.fromEntries(limits) : undefined
}

export const flags = {
  source: flag(
    oneOf('api', 'manifests', 'none'),
    'api',
    'where Kubernetes objects come from; "none" is the speaker alone',
  ),
  manifests: flag(named('DIR'), '', 'folder of Kubernetes manifests to follow, instead of the API server'),
  config: flag(
    named('FILE'),
    '',
    'settings under the names of these flags, sets and policies; with --source none also peers and routes',
  ),
  kubeconfig: flag(named('FILE'), '', 'kubeconfig of the API server; wins over --master', "the pod's service account"),
  master: flag(named('URL'), '', 'URL of the API server', "the pod's service account"),
  'admin-socket': flag(named('PATH'), '/run/tandem/tandem.sock', 'Unix socket that the other commands ask'),
  'log-level': flag(oneOf('debug', 'info', 'warn', 'error'), 'info', 'least severe log lines to write'),

  'hostname-override': flag(named('NAME'), '', "name of this node's Node object", 'NODE_NAME, else the host name'),
  'cluster-asn': flag(privateAsn, 64512, 'ASN of the nodes, unless --nodes-full-mesh=false'),
  'nodes-full-mesh': flag(
    bool,
    true,
    'one ASN for all nodes, which all peer with each other; false: kube-router.io/node.asn of each node',
  ),
  'enable-ibgp': flag(bool, true, 'peer with the other nodes'),
  'router-id': flag(
    routerId,
    '',
    'BGP identifier; "generate" derives it from the address',
    'the primary IPv4 address, else derived',
  ),
  'enable-ipv4': flag(
    maybeBool,
    undefined,
    'false switches IPv4 off; true makes a missing address a finding',
    'when the node has an address',
  ),
  'enable-ipv6': flag(
    maybeBool,
    undefined,
    'false switches IPv6 off; true makes a missing address a finding',
    'when the node has an address',
  ),
  'override-nexthop': flag(bool, false, "send external peers this node's address of the session as next hop"),

  'bgp-port': flag(port, 179, 'port to listen on, and of the other nodes'),
  'bgp-holdtime': flag(duration(3, 65535), 90, 'hold time to offer, in every session', '90s'),
  'connect-retry': flag(duration(1, 3600), 5, 'pause before the first retry; doubles up to a minute', '5s'),
  'bgp-graceful-restart': flag(bool, false, 'keep routes while a peer restarts, and ask peers to keep ours (RFC 4724)'),
  'bgp-graceful-restart-time': flag(duration(1, 4095), 90, 'how long peers are asked to keep them', '90s'),
  'bgp-graceful-restart-deferral-time': flag(
    duration(1, 64800),
    360,
    'how long a restarted daemon waits for what its peers know, at most',
    '360s',
  ),
  'bgp-long-lived-time': flag(
    duration(0, 0xffffff),
    0,
    'how long peers are asked to keep routes after that as a last resort (RFC 9494)',
    '0: not at all',
  ),
  'extended-next-hop': flag(bool, true, 'offer IPv4 routes with IPv6 next hops (RFC 8950)'),
  'max-prefixes': flag(
    integer(0, 0x7fffffff),
    usualMaxPrefixes,
    'different prefixes that a peer may announce in each family; 0 for no limit',
  ),
  'max-prefixes-beyond': flag(oneOf('discard', 'reset'), 'discard', 'refuse what is beyond, or end the session'),
  'max-prefixes-restart': flag(
    duration(0, 86400),
    0,
    'how long after a session that ended so is tried again',
    'not before the peer is declared anew',
  ),
  'local-addresses': flag(list(ip), [], 'addresses to listen on', 'all of both families'),

  'peer-router-ips': flag(list(ip), [], 'routers to peer with; the peers of node annotations then do not count'),
  'peer-router-asns': flag(list(peerAsn), [], 'their ASNs, one per router'),
  'peer-router-ports': flag(list(port), [], 'their ports: none, or one per router', '179 each'),
  'peer-router-passwords': flag(
    list(text),
    [],
    'their TCP MD5 passwords, base64: none, or one per router, empty for none',
  ),
  'peer-router-passwords-file': flag(named('FILE'), '', 'the same from a file, which is read again when it changes'),
  'peer-passwords-dir': flag(
    named('DIR'),
    '',
    'folder of passwords that annotations name with password-from, e.g. a mounted Secret; read again when it changes',
  ),
  'peer-router-multihop-ttl': flag(
    integer(0, 255),
    0,
    'hops that what is sent to external peers may take',
    "0: the kernel's own",
  ),
  'peer-router-ttl-security': flag(
    integer(0, 255),
    0,
    'external peers are at most so many hops away, and what comes from further is dropped (RFC 5082)',
    '0: no limit',
  ),

  'enable-bfd': flag(bool, false, 'watch the paths to the routers of --peer-router-ips with BFD (RFC 5880)'),
  'bfd-port': flag(port, usualBfd.port, 'UDP port of BFD, at both ends', '3784, or 4784 with --bfd-multihop'),
  'bfd-detection-multiplier': flag(
    integer(1, 255),
    usualBfd.multiplier,
    'packets that a router may miss before the path has failed',
  ),
  'bfd-desired-min-tx-interval': flag(
    integer(1, longestBfdInterval),
    usualBfd.minTx,
    'milliseconds between two packets that we like to send',
  ),
  'bfd-required-min-rx-interval': flag(
    integer(1, longestBfdInterval),
    usualBfd.minRx,
    'milliseconds between two packets that we are able to take',
  ),
  'bfd-multihop': flag(bool, false, 'the routers are more than one hop away (RFC 5883)'),
  'bfd-strict': flag(bool, false, 'no BGP session with a router before the path to it is up'),

  'advertise-cluster-ip': flag(bool, false, 'advertise ClusterIPs; a service can say otherwise'),
  'advertise-external-ip': flag(bool, false, 'advertise external IPs; a service can say otherwise'),
  'advertise-loadbalancer-ip': flag(bool, false, 'advertise load-balancer IPs; a service can say otherwise'),
  'advertise-pod-cidr': flag(bool, true, "advertise this node's pod CIDRs to external peers"),
  'service-cluster-ip-range': flag(
    list(cidr),
    list(cidr).read('10.96.0.0/12') ?? [],
    'ranges of ClusterIPs',
    '10.96.0.0/12',
  ),
  'service-external-ip-range': flag(list(cidr), [], 'ranges that external IPs may be of'),
  'loadbalancer-ip-range': flag(list(cidr), [], 'ranges that load-balancer IPs may be of'),
  'strict-external-ip-validation': flag(bool, true, 'hold back external and load-balancer IPs outside their ranges'),
  'loadbalancer-classes': flag(
    list(text),
    [],
    'load-balancer classes whose addresses are advertised',
    'any, and services without one',
  ),
  'service-proxy-name': flag(
    text,
    '',
    'value of the label service.kubernetes.io/service-proxy-name that the proxy of this node serves',
    'none: services without the label',
  ),
  'withdraw-without-endpoints': flag(
    bool,
    false,
    'hold back VIPs without a ready endpoint on any node under a Cluster policy too; a service can say otherwise',
  ),
  'aggregate-vips-ipv4': flag(
    integer(1, 32),
    32,
    'length of the prefixes that IPv4 VIPs under a Cluster policy are aggregated to; 32 for none',
  ),
  'aggregate-vips-ipv6': flag(integer(1, 128), 128, 'the same for IPv6; 128 for none'),
  'aggregate-vips-components': flag(bool, false, 'advertise the VIPs of an aggregate beside it'),

  'drain-on': flag(
    list(oneOf(...drainSignals)),
    drainsByDefault,
    'what drains the node: its VIPs leave, its pod CIDRs stay',
  ),
  'drain-taints': flag(list(text), [], 'keys of further taints that drain the node'),
  'drain-wait': flag(
    duration(0, 3600),
    10,
    'between sending VIPs with GRACEFUL_SHUTDOWN and withdrawing them from a drained node',
    '10s',
  ),
  gate: flag(
    list(oneOf(...gateConditions)),
    [],
    'what has to hold, once, before VIPs are advertised: that the node can forward',
  ),
  'proxy-health-port': flag(port, 10256, "port of the proxy's /healthz on this node, for --gate=proxy-health"),

  'enable-cni': flag(bool, false, "keep this node's pod CIDRs in the ranges of the CNI file"),
  'cni-conf-file': flag(named('FILE'), '/etc/cni/net.d/10-kuberouter.conflist', 'the CNI file: a .conflist or a .conf'),
  'run-loadbalancer': flag(
    bool,
    false,
    'give LoadBalancer services addresses of --loadbalancer-ip-range; one elected daemon does',
  ),
  'loadbalancer-default-class': flag(bool, true, 'also services without a load-balancer class'),

  'health-port': flag(integer(0, 65535), 20244, 'port of /healthz and /readyz; 0 for none'),
  'health-addr': flag(ip, new Address(4, 0x7f000001), 'address of /healthz and /readyz', '127.0.0.1'),
  'ready-sessions': flag(
    oneOf('none', 'any', 'family', 'all'),
    'any',
    'sessions that have to be up for /readyz; "family": one at least that carries each family in use',
  ),
  'metrics-port': flag(integer(0, 65535), 0, 'port of the metrics for Prometheus; 0 for none'),
  'metrics-addr': flag(ip, new Address(4, 0x7f000001), 'address of the metrics', '127.0.0.1'),
  'metrics-path': flag(named('PATH'), '/metrics', 'path of the metrics'),
  'compat-metrics': flag(bool, false, "metrics under kube-router's names too, for dashboards that move over"),
  web: flag(
    bool,
    false,
    'serve the page: the fabric drawn, why a route is or is not there, and what happened; read-only',
  ),
  'web-port': flag(integer(0, 65535), 20245, 'port of the page'),
  'web-addr': flag(ip, new Address(4, 0x7f000001), 'address of the page', '127.0.0.1'),
  'events-kept': flag(integer(0, 100_000), 1000, 'how many of the latest events `tandem events` has'),
  events: flag(bool, true, 'write Kubernetes events about findings, drains and sessions'),
  'node-status': flag(
    oneOf('none', 'annotation'),
    'none',
    'show sessions and route counts to kubectl, in the annotation tandem.io/status of the Node',
  ),

  'bmp-collectors': flag(
    list(collectorAddress),
    [],
    'collectors that are told by BMP (RFC 7854) what peers send and are sent; port 11019 where none is named',
  ),
  'bmp-adj-rib-in': flag(bool, true, 'tell them the routes of each peer as import policy left them'),
  'bmp-adj-rib-out': flag(bool, false, 'tell them the routes that each peer is sent (RFC 8671)'),
  'bmp-statistics-interval': flag(duration(0, 86400), 60, 'between two reports of statistics; 0 for none', '60s'),

  'install-routes': flag(bool, false, 'put accepted best routes into the kernel, ECMP included'),
  'install-routes-table': flag(routeTable, mainTable, 'the routing table that they go into', '254: main'),
  'install-routes-protocol': flag(
    routeProtocol,
    178,
    'the protocol number that makes them ours: all routes of the table that bear it are changed and removed at will',
  ),
  'install-routes-metric': flag(
    integer(1, 4294967295),
    1780,
    'their metric; lower wins, and no other route may have both prefix and metric of one of them',
  ),
  'install-routes-paths': flag(integer(1, 64), 16, 'next hops of one route at most; 1 switches ECMP off'),
  'install-routes-wait': flag(
    duration(0, 3600),
    120,
    "how long routes of an earlier run wait for every peer's End-of-RIB before those that nobody announced go",
    '2m',
  ),
  'install-routes-on-exit': flag(oneOf('keep', 'remove'), 'keep', 'what becomes of them when the daemon ends'),
  'install-routes-command': flag(command, ['ip'], 'how iproute2 is started', 'ip'),

  'maximum-out': flag(
    familyLimits,
    {},
    'routes that a peer is sent at most, in each family or by family; more are held back, so that its own limit never trips',
    'none',
  ),
  'import-default': flag(oneOf('accept', 'reject'), 'accept', 'what happens to a received route that no rule refuses'),
} satisfies Record<string, Flag<never> | Flag<unknown>>

type Flags = typeof flags
export type FlagName = keyof Flags
type ValueOf<One> = One extends Flag<infer Value> ? Value : never

export type Settings = { readonly [Name in FlagName]: ValueOf<Flags[Name]> }

/** Flags of kube-router that are taken so that a command line moves over, and what becomes of them. */
export const foreignFlags: Readonly<Record<string, string>> = {
  'run-router': 'routing is all that Tandem does',
  'run-firewall': 'network policies are the work of another program',
  'run-service-proxy': 'proxying services is the work of another program',
  'enable-overlay': 'there are no tunnels: the fabric routes',
  'overlay-type': 'there are no tunnels: the fabric routes',
  'overlay-encap': 'there are no tunnels: the fabric routes',
  'overlay-encap-port': 'there are no tunnels: the fabric routes',
  'enable-pod-egress': 'masquerading is the work of another program',
  'auto-mtu': 'the MTU in the CNI file is left as it is',
  'disable-source-dest-check': 'cloud settings are not touched',
  'routes-sync-period': 'everything is applied when it changes',
  'injected-routes-sync-period': 'kernel routes follow at once, see --install-routes',
  'loadbalancer-sync-period': 'everything is applied when it changes',
  'gobgp-admin-address': 'the admin socket is a Unix socket: --admin-socket',
  'gobgp-admin-port': 'the admin socket is a Unix socket: --admin-socket',
  'cache-sync-timeout': 'a source that is late is waited for',
  'enable-pprof': 'there is no such profile',
  v: 'use --log-level',
}

export function environmentName(name: string): string {
  return `TANDEM_${name.toUpperCase().replaceAll('-', '_')}`
}
