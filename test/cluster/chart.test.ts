/**
 * The Helm chart, by helm itself and against a real API server: it makes what the kustomize base makes, each setting brings the rights that it needs
 * and no others, and a setting that there is not is refused by its name.
 */

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseAllDocuments } from 'yaml'
import { readDocument } from '../../daemon/config/document.ts'
import { readKubernetesFile } from '../../daemon/config/kubernetes-file.ts'
import { loadSettings } from '../../daemon/config/settings.ts'
import type { KubeObject } from '../support/kube-objects.ts'
import { servers } from './given.ts'
import { findHelm } from './servers.ts'
import { Stage } from './stage.ts'

const docker = join(import.meta.dirname, '../../docker')
const chart = join(docker, 'helm/tandem')

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

interface Manifest extends KubeObject {
  readonly rules?: readonly Rule[]
  readonly data?: Readonly<Record<string, string>>
  readonly spec?: {
    readonly updateStrategy: object
    readonly template: { readonly spec: PodSpec }
  }
}

interface NetworkPolicySpec {
  readonly podSelector: object
  readonly policyTypes: readonly string[]
  readonly ingress?: readonly { readonly ports: readonly { readonly port: number }[] }[]
  readonly egress?: readonly { readonly ports: readonly { readonly port: number }[] }[]
}

interface PodSpec {
  readonly containers: readonly {
    readonly args: readonly string[]
    readonly volumeMounts: readonly { readonly name: string }[]
    readonly securityContext: { readonly capabilities: { readonly add: readonly string[] } }
  }[]
  readonly volumes: readonly { readonly name: string }[]
}

const read = (text: string) => parseAllDocuments(text).flatMap((document) => (document.toJS() as Manifest | null) ?? [])
const fromFile = (...names: readonly string[]) =>
  names.flatMap((name) => read(readFileSync(join(docker, 'kustomize', name), 'utf8')))
const pod = (manifests: readonly Manifest[]) => manifests.find(({ kind }) => kind === 'DaemonSet')!.spec!.template.spec
const rights = (manifests: readonly Manifest[]) =>
  manifests.flatMap(({ kind, rules = [] }) => rules.map((rule) => JSON.stringify([kind, rule]))).sort()

describe('the Helm chart', function () {
  this.timeout(900_000)
  let helm: string
  let folder: string

  before(async function () {
    const found = await findHelm((line) => void process.stdout.write(`${line}\n`))
    if (typeof found !== 'string') {
      process.stdout.write(`not tried: this machine lacks ${found.missing}\n`)
      this.skip()
    }
    helm = found as string
    folder = mkdtempSync(join(tmpdir(), 'tandem-chart-'))
  })

  after(() => {
    if (folder) rmSync(folder, { recursive: true, force: true })
  })

  const render = (values: object) => {
    const file = join(folder, 'values.yaml')
    writeFileSync(file, JSON.stringify(values))
    const words = ['template', 'tandem', chart, '-n', 'tandem-system', '--kube-version', '1.34.0', '-f', file]
    return spawnSync(helm, words, { encoding: 'utf8' })
  }
  const made = (config: object, more: object = {}) => {
    const { status, stdout, stderr } = render({ config, ...more })
    expect(status, stderr).to.equal(0)
    return read(stdout)
  }

  it('has nothing that helm finds fault with', () => {
    expect(execFileSync(helm, ['lint', '--strict', chart], { encoding: 'utf8' })).to.include('0 chart(s) failed')
  })

  it('makes the pod and the rights of the kustomize base, with settings in a file in place of arguments', () => {
    const own = made({})
    const base = fromFile('base/daemonset.yaml', 'base/rbac.yaml')
    expect(rights(own)).to.deep.equal(rights(base))
    const plain = (manifests: readonly Manifest[]) => {
      const spec = pod(manifests)
      const isRun = ({ name }: { readonly name: string }) => name === 'run'
      const containers = spec.containers.map(({ args: _args, volumeMounts, ...rest }) => {
        return { imagePullPolicy: 'IfNotPresent', ...rest, volumeMounts: volumeMounts.filter(isRun) }
      })
      return { ...spec, containers, volumes: spec.volumes.filter(isRun) }
    }
    expect(plain(own)).to.deep.equal(plain(base))
    expect(pod(own).containers[0]?.args).to.deep.equal(['run', '--config=/etc/tandem/tandem.yaml'])
  })

  it('gives the daemon a file that it takes, with the same settings as the arguments of the base', () => {
    const policies = {
      'cluster-asn': 64600,
      'peer-router-ips': ['10.0.0.1', 'fd00::1'],
      'peer-router-asns': [65001, 65001],
      'peer-policies': [{ 'max-path-length': 50 }],
    }
    const text = made(policies).find(({ kind }) => kind === 'ConfigMap')!.data!['tandem.yaml']!
    const file = join(folder, 'tandem.yaml')
    writeFileSync(file, text)
    const { settings } = loadSettings({ commandLine: { config: file }, environment: {} })
    expect(settings).to.include({ 'cluster-asn': 64600, 'advertise-cluster-ip': true, 'bgp-graceful-restart': true })
    expect(settings['peer-router-ips'].map(String)).to.deep.equal(['10.0.0.1', 'fd00::1'])
    expect(readKubernetesFile(readDocument(file, text)).policies[0]?.border).to.include({ maxPathLength: 50 })
  })

  it('brings with each setting the rights that it needs', () => {
    const base = rights(fromFile('base/rbac.yaml'))
    const more = (config: object) => rights(made(config)).filter((one) => !base.includes(one))
    const component = (name: string) => rights(fromFile(`components/${name}/rbac.yaml`))
    expect(more({ 'run-loadbalancer': true })).to.deep.equal(component('load-balancer'))
    expect(more({ 'node-status': 'annotation' })).to.deep.equal(component('node-status'))
    expect(more({ 'node-status': 'none', 'enable-cni': true, 'install-routes': true })).to.deep.equal([])
    const capabilities = (config: object) => pod(made(config)).containers[0]?.securityContext.capabilities.add
    expect(capabilities({})).to.deep.equal(['NET_BIND_SERVICE'])
    expect(capabilities({ 'install-routes': true })).to.deep.equal(['NET_BIND_SERVICE', 'NET_ADMIN'])
    const mounts = (config: object, values: object = {}) => pod(made(config, values)).volumes.map(({ name }) => name)
    expect(mounts({ 'enable-cni': true })).to.deep.equal(['run', 'config', 'cni'])
    expect(mounts({}, { passwordsSecret: 'tor-keys' })).to.deep.equal(['run', 'config', 'passwords'])
  })

  it('closes the namespace as the component does, where it is asked to, at the ports of its settings', () => {
    const closing = (config: object) => {
      const policies = made(config, { networkPolicy: { enabled: true } }).filter(({ kind }) => kind === 'NetworkPolicy')
      return policies.map(({ spec }) => spec as unknown as NetworkPolicySpec)
    }
    const component = fromFile('components/network-policy/network-policy.yaml').map(
      ({ spec }) => spec as unknown as NetworkPolicySpec,
    )
    const rules = (specs: readonly NetworkPolicySpec[]) =>
      specs.map(({ policyTypes, ingress, egress }) => ({ policyTypes, ingress, egress }))
    expect(made({}).filter(({ kind }) => kind === 'NetworkPolicy')).to.deep.equal([])
    expect(rules(closing({}))).to.deep.equal(rules(component))
    const [closed, own] = closing({
      'metrics-port': 9100,
      'bfd-port': 3999,
      'bgp-port': 2179,
      'peer-router-ports': [1179, 179],
    })
    expect(closed?.podSelector).to.deep.equal({})
    const ports = (list: NetworkPolicySpec['ingress']) => list?.flatMap((rule) => rule.ports.map(({ port }) => port))
    expect(ports(own?.ingress)).to.deep.equal([2179, 3999, 9100, 20244])
    expect(ports(own?.egress)).to.deep.equal([179, 3999, 1179, 2179, 443, 6443, 53, 53])
    expect(ports(closing({ 'peer-router-ports': '1179,179' })[1]?.egress)).to.include(1179)
  })

  it('refuses what it does not know, and says where', () => {
    for (const [values, place] of [
      [{ config: { 'cluster-asnn': 64512 } }, /cluster-asnn/],
      [{ config: { 'advertise-cluster-ip': 'perhaps' } }, /advertise-cluster-ip/],
      [{ imagee: {} }, /imagee/],
      [{ networkPolicy: { enabled: true, apiServerPorts: ['https'] } }, /apiServerPorts/],
    ] as const) {
      const { status, stderr } = render(values)
      expect(status).to.not.equal(0)
      expect(stderr).to.match(place)
    }
  })

  it('makes objects that a real API server takes as they are, field by field', async () => {
    const stage = await Stage.set(servers())
    try {
      const all = { 'run-loadbalancer': true, 'node-status': 'annotation', 'enable-cni': true, 'install-routes': true }
      for (const object of made(all, { passwordsSecret: 'tor-keys', networkPolicy: { enabled: true } })) {
        await stage.control.tryOut(object)
      }
    } finally {
      await stage.clear()
    }
  })
})
