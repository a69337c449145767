/** What is shipped for Kubernetes: it fits together, and asks for no right that the daemon does not use. */

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseAllDocuments } from 'yaml'
import { flags } from '../../daemon/config/flags.ts'

const kustomize = join(import.meta.dirname, '../../docker/kustomize')

interface Rule {
  readonly apiGroups: string[]
  readonly resources: string[]
  readonly verbs: string[]
}

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly rules?: readonly Rule[]
  readonly spec?: { readonly template: { readonly spec: PodSpec } }
}

interface PodSpec {
  readonly hostNetwork: boolean
  readonly securityContext: { readonly runAsNonRoot: boolean; readonly runAsUser: number }
  readonly containers: readonly {
    readonly args: readonly string[]
    readonly securityContext: object
    readonly livenessProbe: { readonly httpGet: object }
    readonly readinessProbe: { readonly httpGet: object }
  }[]
}

const read = (path: string) =>
  parseAllDocuments(readFileSync(join(kustomize, path), 'utf8')).map((document) => document.toJS() as Manifest)
const rightsIn = (path: string) =>
  read(path).flatMap(({ rules = [] }) =>
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      resources.map((resource) => `${apiGroups.join()}/${resource}: ${verbs.join(' ')}`),
    ),
  )
const daemonSet = () => read('base/daemonset.yaml')[0]!.spec!.template.spec
const folders = [
  'base',
  ...['components', 'overlays'].flatMap((kind) => readdirSync(join(kustomize, kind)).map((name) => `${kind}/${name}`)),
]

describe('the manifests', () => {
  it('give the daemon these rights and no others', () => {
    expect(rightsIn('base/rbac.yaml')).to.deep.equal([
      '/nodes: get list watch',
      '/services: get list watch',
      'discovery.k8s.io/endpointslices: get list watch',
      '/events: create patch',
    ])
    expect(rightsIn('components/load-balancer/rbac.yaml')).to.deep.equal([
      '/services/status: patch',
      'coordination.k8s.io/leases: create',
      'coordination.k8s.io/leases: get update',
    ])
    expect(rightsIn('components/node-status/rbac.yaml')).to.deep.equal(['/nodes: patch'])
  })

  it('run it as a user, with one capability, on a file system it cannot write', () => {
    const { securityContext, containers } = daemonSet()
    expect(securityContext).to.include({ runAsNonRoot: true, runAsUser: 65532 })
    expect(containers[0]?.securityContext).to.deep.include({
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
    })
  })

  it('probe the port and address that health is served at by default', () => {
    const [container] = daemonSet().containers
    const at = { host: String(flags['health-addr'].default), port: flags['health-port'].default }
    expect(container?.livenessProbe.httpGet).to.deep.equal({ ...at, path: '/healthz' })
    expect(container?.readinessProbe.httpGet).to.deep.equal({ ...at, path: '/readyz' })
  })

  it('use flags that there are', () => {
    const text = folders.map((folder) => readFileSync(join(kustomize, folder, 'kustomization.yaml'), 'utf8')).join('\n')
    const used = [
      ...daemonSet().containers[0]!.args,
      ...[...text.matchAll(/value: (--[a-z0-9-]+)/g)].map(([, flag]) => flag!),
    ]
    for (const flag of used.filter((one) => one.startsWith('--'))) {
      expect(flags, flag).to.have.property(flag.slice(2).split('=')[0]!)
    }
  })

  it('name files that there are', () => {
    for (const folder of folders) {
      const { resources = [] } = read(`${folder}/kustomization.yaml`)[0] as unknown as { resources?: string[] }
      for (const name of resources)
        expect(existsSync(join(kustomize, folder, name)), `${folder}/${name}`).to.equal(true)
    }
  })

  it('are taken by kubectl, where there is one', function () {
    if (spawnSync('kubectl', ['version', '--client']).status !== 0) this.skip()
    for (const folder of folders.filter((one) => !one.startsWith('components'))) {
      const { status, stderr } = spawnSync('kubectl', ['kustomize', join(kustomize, folder)], { encoding: 'utf8' })
      expect(status, `${folder}: ${stderr}`).to.equal(0)
    }
  })
})
