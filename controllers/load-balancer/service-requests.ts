/**
 * What is asked of the API server about services, and how a service's addresses are written: as a JSON patch of its status that first
 * tests what it was made for. It fails as a whole when the service is another one of the same name, or when its entries are not the ones
 * that were seen; entries that stay are not touched.
 */

import type { ApiClient, ApiRequest } from '../api/client.ts'
import { project } from '../source/project.ts'
import type { ServiceView } from '../view.ts'

interface Operation {
  readonly op: 'test' | 'add' | 'remove'
  readonly path: string
  readonly value?: unknown
}

const pageSize = '500'
const root = '/status/loadBalancer'

export const servicePath = ({ namespace, name }: ServiceView) => `/api/v1/namespaces/${namespace}/services/${name}`

export const ipsOf = ({ ingress }: ServiceView): string[] => ingress.flatMap(({ ip }) => ip ?? [])

export function sameIps(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((ip) => others.includes(ip))
}

/** The request that makes the IP addresses of `seen` those of `wanted`. Entries of host names stay. */
export function ingressPatch(seen: ServiceView, wanted: readonly string[]): ApiRequest {
  const missing = wanted.filter((ip) => !ipsOf(seen).includes(ip)).map((ip) => ({ ip }))
  return {
    method: 'PATCH',
    path: `${servicePath(seen)}/status`,
    contentType: 'application/json-patch+json',
    body: [{ op: 'test', path: '/metadata/uid', value: seen.uid }, ...changes(seen.ingress, wanted, missing)],
  }
}

function changes(
  entries: ServiceView['ingress'],
  wanted: readonly string[],
  missing: readonly { readonly ip: string }[],
): Operation[] {
  const path = `${root}/ingress`
  if (entries.length === 0) {
    return [
      { op: 'test', path: root, value: {} },
      { op: 'add', path, value: missing },
    ]
  }
  const tests = entries.flatMap(({ ip, hostname }, index): Operation[] => {
    if (ip !== undefined) return [{ op: 'test', path: `${path}/${index}/ip`, value: ip }]
    return hostname === undefined ? [] : [{ op: 'test', path: `${path}/${index}/hostname`, value: hostname }]
  })
  const added = missing.map((value): Operation => ({ op: 'add', path: `${path}/-`, value }))
  // From the end, so that an index means what it meant; after what is added at the end.
  const removed = entries.flatMap(({ ip }, index): Operation[] => {
    return ip === undefined || wanted.includes(ip) ? [] : [{ op: 'remove', path: `${path}/${index}` }]
  })
  return [...tests, ...added, ...removed.reverse()]
}

/** All services as the server has them now. */
export async function listServices(api: ApiClient, signal: AbortSignal): Promise<ServiceView[]> {
  const services: ServiceView[] = []
  let next = ''
  do {
    const query = { limit: pageSize, ...(next !== '' && { continue: next }) }
    const page = (await api.request({ path: '/api/v1/services', query, signal })) as {
      readonly items?: readonly unknown[] | null
      readonly metadata?: { readonly continue?: string }
    }
    services.push(...(page.items ?? []).flatMap((item) => serviceOf(item) ?? []))
    next = page.metadata?.continue ?? ''
  } while (next !== '')
  return services
}

/** The service in an answer. Throws when it is none. */
export function readService(answer: unknown): ServiceView {
  const service = serviceOf(answer)
  if (!service) throw new Error('the API server answered with something that is no Service')
  return service
}

/** Items of a list do not say their kind. */
function serviceOf(object: unknown): ServiceView | undefined {
  const projected = project({ ...(object as object), kind: 'Service' }, 'service')
  return projected && 'kind' in projected && projected.kind === 'Service' ? projected.value : undefined
}
