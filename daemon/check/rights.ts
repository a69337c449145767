/** What the daemon has to be allowed to ask of the API server, by what it is asked to do. */

import { type ApiClient, leaseName } from '../../controllers/index.ts'
import type { Settings } from '../config/flags.ts'
import type { RightFacts } from './checks.ts'

interface Right {
  readonly verbs: readonly string[]
  /** With its subresource behind a slash. */
  readonly resource: string
  readonly group?: string
  readonly namespace?: string
  readonly name?: string
  readonly needed: string
}

const looks = ['list', 'watch']
const leases = { resource: 'leases', group: 'coordination.k8s.io', needed: 'one elected daemon gives addresses out' }

function rightsFor(settings: Settings, namespace: string): Right[] {
  const events = 'what is wrong is said in events; or say --events=false'
  const slices = 'a VIP under the Local policy is advertised where its endpoints are'
  return [
    { verbs: looks, resource: 'nodes', needed: 'peers, addresses and pod CIDRs are on Nodes' },
    { verbs: looks, resource: 'services', needed: 'VIPs are on Services' },
    { verbs: looks, resource: 'endpointslices', group: 'discovery.k8s.io', needed: slices },
    ...(settings.events ? [{ verbs: ['create', 'patch'], resource: 'events', needed: events }] : []),
    ...(settings['node-status'] === 'annotation'
      ? [{ verbs: ['patch'], resource: 'nodes', needed: '--node-status writes to the Node' }]
      : []),
    ...(settings['run-loadbalancer']
      ? [
          { verbs: ['patch'], resource: 'services/status', needed: '--run-loadbalancer gives services addresses' },
          { ...leases, verbs: ['create'], namespace },
          // A name cannot be asked for with create.
          { ...leases, verbs: ['get', 'update'], namespace, name: leaseName },
        ]
      : []),
  ]
}

/** Asks the server itself (SelfSubjectAccessReview), once for each verb. `namespace`: that of the daemon. */
export async function rightFacts(api: ApiClient, settings: Settings, namespace: string): Promise<RightFacts[]> {
  const asked = rightsFor(settings, namespace).flatMap(({ verbs, ...right }) =>
    verbs.map((verb) => ({ ...right, verb })),
  )
  return Promise.all(
    asked.map(async ({ verb, resource, needed, group = '', ...where }): Promise<RightFacts> => {
      const [plural, subresource] = resource.split('/')
      const resourceAttributes = { group, resource: plural, verb, ...(subresource && { subresource }), ...where }
      const answer = (await api.request({
        method: 'POST',
        path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        contentType: 'application/json',
        body: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: { resourceAttributes },
        },
      })) as { status?: { allowed?: boolean } }
      return { right: `${verb} ${resource}`, allowed: answer.status?.allowed === true, needed }
    }),
  )
}
