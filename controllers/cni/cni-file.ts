/**
 * The CNI configuration file as text: the range sets of its plugin are the pod CIDRs of this node. Text in, text or a fault out.
 *
 * Everything that stands in the file is the user's and stays, ranges too; only range sets that were added here go again when they are no
 * longer pod CIDRs. The file itself remembers which those are, under one key of its top level: so the memory outlives a restart, comes
 * and goes with the file, and of a list no plugin is ever handed it. Who takes a CIDR out of that key makes its range their own.
 */

import { contains, type Family, families, formatPrefix, type Prefix, samePrefix } from 'bgp-ts'
import { parsePrefix } from '../../policy/index.ts'

export interface CniFault {
  /** What is wrong, and what would be right. */
  readonly fault: string
  /** Path of the field in the file, and what stands there. */
  readonly field: string
  readonly value: unknown
}

/** The key that lists the CIDRs whose range sets were added here. */
export const addedKey = 'tandem.io/pod-cidrs'

type Mapping = { readonly [key: string]: unknown }

/** The plugin whose `ipam` is edited, and the whole file with another in its place. */
interface Place {
  readonly plugin: Mapping
  /** Path of the plugin in the file, to put before its fields. */
  readonly path: string
  put(plugin: Mapping): Mapping
}

/**
 * The text of CNI file `name` with a range set for each of `cidrs`, IPv4 before IPv6; the very same text when nothing is to change.
 * A CIDR that overlaps a range of the user's is not added: host-local refuses overlapping ranges, and with them every pod. Where the
 * user's is the wider one, that is a warning beside the text.
 * An empty list changes nothing: a node whose CIDRs are not known yet must not lose its ranges.
 */
export function withPodCidrs(
  text: string,
  name: string,
  cidrs: readonly Prefix[],
): { readonly text: string; readonly warning?: CniFault } | CniFault {
  const file = parseJson(text)
  if ('fault' in file) return file
  const place = pluginOf(file.mapping, name)
  if ('fault' in place) return place
  const { plugin, path } = place
  const ipam = plugin['ipam']
  if (!isMapping(ipam)) {
    return fault(
      `${path}ipam`,
      ipam,
      'is no mapping, so there is no place for the ranges of pods: {"type": "host-local"}',
    )
  }
  const modern = withoutLegacySubnet(ipam, path)
  if ('fault' in modern) return modern
  if (cidrs.length === 0) return { text }
  const { ranges, added } = fitted(modern.ranges, addedBefore(file.mapping), cidrs)
  const edited = remember(place.put({ ...plugin, ipam: { ...modern.rest, ranges } }), added)
  const isSame = JSON.stringify(edited) === JSON.stringify(file.mapping)
  const warning = tooWide(ranges, cidrs, `${path}ipam.ranges`)
  return { text: isSame ? text : `${JSON.stringify(edited, undefined, 2)}\n`, ...(warning && { warning }) }
}

function parseJson(text: string): { readonly mapping: Mapping } | CniFault {
  try {
    const value: unknown = JSON.parse(text)
    return isMapping(value) ? { mapping: value } : fault('file', text, 'is no JSON mapping')
  } catch (error) {
    return fault('file', text, `is no JSON: ${error instanceof Error ? error.message : error}`)
  }
}

/** Of a list the first plugin of type bridge; any other file is one plugin. */
function pluginOf(file: Mapping, name: string): Place | CniFault {
  if (!name.toLowerCase().endsWith('.conflist')) {
    if (typeof file['type'] === 'string') return { plugin: file, path: '', put: (plugin) => plugin }
    return fault('type', file['type'], 'names no plugin; a list of plugins belongs in a file that ends in .conflist')
  }
  const { plugins } = file
  if (!Array.isArray(plugins)) {
    return fault('plugins', plugins, 'is no list; a single plugin belongs in a file that ends in .conf')
  }
  const all: readonly unknown[] = plugins
  const index = all.findIndex((one) => isMapping(one) && one['type'] === 'bridge')
  const plugin = all[index]
  if (!isMapping(plugin)) {
    const types = all.map((one) => (isMapping(one) ? one['type'] : one))
    return fault('plugins', types, 'has no plugin of type bridge, whose ipam would hold the pod CIDRs')
  }
  return { plugin, path: `plugins[${index}].`, put: (changed) => ({ ...file, plugins: all.with(index, changed) }) }
}

/** `ipam` apart from its ranges, and its ranges with the older `subnet` as the first of them, as host-local reads it. */
function withoutLegacySubnet(
  ipam: Mapping,
  path: string,
): { readonly rest: Mapping; readonly ranges: readonly unknown[] } | CniFault {
  const ranges = ipam['ranges'] ?? []
  if (!Array.isArray(ranges))
    return fault(`${path}ipam.ranges`, ranges, 'is no list of lists such as [[{"subnet": "10.244.1.0/24"}]]')
  if (ipam['subnet'] === undefined) return { rest: ipam, ranges }
  const { subnet, ...rest } = ipam
  const prefix = typeof subnet === 'string' ? parsePrefix(subnet) : undefined
  if (!prefix) return fault(`${path}ipam.subnet`, subnet, 'is no CIDR such as 10.244.1.0/24')
  if (subnetsOf(ranges).some((other) => samePrefix(other, prefix))) return { rest, ranges }
  // These belong to the subnet: without it beside them they would mean nothing.
  const { rangeStart, rangeEnd, gateway, ...others } = rest
  const companions = Object.entries({ rangeStart, rangeEnd, gateway }).filter(([, value]) => value !== undefined)
  return { rest: others, ranges: [[{ subnet, ...Object.fromEntries(companions) }], ...ranges] }
}

/** The ranges without those that were added for other CIDRs, and with those that lack; and which of them are not the user's. */
function fitted(
  ranges: readonly unknown[],
  before: readonly Prefix[],
  cidrs: readonly Prefix[],
): { readonly ranges: readonly unknown[]; readonly added: readonly Prefix[] } {
  const isWanted = (prefix: Prefix) => cidrs.some((cidr) => samePrefix(cidr, prefix))
  const added: Prefix[] = []
  const kept = ranges.filter((set) => {
    const own = plainSubnet(set)
    if (!own || !before.some((prefix) => samePrefix(prefix, own))) return true
    if (isWanted(own)) added.push(own)
    return isWanted(own)
  })
  for (const cidr of inOrder(cidrs)) {
    if (subnetsOf(kept).some((other) => contains(other, cidr) || contains(cidr, other))) continue
    kept.push([{ subnet: formatPrefix(cidr) }])
    added.push(cidr)
  }
  return { ranges: kept, added }
}

function tooWide(ranges: readonly unknown[], cidrs: readonly Prefix[], field: string): CniFault | undefined {
  for (const subnet of subnetsOf(ranges)) {
    const cidr = cidrs.find((one) => contains(subnet, one) && !samePrefix(subnet, one))
    if (!cidr) continue
    const text = `is wider than the pod CIDR ${cidr} of this node: pods may get addresses that are routed to other nodes`
    return fault(field, String(subnet), text)
  }
  return undefined
}

function inOrder(cidrs: readonly Prefix[]): Prefix[] {
  return families.flatMap((family: Family) => cidrs.filter((cidr) => cidr.family === family))
}

/** The subnet of a range set that says nothing else, as those are that were added here. */
function plainSubnet(set: unknown): Prefix | undefined {
  const [range, ...others]: readonly unknown[] = Array.isArray(set) ? set : []
  if (!isMapping(range) || others.length > 0 || Object.keys(range).length !== 1) return undefined
  return subnetsOf([set])[0]
}

function subnetsOf(ranges: readonly unknown[]): Prefix[] {
  return ranges.flat().flatMap((range: unknown) => {
    const subnet = isMapping(range) ? range['subnet'] : undefined
    const prefix = typeof subnet === 'string' ? parsePrefix(subnet) : undefined
    return prefix ? [prefix] : []
  })
}

function addedBefore(file: Mapping): Prefix[] {
  const listed = file[addedKey]
  return Array.isArray(listed) ? subnetsOf(listed.map((subnet: unknown) => ({ subnet }))) : []
}

function remember(file: Mapping, added: readonly Prefix[]): Mapping {
  if (added.length > 0) return { ...file, [addedKey]: added.map(formatPrefix) }
  const { [addedKey]: _forgotten, ...rest } = file
  return rest
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const fault = (field: string, value: unknown, text: string): CniFault => ({ fault: text, field, value })
