/**
 * Which load-balancer addresses services should have: all services and the pools in, the lists that change out. Pure and deterministic.
 *
 * What a service has and may have stays. An address counts as used while any service shows it, also one that is being released: it is
 * given again only after the release was seen. So two services never meet on one address, whatever the order of the writes.
 */

import type { Address, Prefix } from 'bgp-ts'
import { parseAddress } from '../../policy/index.ts'
import { splitList } from '../annotations/values.ts'
import { type Finding, finding } from '../findings.ts'
import { serviceAnnotations } from '../plan/service-vips.ts'
import type { ServiceView } from '../view.ts'
import { type IpFamily, Pools } from './pools.ts'

/** The fields of a Service that decide about its addresses. */
export interface LoadBalancerService {
  readonly namespace: string
  readonly name: string
  readonly type: string
  readonly loadBalancerClass?: string | undefined
  readonly ipFamilies: readonly IpFamily[]
  readonly ipFamilyPolicy?: string | undefined
  /** Addresses that are asked for, `spec.loadBalancerIP` first; one a family. */
  readonly requested: readonly string[]
  readonly externalIps: readonly string[]
  /** `status.loadBalancer.ingress`. */
  readonly ingress: readonly { readonly ip?: string; readonly hostname?: string; readonly ipMode?: string }[]
  readonly deleting: boolean
}

export interface AllocateOptions {
  /** Services without a class, or of class `default`, are ours too. */
  readonly defaultClass: boolean
}

export interface Allocation {
  /** Services whose addresses change, by `namespace/name`, with the whole new list. */
  readonly assignments: readonly { readonly key: string; readonly ingress: readonly string[] }[]
  readonly findings: readonly Finding[]
}

export const loadBalancerIpsAnnotation = serviceAnnotations.loadBalancerIps

const requestField = `${loadBalancerIpsAnnotation} or spec.loadBalancerIP`
const rangeFlag = '--loadbalancer-ip-range'
const ingressField = 'status.loadBalancer.ingress'

export const keyOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }) =>
  `${namespace}/${name}`

const objectOf = (service: LoadBalancerService) => `service/${keyOf(service)}`

export function loadBalancerService(service: ServiceView): LoadBalancerService {
  const { namespace, name, type, loadBalancerClass, ipFamilyPolicy, externalIps, ingress, deleting } = service
  const listed = splitList(service.annotations[loadBalancerIpsAnnotation] ?? '')
  const requested = [service.loadBalancerIp ?? '', ...listed].filter((text) => text !== '')
  const ipFamilies = service.ipFamilies.filter((family) => family === 'IPv4' || family === 'IPv6')
  return {
    namespace,
    name,
    type,
    loadBalancerClass,
    ipFamilies,
    ipFamilyPolicy,
    requested,
    externalIps,
    ingress,
    deleting,
  }
}

/** Whether the addresses of this service are given out here. */
export function isOurs(service: LoadBalancerService, { defaultClass }: AllocateOptions): boolean {
  if (service.type !== 'LoadBalancer') return false
  const name = service.loadBalancerClass ?? ''
  return name === 'kube-router' || name === 'tandem' || (defaultClass && (name === '' || name === 'default'))
}

export function allocate(
  services: Iterable<LoadBalancerService>,
  pools: readonly Prefix[],
  options: AllocateOptions,
): Allocation {
  // By name, not by arrival: the same services give the same addresses.
  const all = [...services].sort((a, b) => compareTexts(keyOf(a), keyOf(b)))
  const ours = all.filter((service) => isOurs(service, options) && !service.deleting && service.ipFamilies.length > 0)
  const space = new Pools(pools)
  for (const service of all) {
    for (const address of shownAddresses(service)) space.take(address, keyOf(service))
  }
  // What one service asks for by name is not given to another that takes any.
  for (const service of ours) for (const { address } of requestsOf(service)) if (address) space.setAside(address)
  const findings: Finding[] = sharedAddresses(ours)
  const assignments: { key: string; ingress: readonly string[] }[] = []
  for (const service of ours) {
    const outcome = settle(service, space)
    findings.push(...outcome.findings)
    if (outcome.ingress) assignments.push({ key: keyOf(service), ingress: outcome.ingress })
  }
  return { assignments, findings }
}

interface Held {
  readonly text: string
  readonly address: Address | undefined
}

/** How it stands with one family of a service: it keeps what it has, gets an address in place of that, or lacks one. */
type Answer =
  | { readonly kind: 'keeps' }
  | { readonly kind: 'gets'; readonly family: IpFamily; readonly address: Address }
  | { readonly kind: 'lacks'; readonly finding?: Finding }

function settle(
  service: LoadBalancerService,
  space: Pools,
): { readonly ingress: readonly string[] | undefined; readonly findings: readonly Finding[] } {
  const held = heldBy(service)
  const answers = service.ipFamilies.map((family) => answer(service, family, held, space))
  const lacks = answers.some(({ kind }) => kind === 'lacks')
  const isAllOrNothing = lacks && service.ipFamilyPolicy === 'RequireDualStack'
  const gets = isAllOrNothing ? [] : answers.filter((one) => one.kind === 'gets')
  const kept = held.filter(({ address }) => {
    const family = address && ipFamilyOf(address)
    return !family || (service.ipFamilies.includes(family) && !gets.some((one) => one.family === family))
  })
  for (const { address } of gets) space.take(address, keyOf(service))
  const findings = [
    ...unreadRequests(service),
    ...answers.flatMap((one) => (one.kind === 'lacks' && one.finding ? [one.finding] : [])),
    ...outsidePools(service, kept, space),
  ]
  const isSame = gets.length === 0 && kept.length === held.length
  const ingress = isSame ? undefined : [...kept.map(({ text }) => text), ...gets.map(({ address }) => String(address))]
  return { ingress, findings }
}

function answer(service: LoadBalancerService, family: IpFamily, held: readonly Held[], space: Pools): Answer {
  const mine = held.filter(({ address }) => address && ipFamilyOf(address) === family)
  const requests = requestsOf(service)
  const request = requests.find(({ address }) => address && ipFamilyOf(address) === family)
  if (request?.address) {
    if (mine.some(({ address }) => String(address) === String(request.address))) return { kind: 'keeps' }
    const problem = space.obstacle(request.address, keyOf(service))
    if (!problem) return { kind: 'gets', family, address: request.address }
    // A wish that cannot be met takes nothing away.
    const meanwhile =
      mine.length > 0 ? `it keeps ${mine.map(({ text }) => text).join(', ')}` : `no ${family} address is given`
    const words = { problem, meanwhile, policy: service.ipFamilyPolicy ?? '' }
    return lacking(finding('request-refused', objectOf(service), requestField, request.text, words))
  }
  if (mine.length > 0) return { kind: 'keeps' }
  // It was meant for one of the families, and nobody knows which.
  if (requests.some(({ address }) => !address)) return { kind: 'lacks' }
  const address = space.free(family)
  if (address) return { kind: 'gets', family, address }
  const kind = space.has(family) ? 'range-used-up' : 'family-without-range'
  const words = { range: rangeFlag, policy: service.ipFamilyPolicy ?? '' }
  return lacking(finding(kind, objectOf(service), 'spec.ipFamilies', family, words))
}

const lacking = (why: Finding): Answer => ({ kind: 'lacks', finding: why })

interface Request {
  readonly text: string
  readonly address: Address | undefined
}

function requestsOf(service: LoadBalancerService): Request[] {
  return service.requested.map((text) => ({ text, address: parseAddress(text) }))
}

/** Requests that come to nothing by themselves: no address, not of the service's families, or a second one of a family. */
function unreadRequests(service: LoadBalancerService): Finding[] {
  const chosen = new Map<IpFamily, string>()
  return requestsOf(service).flatMap(({ text, address }) => {
    const object = objectOf(service)
    if (!address) return [finding('request-invalid', object, requestField, text)]
    const family = ipFamilyOf(address)
    if (!service.ipFamilies.includes(family))
      return [finding('request-of-another-family', object, requestField, text, { family })]
    const first = chosen.get(family)
    chosen.set(family, first ?? String(address))
    if (first === undefined || first === String(address)) return []
    return [finding('request-second', object, requestField, text, { family, first })]
  })
}

/** Kept all the same: a mistake in a flag must not renumber the services of a cluster. */
function outsidePools(service: LoadBalancerService, kept: readonly Held[], space: Pools): Finding[] {
  return kept.flatMap(({ text, address }) => {
    if (!address || space.holds(address)) return []
    return [finding('address-outside-ranges', objectOf(service), ingressField, text, { range: rangeFlag })]
  })
}

/** Left as they are, since both may be in use; but whoever is reached there is chance. */
function sharedAddresses(ours: readonly LoadBalancerService[]): Finding[] {
  const holders = new Map<string, LoadBalancerService>()
  return ours.flatMap((service) =>
    heldBy(service).flatMap(({ text, address }) => {
      const holder = holders.get(String(address ?? text))
      if (holder) {
        return [finding('address-held-twice', objectOf(service), ingressField, text, { holder: objectOf(holder) })]
      }
      holders.set(String(address ?? text), service)
      return []
    }),
  )
}

function heldBy(service: LoadBalancerService): Held[] {
  return service.ingress.flatMap(({ ip }) => (ip === undefined ? [] : [{ text: ip, address: parseAddress(ip) }]))
}

function shownAddresses(service: LoadBalancerService): Address[] {
  const texts = [...service.externalIps, ...service.ingress.flatMap(({ ip }) => ip ?? [])]
  return texts.flatMap((text) => parseAddress(text) ?? [])
}

const compareTexts = (a: string, b: string) => Number(a > b) - Number(a < b)

function ipFamilyOf(address: Address): IpFamily {
  return address.version === 4 ? 'IPv4' : 'IPv6'
}
