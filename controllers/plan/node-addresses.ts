/** The addresses of a node by family, and its router id, from `status.addresses` alone: never from the order of interfaces. */

import { type Address, addressBytes, type Family, families } from 'bgp-ts'
import { parseAddress } from '../../policy/index.ts'
import { type Finding, finding } from '../findings.ts'
import type { NodeView } from '../view.ts'
import type { PlanOptions } from './options.ts'

export interface NodeAddresses {
  /** First InternalIP, else first ExternalIP. */
  readonly primary: Address | undefined
  /** The best of each family: the primary one, else the first InternalIP, else the first ExternalIP of it. */
  readonly best: { readonly [family in Family]?: Address }
  readonly all: readonly Address[]
}

/** Which families are switched on; left out, those that the node has an address of. */
export type FamilySwitches = Pick<PlanOptions, 'enableIpv4' | 'enableIpv6'>

const enabled = (options: FamilySwitches, family: Family) =>
  family === 'ipv4-unicast' ? options.enableIpv4 : options.enableIpv6

const versionOf = (family: Family) => (family === 'ipv4-unicast' ? 4 : 6)

export function nodeAddresses(node: NodeView, options: FamilySwitches): NodeAddresses {
  const used = families.filter((family) => enabled(options, family) !== false).map(versionOf)
  const of = (type: string) =>
    node.addresses.flatMap((one) => {
      const address = one.type === type ? parseAddress(one.address) : undefined
      return address && used.some((version) => version === address.version) ? [address] : []
    })
  const ranked = [...of('InternalIP'), ...of('ExternalIP')]
  const best = families.flatMap((family) => {
    const address = ranked.find(({ version }) => version === versionOf(family))
    return address ? [[family, address]] : []
  })
  return { primary: ranked[0], best: Object.fromEntries(best), all: ranked }
}

/** A family that was asked for and has no address, and addresses that are none. */
export function addressFindings(node: NodeView, addresses: NodeAddresses, options: PlanOptions): Finding[] {
  const object = `node/${node.name}`
  const missing = families.flatMap((family) => {
    if (enabled(options, family) !== true || addresses.best[family]) return []
    const flag = family === 'ipv4-unicast' ? '--enable-ipv4' : '--enable-ipv6'
    return [finding('family-without-address', object, 'status.addresses', 'none', { family, flag })]
  })
  const wrong = node.addresses.flatMap(({ type, address }, index) => {
    if (!type.endsWith('IP') || parseAddress(address)) return []
    return [finding('node-address-invalid', object, `status.addresses[${index}].address`, address)]
  })
  return [...missing, ...wrong]
}

/** `--router-id`, or the primary IPv4 address, or a number derived from the primary address where there is no IPv4. */
export function routerIdOf(addresses: NodeAddresses, options: PlanOptions): number | undefined {
  const { primary, best } = addresses
  if (options.routerId === 'generate') return primary && generatedRouterId(primary)
  if (options.routerId !== '') return (parseAddress(options.routerId)?.w0 ?? 0) >>> 0 || undefined
  const v4 = primary?.version === 4 ? primary : best['ipv4-unicast']
  if (v4) return v4.w0 >>> 0
  return primary && usableRouterId(generatedRouterId(primary))
}

/** FNV-1a of the 16 octets of the address, an IPv4 one in its mapped form: what kube-router generates. */
export function generatedRouterId(address: Address): number {
  const octets = addressBytes(address)
  const mapped = address.version === 6 ? octets : Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...octets)
  let hash = 0x811c9dc5
  for (const octet of mapped) hash = Math.imul(hash ^ octet, 0x01000193)
  return hash >>> 0
}

/** The same number with a first octet that no peer refuses: 1 to 223, not 127. */
function usableRouterId(id: number): number {
  const first = id >>> 24
  if (first >= 1 && first <= 223 && first !== 127) return id
  const replaced = (first % 126) + 1
  return ((replaced << 24) | (id & 0xffffff)) >>> 0
}
