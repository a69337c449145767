/**
 * Whether this node may answer for a VIP of a family under a Local traffic policy: a ready endpoint of that family is on it.
 * Endpoints of the other family do not count: a dual-stack service whose IPv6 pods all run elsewhere is withheld in IPv6 alone.
 * Serving endpoints that are not ready count only while no ready one is left anywhere.
 * Source: EndpointSlice `addressType`, `endpoints[].nodeName`, `endpoints[].conditions`.
 */

import { type Address, type Family, sameAddress } from 'bgp-ts'
import { parseAddress } from '../../policy/index.ts'
import type { EndpointSliceView, EndpointView, ServiceView, View } from '../view.ts'

export interface EndpointCount {
  readonly ready: number
  readonly localReady: number
  readonly localServing: number
}

/** The slices of each service of a view. */
export function slicesByService(view: View): SlicesOf {
  const slices = new Map<string, EndpointSliceView[]>()
  for (const slice of view.endpointSlices.values()) {
    const key = `${slice.namespace}/${slice.serviceName}`
    const list = slices.get(key)
    if (list) list.push(slice)
    else slices.set(key, [slice])
  }
  return (service) => slices.get(service) ?? []
}

/** The slices of a service, by its `namespace/name`. */
export type SlicesOf = (service: string) => Iterable<EndpointSliceView>

export class Endpoints {
  readonly #slicesOf: SlicesOf
  readonly #nodeName: string
  readonly #nodeAddresses: readonly Address[]

  constructor(slicesOf: SlicesOf, nodeName: string, addresses: readonly Address[]) {
    this.#slicesOf = slicesOf
    this.#nodeName = nodeName
    this.#nodeAddresses = addresses
  }

  count(service: ServiceView, family: Family): EndpointCount {
    const type = family === 'ipv4-unicast' ? 'IPv4' : 'IPv6'
    const count = { ready: 0, localReady: 0, localServing: 0 }
    for (const { addressType, endpoints } of this.#slicesOf(`${service.namespace}/${service.name}`)) {
      if (addressType !== type) continue
      for (const endpoint of endpoints) {
        if (endpoint.ready) count.ready++
        if (!this.#isLocal(endpoint)) continue
        // Not one inside the other: with publishNotReadyAddresses an endpoint is ready and does not serve.
        if (endpoint.ready) count.localReady++
        if (endpoint.serving) count.localServing++
      }
    }
    return count
  }

  /** Undefined when this node may answer; otherwise how many ready endpoints other nodes have. */
  elsewhere(service: ServiceView, family: Family): number | undefined {
    const { ready, localReady, localServing } = this.count(service, family)
    return localReady > 0 || (ready === 0 && localServing > 0) ? undefined : ready
  }

  /** By `nodeName`; without one, by an address of the node (host-network and hand-made slices). */
  #isLocal({ nodeName, addresses }: EndpointView): boolean {
    if (nodeName !== undefined) return nodeName === this.#nodeName
    return addresses.some((text) => {
      const address = parseAddress(text)
      return address !== undefined && this.#nodeAddresses.some((own) => sameAddress(own, address))
    })
  }
}
