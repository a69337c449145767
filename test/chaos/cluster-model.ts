/**
 * A small cluster whose objects change at random, and which routes a router has to hold for them. It knows the rules by itself, not by the
 * daemon's plan: what both say the same is right twice.
 */

import type { Dice } from '../fuzz/dice.ts'
import { type KubeObject, nodeObject, service, sliceObject } from '../support/kube-objects.ts'

const families = ['IPv4', 'IPv6'] as const
type Family = (typeof families)[number]

/** Where the objects are kept: an API server, or a folder of manifests. */
export interface ObjectStore {
  apply(object: KubeObject): void
  remove(object: KubeObject): void
}

interface ServiceState {
  exists: boolean
  readonly policy: 'Local' | 'Cluster'
  /** Whether an endpoint on this node is ready, by family. */
  readonly ready: Record<Family, boolean>
}

/** Next hop of the node's routes, by family. */
const nextHops: Readonly<Record<Family, string>> = { IPv4: '10.0.0.2', IPv6: 'fd00::2' }
const podCidrs: Readonly<Record<Family, string>> = { IPv4: '10.244.1.0/24', IPv6: 'fd00:244:1::/64' }

export interface ModelSize {
  /** Services that never change: their routes may not move. */
  readonly steady: number
  /** Services that do. */
  readonly restless: number
}

export class ClusterModel {
  readonly #dice: Dice
  readonly #size: ModelSize
  readonly #services: ServiceState[]
  #annotations: Readonly<Record<string, string>> = {}
  /** Changes made so far. */
  steps = 0

  constructor(dice: Dice, size: ModelSize) {
    this.#dice = dice
    this.#size = size
    this.#services = Array.from({ length: size.steady + size.restless }, (_, index) => ({
      exists: true,
      policy: index % 2 === 0 ? 'Local' : 'Cluster',
      ready: { IPv4: true, IPv6: true },
    }))
  }

  /** All objects as they are now. */
  objects(): KubeObject[] {
    return [this.#node(), ...this.#services.flatMap((one, index) => (one.exists ? this.#objectsOf(index) : []))]
  }

  /** One change, put into the store; what it was, in words. */
  step(store: ObjectStore): string {
    this.steps++
    if (this.#dice.chance(5)) return this.#rejectAnother(store)
    const index = this.#size.steady + this.#dice.below(this.#size.restless)
    const one = this.#services[index]!
    if (this.#dice.chance(20)) {
      const objects = this.#objectsOf(index)
      one.exists = !one.exists
      for (const object of objects) {
        if (one.exists) store.apply(object)
        else store.remove(object)
      }
      return `${one.exists ? 'made' : 'removed'} ${nameOf(index)}`
    }
    const family = this.#dice.pick(families)
    one.ready[family] = !one.ready[family]
    if (one.exists) store.apply(this.#sliceOf(index, family))
    return `${nameOf(index)} is ${one.ready[family] ? '' : 'not '}ready in ${family}`
  }

  /** `prefix via next hop`, sorted: what every router has to hold now. */
  planned(): string[] {
    return this.#rows(() => true)
  }

  /** The prefixes of `planned` that have been there all the time. */
  steady(): string[] {
    return this.#rows((index) => index < this.#size.steady).map((row) => row.split(' ')[0]!)
  }

  #rows(counts: (index: number) => boolean): string[] {
    const pods = families.map((family) => `${podCidrs[family]} via ${nextHops[family]}`)
    const vips = this.#services.flatMap((one, index) =>
      families.flatMap((family) => {
        const answers = one.policy === 'Cluster' || one.ready[family]
        return one.exists && answers && counts(index) ? [`${vipOf(index, family)} via ${nextHops[family]}`] : []
      }),
    )
    return [...pods, ...vips].sort()
  }

  #objectsOf(index: number): KubeObject[] {
    const { policy } = this.#services[index]!
    const clusterIPs = [`10.96.0.${index + 1}`, `fd00:96::${(index + 1).toString(16)}`]
    const spec = { type: 'LoadBalancer', externalTrafficPolicy: policy, clusterIP: clusterIPs[0], clusterIPs }
    const ingress = families.map((family) => ({ ip: vipOf(index, family).split('/')[0] }))
    return [service(nameOf(index), spec, { ingress }), ...families.map((family) => this.#sliceOf(index, family))]
  }

  #sliceOf(index: number, family: Family): KubeObject {
    const ready = this.#services[index]!.ready[family]
    return sliceObject(nameOf(index), family, [{ on: 'node-1', ready }, { on: 'node-2' }])
  }

  /** Annotations of the node, beside those that it has. */
  annotate(store: ObjectStore, annotations: Readonly<Record<string, string>>): void {
    this.#annotations = { ...this.#annotations, ...annotations }
    store.apply(this.#node())
  }

  /** What is taken in: it may move no route that goes out. */
  #rejectAnother(store: ObjectStore): string {
    const which = this.#dice.below(256)
    const reject = `198.18.${which}.0/24,2001:db8:${which.toString(16)}00::/48`
    this.annotate(store, { 'kube-router.io/node.bgp.customimportreject': reject })
    return 'another import reject'
  }

  #node(): KubeObject {
    return nodeObject('node-1', { metadata: { annotations: this.#annotations } })
  }
}

const nameOf = (index: number) => `s${index}`

function vipOf(index: number, family: Family): string {
  return family === 'IPv4' ? `203.0.113.${index + 1}/32` : `2001:db8:113::${(index + 1).toString(16)}/128`
}
