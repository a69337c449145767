/**
 * Every kind of finding: how bad it is, what it says, when, and what to do. Nothing else may be found, so docs/findings.md is this table.
 * What a kind says is a function of a few words, e.g. the name of a flag; the page shows the names of those words.
 */

export interface FindingKind<Words extends readonly unknown[]> {
  readonly severity: 'warning' | 'error'
  /** Follows object, field and value in a log, an event and `explain`. */
  readonly says: (...words: Words) => string
  /** Which object and field, and what of it. */
  readonly when: string
  readonly mend: string
}

type Words<Name extends string> = Readonly<Record<Name, string>>

const error = <Given extends readonly unknown[]>(row: Omit<FindingKind<Given>, 'severity'>) =>
  ({ severity: 'error', ...row }) satisfies FindingKind<Given>
const warning = <Given extends readonly unknown[]>(row: Omit<FindingKind<Given>, 'severity'>) =>
  ({ severity: 'warning', ...row }) satisfies FindingKind<Given>

const ofTheNode = {
  'node-unknown': error({
    says: () => 'is not among the Nodes: check --hostname-override, and that the Node exists',
    when: 'No Node has the name of this node. Nothing is said to any peer.',
    mend: 'Give `--hostname-override` the name of the Node, or wait until the kubelet has registered it.',
  }),
  'node-without-address': error({
    says: () => 'has no InternalIP and no ExternalIP: without an address there is no peering',
    when: '`status.addresses` of the Node has no address of a family that is switched on.',
    mend: 'Set `--node-ip` of the kubelet, or the cloud provider that fills in the addresses.',
  }),
  'node-without-asn': error({
    says: () => 'is needed with --nodes-full-mesh=false: the ASN of this node',
    when: 'The Node has no `kube-router.io/node.asn`, and no mesh of all nodes is wanted.',
    mend: 'Annotate the Node with its ASN.',
  }),
  'family-without-address': error({
    says: ({ family, flag }: Words<'family' | 'flag'>) => `has no address of ${family}, which ${flag}=true asks for`,
    when: '`--enable-ipv4=true` or `--enable-ipv6=true`, and the Node has no address of that family. The other family goes on.',
    mend: 'Give the node an address of the family, or leave the flag out: then a family is used where there is an address.',
  }),
  'node-address-invalid': error({
    says: () => 'is not an IP address; it is not used',
    when: 'An InternalIP or ExternalIP in `status.addresses` of the Node does not parse.',
    mend: 'Correct what reports the addresses of the node.',
  }),
  'node-drained': warning({
    says: ({ mend }: Words<'mend'>) => `drains the node: its VIPs leave, its pod CIDRs stay. To change it: ${mend}`,
    when: 'A signal of `--drain-on` or `--drain-taints` is on the Node. Value and field name it.',
    mend: 'Nothing while the node is to be drained; else take the signal away.',
  }),
  'pod-cidr-invalid': error({
    says: () => 'is not a CIDR; it is not advertised',
    when: 'An entry of `spec.podCIDRs`, or `spec.podCIDR`, of the Node does not parse.',
    mend: 'Correct the field, or override it with `kube-router.io/pod-cidrs`.',
  }),
  'node-of-another-family': warning({
    says: () => "has no primary address of the family of this node's, so there is no session with it",
    when: 'Another node that this one should peer with has its first address in the other family alone.',
    mend: 'Give both nodes a primary address of one family, or switch the sessions between nodes off (`--enable-ibgp=false`).',
  }),
} as const

const ofAnnotations = {
  'annotation-kept': error({
    says: ({ expected }: Words<'expected'>) => `${expected}; its last good value stays in use`,
    when: 'An annotation of a Node or Service does not parse, and did before.',
    mend: 'Correct the item that is the value of the finding; EXPECTED says what would be right.',
  }),
  'annotation-unused': error({
    says: ({ expected }: Words<'expected'>) => `${expected}; it is not used`,
    when: 'An annotation of a Node or Service does not parse, and has no earlier value.',
    mend: 'Correct the item that is the value of the finding; EXPECTED says what would be right.',
  }),
  'annotation-unknown': warning({
    says: ({ like }: Words<'like'>) => `is nothing that is read here${like}`,
    when: 'A key `tandem.io/*` or `kube-router.io/service.advertise.*` is none of those that a Node, or a Service, can have.',
    mend: 'Correct the key ([annotations.md](annotations.md), [controllers/README.md](../controllers/README.md)), or take it away.',
  }),
  'community-left-out': error({
    says: ({ expected }: Words<'expected'>) => `${expected}; it is left out`,
    when: 'One item of `kube-router.io/node.bgp.communities` is no community. The others are sent.',
    mend: 'Correct the item.',
  }),
  'import-reject-in-part': error({
    says: ({ expected }: Words<'expected'>) => `${expected}; the other items are in use`,
    when: 'One item of `kube-router.io/node.bgp.customimportreject` is no CIDR, and there is no earlier value.',
    mend: 'Correct the item.',
  }),
  'advertise-not-boolean': error({
    says: () => 'is neither "true" nor "false"; it counts as false',
    when: 'An annotation `kube-router.io/service.advertise.*` of a Service has another value.',
    mend: 'Write `"true"` or `"false"`.',
  }),
  'withdraw-not-boolean': error({
    says: () => 'is neither "true" nor "false"; the flag of the same name counts',
    when: '`tandem.io/service.withdraw-without-endpoints` of a Service has another value.',
    mend: 'Write `"true"` or `"false"`.',
  }),
  'client-of-itself': warning({
    says: ({ annotation }: Words<'annotation'>) =>
      `is not used: ${annotation} makes the node a reflector of this cluster`,
    when: '`kube-router.io/rr.client` and `rr.server` of one Node name the same cluster.',
    mend: 'Take one of the two away, or give them different cluster ids.',
  }),
  'client-without-reflector': warning({
    says: ({ annotation }: Words<'annotation'>) =>
      `has no reflector to peer with: no node has ${annotation} with this cluster id`,
    when: 'This node has `kube-router.io/rr.client`, and no node it may peer with reflects for that cluster.',
    mend: 'Annotate the reflectors with `kube-router.io/rr.server`.',
  }),
  'password-with-newline': warning({
    says: () => 'ends in a newline, which is left out',
    when: 'The base64 of a password has a newline at its end, as `echo` makes it.',
    mend: 'Encode it without: `printf %s PASSWORD | base64`.',
  }),
} as const

const ofObjects = {
  'vip-invalid': error({
    says: () => 'is not an IP address; it is not advertised',
    when: 'An address of a Service does not parse. Its other addresses are advertised.',
    mend: 'Correct the field.',
  }),
  'not-an-object': error({
    says: () => 'is no Kubernetes object: a mapping with apiVersion, kind and metadata is expected',
    when: 'A document in the folder of `--manifests` is something else.',
    mend: 'Correct the document, or move the file out of the folder.',
  }),
  'field-invalid': error({
    says: ({ problem }: Words<'problem'>) => `is wrong: ${problem}; the object keeps its last good form`,
    when: 'A field of a Node, Service or EndpointSlice that is read has another type than the API says.',
    mend: 'Correct the field.',
  }),
  'yaml-invalid': error({
    says: ({ problem }: Words<'problem'>) => `is no valid YAML: ${problem}; its objects keep their last good form`,
    when: 'A file in the folder of `--manifests` does not parse. The object of the finding is its name, line and column.',
    mend: 'Correct the line.',
  }),
  'object-twice': error({
    says: ({ earlier, later }: Words<'earlier' | 'later'>) => `is in ${earlier} too: the one in ${later} counts`,
    when: 'Two files in the folder of `--manifests` have the same object.',
    mend: 'Take it out of one of them.',
  }),
  'watch-down': error({
    says: () => 'is why the watch is down; what is known stays in use',
    when: 'A list or watch of the API server fails. It is tried again.',
    mend: 'Look at the value: rights (`tandem check`), certificates, or the way to the API server.',
  }),
} as const

const underDualStack = (policy: string) =>
  policy === 'RequireDualStack' ? '; under RequireDualStack nothing new is given in the other family either' : ''

const ofLoadBalancers = {
  'addresses-not-written': error({
    says: ({ problem }: Words<'problem'>) => `cannot be written: ${problem}; it is tried again`,
    when: 'The API server does not take `status.loadBalancer.ingress` of a Service.',
    mend: 'Look at the problem: most often the component `load-balancer` with its rights is missing.',
  }),
  'services-not-listed': error({
    says: ({ problem }: Words<'problem'>) => `cannot be listed: ${problem}; no addresses are given out meanwhile`,
    when: 'The daemon that holds the Lease cannot list Services.',
    mend: 'Look at the problem: rights, or the way to the API server.',
  }),
  'request-refused': error({
    says: ({ problem, meanwhile, policy }: Words<'problem' | 'meanwhile' | 'policy'>) =>
      `${problem}; ${meanwhile}${underDualStack(policy)}`,
    when: 'A Service asks for an address that it cannot have: it is outside the ranges, is reserved, or another Service has it. Under `RequireDualStack` the other family waits too.',
    mend: 'Ask for another address, or free this one.',
  }),
  'request-invalid': error({
    says: () => 'is not an IP address; no address is given in place of it',
    when: '`tandem.io/load-balancer-ips` or `spec.loadBalancerIP` has something else.',
    mend: 'Correct the item.',
  }),
  'request-of-another-family': error({
    says: ({ family }: Words<'family'>) => `is ${family}, which is not in spec.ipFamilies; it is left out`,
    when: 'A Service asks for an address of a family that it does not have.',
    mend: 'Add the family to `spec.ipFamilies`, or take the address away.',
  }),
  'request-second': error({
    says: ({ family, first }: Words<'family' | 'first'>) =>
      `is a second ${family} address; one a family is given, and ${first} comes first`,
    when: 'A Service asks for two addresses of one family.',
    mend: 'Leave one of them.',
  }),
  'family-without-range': error({
    says: ({ range, policy }: Words<'range' | 'policy'>) =>
      `has no range in ${range}; add one, or take the family out of spec.ipFamilies${underDualStack(policy)}`,
    when: 'No range for load-balancer addresses is of a family of the Service.',
    mend: 'Give `--loadbalancer-ip-range` a range of each family.',
  }),
  'range-used-up': error({
    says: ({ range, policy }: Words<'range' | 'policy'>) =>
      `has no free address left in ${range}; add a range, or delete services that need none${underDualStack(policy)}`,
    when: 'All addresses of the family are given out.',
    mend: 'Add a range to `--loadbalancer-ip-range`.',
  }),
  'address-outside-ranges': warning({
    says: ({ range }: Words<'range'>) => `lies outside ${range}; it stays until it is removed by hand`,
    when: 'A Service has an address from before the ranges were changed.',
    mend: 'Add its range again, or remove the address from the status of the Service.',
  }),
  'address-held-twice': warning({
    says: ({ holder }: Words<'holder'>) =>
      `is also held by ${holder}; remove it from one of the two for another to be given`,
    when: 'Two Services have one address in their status.',
    mend: 'Remove it from the status of one.',
  }),
  'lease-unusable': error({
    says: ({ problem }: Words<'problem'>) =>
      `is what was last seen; the Lease cannot be read or written: ${problem}; no addresses are given out from here meanwhile`,
    when: 'The Lease by which one daemon gives out addresses is out of reach.',
    mend: 'Look at the problem: most often the component `load-balancer` with its rights is missing.',
  }),
} as const

const ofTheMachine = {
  'cni-file-unfit': error({
    says: ({ problem }: Words<'problem'>) => `${problem}; the file stays as it is`,
    when: 'The CNI file has no place for the pod CIDRs of the node, or is no JSON.',
    mend: 'Correct the field of the file.',
  }),
  'cni-range-too-wide': warning({
    says: ({ problem }: Words<'problem'>) => problem,
    when: 'A subnet in the CNI file is wider than the pod CIDR of the node.',
    mend: 'Take the subnet out of the file: the pod CIDR is put in its place.',
  }),
  'cni-file-missing': error({
    says: () => 'there is no such file: pods get no address before it is installed',
    when: '`--enable-cni`, and the file is not there.',
    mend: 'Install it, or name another with `--cni-conf-file`.',
  }),
  'cni-file-unusable': error({
    says: ({ problem }: Words<'problem'>) => `cannot be read or written (${problem}); the file stays as it is`,
    when: '`--enable-cni`, and the daemon may not read or write the file.',
    mend: 'Give its group write access, as the component `cni` says.',
  }),
  'kernel-untouchable': error({
    says: ({ family, problem }: Words<'family' | 'problem'>) => `${family} routes cannot be changed: ${problem}`,
    when: '`--install-routes`, and no route of the family can be installed.',
    mend: 'Look at the problem: most often the image or the capability `NET_ADMIN` is missing ([kernel-routes.md](kernel-routes.md)).',
  }),
  'kernel-routes-missing': warning({
    says: ({ family, why }: Words<'family' | 'why'>) =>
      `some ${family} routes ${why}; "tandem peers" counts them, "tandem explain PREFIX" says why`,
    when: '`--install-routes`, and some routes are not in the kernel.',
    mend: '`tandem explain` of one of them says what is in its way.',
  }),
  'maximum-out': warning({
    says: ({ family }: Words<'family'>) =>
      `routes of ${family} are the most for this peer, and there are more: those that came last are held back`,
    when: 'More routes are for a peer than its `maximum-out` lets it be sent.',
    mend: 'Raise `maximum-out`, or export less.',
  }),
} as const

/** By the part of the page that they stand in. */
export const findingGroups = {
  'The node': ofTheNode,
  Annotations: ofAnnotations,
  'Objects and their source': ofObjects,
  'Load-balancer addresses': ofLoadBalancers,
  'Machine and peers': ofTheMachine,
} as const

export const findingKinds = { ...ofTheNode, ...ofAnnotations, ...ofObjects, ...ofLoadBalancers, ...ofTheMachine }

export type FindingName = keyof typeof findingKinds
