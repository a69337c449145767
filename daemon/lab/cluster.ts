/** The lab's machines: a speaker for each Node of the manifests, fed as the daemon feeds it, and two routers that take everything. */

import { type Address, families, formatAddress } from 'bgp-ts'
import { drainsByDefault, ManifestSource, type PlanOptions, Reconciler, type View } from '../../controllers/index.ts'
import { acceptAll, parsePrefix, rejectAll } from '../../policy/index.ts'
import { type Desired, type Log, nodeClock, type PeerDeclaration, Speaker } from '../../speaker/index.ts'
import { type LabNetwork, lookUp } from './network.ts'
import type { LabView } from './screen.ts'

const routerAsn = 65001
const nodeAsn = 64512
const routerNames = ['tor-a', 'tor-b'] as const
const slots = 8
const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

interface Link {
  readonly node: string
  readonly router: (typeof routerNames)[number]
  readonly nodeAddress: Address
  readonly routerAddress: Address
}

export interface LabNode {
  readonly name: string
  readonly speaker: Speaker
  readonly reconciler: Reconciler
}

export class LabCluster {
  readonly #source: ManifestSource
  readonly #network: LabNetwork
  readonly #nodes = new Map<string, LabNode>()
  readonly #routers = new Map<string, Speaker>()
  #view: View | undefined
  #findings: LabView['findings'] = []

  constructor(folder: string, network: LabNetwork) {
    this.#source = new ManifestSource(folder)
    this.#network = network
  }

  async start(): Promise<void> {
    await this.#source.start((view, _change, findings) => {
      this.#view = view
      this.#findings = findings
      this.#follow(view)
      for (const { reconciler } of this.#nodes.values()) reconciler.take(view, undefined, [])
    })
  }

  async stop(): Promise<void> {
    await this.#source.stop()
    for (const { reconciler } of this.#nodes.values()) reconciler.stop()
    const speakers = [...this.#routers.values(), ...[...this.#nodes.values()].map(({ speaker }) => speaker)]
    await Promise.all(speakers.map((speaker) => speaker.stop()))
  }

  /** Whether every router has heard all of every node within this time. */
  async converged(limitMs: number): Promise<boolean> {
    const deadline = Date.now() + limitMs
    for (;;) {
      const peers = [...this.#routers.values()].flatMap((speaker) => speaker.snapshot().peers)
      const done =
        peers.length > 0 && peers.every(({ routes }) => families.every((family) => routes[family].endOfRibReceived))
      if (done) return true
      if (Date.now() > deadline) return false
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  get nodes(): Iterable<LabNode> {
    return this.#nodes.values()
  }

  get routers(): readonly { readonly name: string; readonly speaker: Speaker }[] {
    return [...this.#routers].map(([name, speaker]) => ({ name, speaker }))
  }

  /** The objects that it follows; undefined before they were read. */
  get objects(): View | undefined {
    return this.#view
  }

  /** Name of the router with this address, or the address itself. */
  routerAt(address: string): string {
    return this.#links().find(({ routerAddress }) => formatAddress(routerAddress) === address)?.router ?? address
  }

  view(): LabView {
    const links = this.#links()
    const nodeOf = (address: string) =>
      links.find(({ nodeAddress }) => formatAddress(nodeAddress) === address)?.node ?? address
    return {
      routers: [...this.#routers].map(([name, speaker]) => ({
        name,
        sessions: speaker.snapshot().peers.map((peer) => ({
          peer: nodeOf(peer.address),
          over: peer.address.includes(':') ? 'IPv6' : 'IPv4',
          state: peer.state,
          families: peer.families,
          sinceMs: peer.sinceMs,
        })),
        routes: speaker.routes('in').map((row) => ({
          prefix: row.prefix,
          nextHop: row.nextHop,
          from: nodeOf(row.source),
          text: `${row.prefix} via ${row.nextHop} from ${nodeOf(row.source)}`,
        })),
      })),
      nodes: [...this.#nodes.values()].map(({ name, reconciler }) => ({
        name,
        withheld: reconciler.plan?.withheld ?? [],
        origins: (reconciler.plan?.routes ?? []).map(({ prefix, origin }) => ({ prefix: String(prefix), origin })),
      })),
      findings: [
        ...this.#findings,
        ...[...this.#nodes.values()].flatMap(({ reconciler }) => reconciler.plan?.findings ?? []),
      ],
    }
  }

  /** Makes a speaker for each Node that is new, and lets the ones go that are not there any more. */
  #follow(view: View): void {
    for (const name of routerNames) {
      if (!this.#routers.has(name))
        this.#routers.set(name, new Speaker(this.#network.world(silent, ...this.#routerAddresses(name))))
    }
    for (const [name, node] of this.#nodes) {
      if (view.nodes.has(name)) continue
      this.#nodes.delete(name)
      node.reconciler.stop()
      void node.speaker.stop({ reason: 'the node is gone' })
    }
    for (const name of [...view.nodes.keys()].sort().slice(0, slots)) {
      if (!this.#nodes.has(name)) this.#nodes.set(name, this.#newNode(name))
    }
    for (const [name, speaker] of this.#routers) speaker.apply(this.#routerDesired(name))
  }

  #newNode(name: string): LabNode {
    const own = this.#linksOf(name).map(({ nodeAddress }) => nodeAddress)
    const speaker = new Speaker(this.#network.world(silent, ...own), { endOfRibHeld: true })
    const place = (desired: Desired): Desired => ({
      ...desired,
      local: { ...desired.local, listen: [] },
      peers: desired.peers.map((peer) => this.#placed(name, peer)),
    })
    return {
      name,
      speaker,
      reconciler: new Reconciler({ log: silent, clock: nodeClock, speaker, place }, this.#options(name)),
    }
  }

  /** A peer of the plan at its place in the lab: the loopback address that plays this node. */
  #placed(node: string, peer: PeerDeclaration): PeerDeclaration {
    const link = this.#linksOf(node).find(
      ({ routerAddress }) => formatAddress(routerAddress) === formatAddress(peer.address),
    )
    return link ? { ...peer, localAddress: link.nodeAddress, connectRetry: 1 } : peer
  }

  #options(nodeName: string): PlanOptions {
    const ranges = (...texts: string[]) => texts.map((text) => parsePrefix(text)!)
    return {
      nodeName,
      clusterAsn: nodeAsn,
      nodesFullMesh: true,
      enableIbgp: false,
      bgpPort: this.#network.port,
      holdTime: 9,
      connectRetry: 1,
      session: {},
      externalSession: {},
      restart: { restarting: false, forwarding: false, deferral: 0 },
      routerId: '',
      advertiseClusterIp: true,
      advertiseExternalIp: true,
      advertiseLoadBalancerIp: true,
      advertisePodCidr: true,
      overrideNextHop: false,
      peerRouters: this.#linksOf(nodeName).map(({ routerAddress }) => ({
        address: routerAddress,
        asn: routerAsn,
        port: this.#network.port,
      })),
      importDefault: 'accept',
      serviceClusterIpRanges: ranges('10.96.0.0/16', 'fd00:96::/112'),
      serviceExternalIpRanges: ranges('198.51.100.0/24', '2001:db8:51::/64'),
      loadBalancerIpRanges: ranges('203.0.113.0/24', '2001:db8:113::/64'),
      strictExternalIpValidation: true,
      drainOn: drainsByDefault,
      drainTaints: [],
      drainWait: 10,
      gate: [],
      withdrawWithoutEndpoints: false,
      loadBalancerClasses: [],
      serviceProxyName: '',
    }
  }

  /** The first node meets the second router over IPv6, where there is an IPv6 loopback; it has one address, so one session can use it. */
  #links(): Link[] {
    const names = [...(this.#view?.nodes.keys() ?? [])].sort().slice(0, slots)
    return names.flatMap((node, slot) =>
      routerNames.map((router, index): Link => {
        const overIpv6 = this.#network.hasIpv6 && slot === 0 && router === 'tor-b'
        const [nodeText, routerText] = overIpv6 ? ['::1', '::1'] : [`127.0.2.${slot + 1}`, `127.0.1.${index + 1}`]
        return { node, router, nodeAddress: lookUp(nodeText), routerAddress: lookUp(routerText) }
      }),
    )
  }

  #linksOf(node: string): Link[] {
    return this.#links().filter((link) => link.node === node)
  }

  #routerAddresses(name: string): Address[] {
    const v4 = lookUp(`127.0.1.${routerNames.indexOf(name as 'tor-a') + 1}`)
    return name === 'tor-b' && this.#network.hasIpv6 ? [v4, lookUp('::1')] : [v4]
  }

  #routerDesired(name: string): Desired {
    const addresses = this.#routerAddresses(name)
    return {
      local: {
        asn: routerAsn,
        routerId: addresses[0]!.w0 >>> 0,
        listen: addresses.map((address) => ({ address, port: this.#network.port })),
        addresses: {},
      },
      routes: [],
      peers: this.#links()
        .filter(({ router }) => router === name)
        .map(({ nodeAddress, routerAddress }) => ({
          name: formatAddress(nodeAddress),
          address: nodeAddress,
          localAddress: routerAddress,
          port: this.#network.port,
          asn: nodeAsn,
          families,
          passive: true,
          holdTime: 9,
          connectRetry: 1,
          nextHopSelf: false,
          importPolicy: acceptAll,
          exportPolicy: rejectAll,
        })),
    }
  }
}
