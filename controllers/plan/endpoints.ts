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

/** Slices of each service, by `namespace/name`. */
export function slicesByService(view: View): ReadonlyMap<string, readonly EndpointSliceView[]> {
  const slices = new Map<string, EndpointSliceView[]>()
  for (const slice of view.endpointSlices.values()) {
    const key = `${slice.namespace}/${slice.serviceName}`
    const list = slices.get(key)
    if (list) list.push(slice)
    else slices.set(key, [slice])
  }
  return slices
}

export class Endpoints {
  readonly #slices: ReadonlyMap<string, readonly EndpointSliceView[]>
  readonly #nodeName: string
  readonly #nodeAddresses: readonly Address[]

  constructor(view: View, nodeName: string, addresses: readonly Address[]) {
    this.#slices = slicesByService(view)
    this.#nodeName = nodeName
    this.#nodeAddresses = addresses
  }

  count(service: ServiceView, family: Family): EndpointCount {
    const type = family === 'ipv4-unicast' ? 'IPv4' : 'IPv6'
    const slices = this.#slices.get(`${service.namespace}/${service.name}`) ?? []
    const endpoints = slices.filter(({ addressType }) => addressType === type).flatMap((slice) => slice.endpoints)
    const local = endpoints.filter((endpoint) => this.#isLocal(endpoint))
    return {
      ready: endpoints.filter(({ ready }) => ready).length,
      localReady: local.filter(({ ready }) => ready).length,
      localServing: local.filter(({ serving }) => serving).length,
    }
  }

  /** Undefined when this node may answer; otherwise why not. */
  obstacle(service: ServiceView, family: Family): string | undefined {
    const { ready, localReady, localServing } = this.count(service, family)
    if (localReady > 0 || (ready === 0 && localServing > 0)) return undefined
    const name = family === 'ipv4-unicast' ? 'IPv4' : 'IPv6'
    if (ready > 0) return `no ready ${name} endpoint is on this node (${ready} elsewhere)`
    return `no ready ${name} endpoint is on any node`
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
