/**
 * Every flag of the daemon, in one table. Names are kube-router's wherever it has one, so that a cluster moves over by swapping the image.
 * Each can be given as an environment variable (`TANDEM_CLUSTER_ASN`) and in `--config FILE` under the same name.
 */

import { Address, families } from 'bgp-ts'
import { drainSignals, drainsByDefault, gateConditions } from '../../controllers/index.ts'
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
  'local-addresses': flag(list(ip), [], 'addresses to listen on', 'all of both families'),

  'peer-router-ips': flag(list(ip), [], 'routers to peer with; the peers of node annotations then do not count'),
  'peer-router-asns': flag(list(peerAsn), [], 'their ASNs, one per router'),
  'peer-router-ports': flag(list(port), [], 'their ports: none, or one per router', '179 each'),
  'peer-router-passwords': flag(
    list(text),
    [],
    'their TCP MD5 passwords, base64; such peers stay down in this release',
  ),
  'peer-router-passwords-file': flag(named('FILE'), '', 'the same from a file'),

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
  'ready-sessions': flag(oneOf('none', 'any', 'all'), 'any', 'sessions that have to be up for /readyz'),
  events: flag(bool, true, 'write Kubernetes events about findings, drains and sessions'),
  'node-status': flag(
    oneOf('none', 'annotation'),
    'none',
    'show sessions and route counts to kubectl, in the annotation tandem.io/status of the Node',
  ),

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
  'bgp-graceful-restart': 'graceful restart is not in this release',
  'bgp-graceful-restart-time': 'graceful restart is not in this release',
  'bgp-graceful-restart-deferral-time': 'graceful restart is not in this release',
  'enable-bfd': 'BFD is not in this release',
  'bfd-port': 'BFD is not in this release',
  'bfd-detection-multiplier': 'BFD is not in this release',
  'bfd-desired-min-tx-interval': 'BFD is not in this release',
  'bfd-required-min-rx-interval': 'BFD is not in this release',
  'peer-router-multihop-ttl': 'sessions are not limited to one hop',
  'routes-sync-period': 'everything is applied when it changes',
  'injected-routes-sync-period': 'routes are not put into the kernel',
  'loadbalancer-sync-period': 'everything is applied when it changes',
  'gobgp-admin-address': 'the admin socket is a Unix socket: --admin-socket',
  'gobgp-admin-port': 'the admin socket is a Unix socket: --admin-socket',
  'metrics-port': 'metrics are not in this release',
  'metrics-addr': 'metrics are not in this release',
  'metrics-path': 'metrics are not in this release',
  'cache-sync-timeout': 'a source that is late is waited for',
  'enable-pprof': 'there is no such profile',
  v: 'use --log-level',
}

export function environmentName(name: string): string {
  return `TANDEM_${name.toUpperCase().replaceAll('-', '_')}`
}
