/** What is shipped for Kubernetes: it fits together, and asks for no right that the daemon does not use. */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { expect } from 'chai'
import { parse, parseAllDocuments } from 'yaml'
import { flags, foreignFlags } from '../../daemon/config/flags.ts'
import { loadSettings, planOptions } from '../../daemon/config/settings.ts'
import { docker, given } from '../support/kustomize.ts'

const kustomize = join(docker, 'kustomize')

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> }
  readonly rules?: readonly Rule[]
  readonly roleRef?: { readonly kind: string; readonly name: string }
  readonly subjects?: readonly object[]
  readonly spec?: {
    readonly updateStrategy: object
    readonly template: { readonly spec: PodSpec }
  }
}

interface PodSpec {
  readonly securityContext: object
  readonly tolerations: readonly object[]
  readonly containers: readonly Container[]
  readonly volumes: readonly object[]
}

interface Container {
  readonly command?: readonly string[]
  readonly args: readonly string[]
  readonly env: readonly { readonly name: string; readonly valueFrom: { readonly fieldRef: { fieldPath: string } } }[]
  readonly securityContext: object
  readonly resources: { readonly requests: object; readonly limits: object }
  readonly livenessProbe: { readonly httpGet: object }
  readonly readinessProbe: { readonly httpGet: object }
  readonly volumeMounts: readonly object[]
}

interface Kustomization {
  readonly resources?: readonly string[]
  readonly components?: readonly string[]
  readonly patches?: readonly { readonly path?: string; readonly patch?: string }[]
}

const files = readdirSync(kustomize, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.yaml'))
  .sort()
const read = (path: string) =>
  parseAllDocuments(readFileSync(join(kustomize, path), 'utf8')).map((document) => document.toJS() as Manifest)
const everything = () => files.flatMap(read)
const kustomization = (folder: string) => read(`${folder}/kustomization.yaml`)[0] as unknown as Kustomization
const inside = (kind: string) => readdirSync(join(kustomize, kind)).map((name) => `${kind}/${name}`)
const overlays = inside('overlays')
const components = inside('components')
const folders = ['base', ...components, ...overlays]

const isDaemonSet = ({ kind }: Manifest) => kind === 'DaemonSet'
const daemonSet = () => everything().find(isDaemonSet)!.spec!
const pod = () => daemonSet().template.spec
const container = () => pod().containers[0]!

/** Of a kustomization, what its patches add to a list of the base. */
function added(folder: string, list: string): string[] {
  const operations = (kustomization(folder).patches ?? []).flatMap(
    ({ patch }) => parse(patch ?? '[]') as { readonly path: string; readonly value: string }[],
  )
  return operations.filter(({ path }) => path.endsWith(`/${list}/-`)).map(({ value }) => value)
}

const addedArguments = (folder: string) => added(folder, 'args')

/** Each kustomization's arguments as the daemon gets them. */
const commandLines = () => folders.map((folder) => ({ folder, line: [...container().args, ...addedArguments(folder)] }))

/** As a line each: what may be done with what, and in which role that stands. */
const rights = () =>
  everything().flatMap(({ kind, metadata, rules = [] }) =>
    rules.flatMap(({ apiGroups, resources, resourceNames, verbs }) =>
      resources.map((resource) => {
        const which = resourceNames ? ` ${resourceNames.join()}` : ''
        return `${kind} ${metadata.name}: ${apiGroups.join()}/${resource}${which}: ${verbs.join(' ')}`
      }),
    ),
  )

describe('the manifests', () => {
  for (const path of files) {
    it(`are YAML: ${path}`, () => {
      for (const { errors, warnings } of parseAllDocuments(readFileSync(join(kustomize, path), 'utf8'))) {
        expect([...errors, ...warnings]).to.deep.equal([])
      }
    })
  }

  it('name files and folders that there are', () => {
    for (const folder of folders) {
      const { resources = [], components: parts = [], patches = [] } = kustomization(folder)
      const named = [...resources, ...parts, ...patches.flatMap(({ path }) => path ?? [])]
      const missing = named.filter((name) => !existsSync(join(kustomize, folder, name)))
      expect(missing, folder).to.deep.equal([])
    }
  })

  it('leave out no file that is beside a kustomization', () => {
    const named = folders.flatMap((folder) => (kustomization(folder).resources ?? []).map((name) => join(folder, name)))
    const others = files.filter((path) => !path.endsWith('kustomization.yaml'))
    expect(others.filter((path) => !named.includes(path))).to.deep.equal([])
  })

  describe('rights', () => {
    it('are these and no others', () => {
      expect(rights()).to.have.members([
        'ClusterRole tandem: /nodes: get list watch',
        'ClusterRole tandem: /services: get list watch',
        'ClusterRole tandem: discovery.k8s.io/endpointslices: get list watch',
        'ClusterRole tandem: /events: create patch',
        'ClusterRole tandem-load-balancer: /services/status: patch',
        'Role tandem-load-balancer: coordination.k8s.io/leases: create',
        'Role tandem-load-balancer: coordination.k8s.io/leases kube-router-lballoc: get update',
        'ClusterRole tandem-node-status: /nodes: patch',
      ])
    })

    it('have no wildcard, and reach no Secret', () => {
      for (const { apiGroups, resources, verbs } of everything().flatMap(({ rules = [] }) => rules)) {
        expect([...apiGroups, ...resources, ...verbs].join(' ')).to.not.match(/\*|secret/i)
      }
    })

    it('are given to the service account of the daemon alone', () => {
      const bindings = everything().filter(({ kind }) => kind.endsWith('Binding'))
      const roles = everything().filter(({ rules }) => rules)
      expect(bindings.map(({ roleRef }) => `${roleRef?.kind} ${roleRef?.name}`)).to.have.members(
        roles.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      )
      for (const { subjects } of bindings) {
        expect(subjects).to.deep.equal([{ kind: 'ServiceAccount', name: 'tandem', namespace: 'tandem-system' }])
      }
    })
  })

  describe('the pod', () => {
    it("is on the node's network, in a namespace that allows it", () => {
      const namespace = everything().find(({ kind }) => kind === 'Namespace')
      expect(namespace?.metadata.labels).to.include({ 'pod-security.kubernetes.io/enforce': 'privileged' })
      expect(pod()).to.include({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' })
    })

    it('is a user, with one capability, on a file system it cannot write', () => {
      expect(pod().containers).to.have.length(1)
      expect(pod().securityContext).to.deep.equal({
        runAsNonRoot: true,
        runAsUser: 65532,
        runAsGroup: 65532,
        fsGroup: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      })
      expect(container().securityContext).to.deep.equal({
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
      })
    })

    it('sees the network of the node, and none of its processes, its memory or its files', () => {
      expect(pod()).to.not.have.any.keys('hostPID', 'hostIPC', 'shareProcessNamespace', 'initContainers')
      expect(container()).to.not.have.any.keys('envFrom', 'volumeDevices', 'lifecycle')
      const named = folders.flatMap((folder) => added(folder, 'volumes') as unknown as readonly { hostPath?: object }[])
      expect(named.filter(({ hostPath }) => hostPath)).to.deep.equal([
        { name: 'cni', hostPath: { path: dirname(flags['cni-conf-file'].default), type: 'Directory' } },
      ])
    })

    it('asks for little, and may not take the memory of the node', () => {
      expect(container().resources.requests).to.have.all.keys('cpu', 'memory')
      // A limit of processor time would stop keepalives and BFD in the middle of a burst: there is none.
      expect(container().resources.limits).to.have.all.keys('memory')
    })

    it('gets another capability from one component alone, which asks for another image', () => {
      const withMore = folders.filter((folder) => added(folder, 'capabilities/add').length > 0)
      expect(withMore).to.deep.equal(['components/kernel-routes'])
      expect(added('components/kernel-routes', 'capabilities/add')).to.deep.equal(['NET_ADMIN'])
    })

    it('can write where the admin socket is, and nowhere else', () => {
      expect(pod().volumes).to.deep.equal([{ name: 'run', emptyDir: {} }])
      expect(container().volumeMounts).to.deep.equal([
        { name: 'run', mountPath: dirname(flags['admin-socket'].default) },
      ])
    })

    it('runs on every node, and is replaced on one after the other', () => {
      expect(pod()).to.include({
        serviceAccountName: 'tandem',
        priorityClassName: 'system-node-critical',
        terminationGracePeriodSeconds: 30,
      })
      expect(pod().tolerations).to.deep.equal([{ operator: 'Exists' }])
      expect(daemonSet().updateStrategy).to.deep.equal({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } })
    })

    it('is told which node it is on', () => {
      const fields = container().env.map(({ name, valueFrom }) => [name, valueFrom.fieldRef.fieldPath])
      expect(Object.fromEntries(fields)).to.deep.equal({
        NODE_NAME: 'spec.nodeName',
        POD_NAME: 'metadata.name',
        POD_NAMESPACE: 'metadata.namespace',
      })
    })

    it('is probed at the port and address that health is served at by default', () => {
      const at = { host: String(flags['health-addr'].default), port: flags['health-port'].default }
      expect(at).to.deep.equal({ host: '127.0.0.1', port: 20244 })
      expect(container().livenessProbe.httpGet).to.deep.equal({ ...at, path: '/healthz' })
      expect(container().readinessProbe.httpGet).to.deep.equal({ ...at, path: '/readyz' })
    })
  })

  describe('flags', () => {
    it('are flags that there are, and do something', () => {
      for (const { folder, line } of commandLines()) {
        expect(line[0], folder).to.equal('run')
        for (const [name] of given(line)) {
          expect(foreignFlags, folder).to.not.have.property(name)
          expect(flags, folder).to.have.property(name)
        }
      }
    })

    it('have values that make sense, and fit together', () => {
      for (const { folder, line } of commandLines()) {
        const { settings } = loadSettings({ commandLine: Object.fromEntries(given(line)), environment: {} })
        expect(planOptions(settings, { NODE_NAME: 'node-1' }).nodeName, folder).to.equal('node-1')
      }
    })

    it('are given once each', () => {
      for (const { folder, line } of commandLines()) {
        expect(new Set(given(line).map(([name]) => name)).size, folder).to.equal(given(line).length)
      }
    })

    it('are what each component is for', () => {
      expect(Object.fromEntries(components.map((folder) => [folder, addedArguments(folder)]))).to.deep.equal({
        'components/cni': ['--enable-cni'],
        'components/kernel-routes': ['--install-routes'],
        'components/load-balancer': ['--run-loadbalancer'],
        'components/metrics': ['--metrics-port=20241'],
        'components/network-policy': [],
        'components/node-status': ['--node-status=annotation'],
      })
    })
  })

  describe('what may be reached', () => {
    interface Ports {
      readonly ports?: readonly { readonly protocol: string; readonly port: number }[]
    }
    interface NetworkPolicy {
      readonly metadata: { readonly name: string; readonly namespace: string }
      readonly spec: {
        readonly podSelector: object
        readonly policyTypes: readonly string[]
        readonly ingress?: readonly Ports[]
        readonly egress?: readonly Ports[]
      }
    }
    const policies = () => read('components/network-policy/network-policy.yaml') as unknown as NetworkPolicy[]
    const portsOf = (rules: readonly Ports[] = []) =>
      rules.flatMap(({ ports = [] }) => ports.map(({ protocol, port }) => `${protocol} ${port}`))
    const sessions = [`TCP ${flags['bgp-port'].default}`, 'UDP 3784', 'UDP 4784']
    const metricsPort = addedArguments('components/metrics')[0]?.split('=')[1]

    it('is in a namespace that is closed both ways to every pod', () => {
      const [closed] = policies()
      expect(closed?.spec).to.deep.equal({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] })
      for (const { metadata } of policies()) expect(metadata.namespace).to.equal('tandem-system')
    })

    it('is BGP, BFD, metrics and health of the daemon, which may reach routers, the API server and DNS', () => {
      const { podSelector, policyTypes, ingress, egress } = policies()[1]!.spec
      expect(podSelector).to.deep.equal({ matchLabels: { 'app.kubernetes.io/name': 'tandem' } })
      expect(policyTypes).to.deep.equal(['Ingress', 'Egress'])
      expect(portsOf(ingress)).to.deep.equal([...sessions, `TCP ${metricsPort}`, `TCP ${flags['health-port'].default}`])
      expect(portsOf(egress)).to.deep.equal([...sessions, 'TCP 443', 'TCP 6443', 'UDP 53', 'TCP 53'])
      // A rule without ports would open all of them.
      for (const rule of [...(ingress ?? []), ...(egress ?? [])]) expect(rule.ports).to.not.equal(undefined)
    })

    it('on the node itself is closed at the same ports by each of the host policies', () => {
      const all = [179, 3784, 4784, Number(metricsPort), flags['health-port'].default, flags['web-port'].default]
      const firewall = (name: string) => readFileSync(join(docker, 'firewall', name), 'utf8')
      const calico = parse(firewall('calico.yaml')) as {
        spec: { ingress: { action: string; protocol?: string; destination?: { ports: number[] } }[] }
      }
      const denied = calico.spec.ingress.filter(({ action }) => action === 'Deny')
      expect(denied.flatMap(({ destination }) => destination?.ports ?? [])).to.have.members(all)
      // What no rule names stays as it was.
      expect(calico.spec.ingress.at(-1)).to.deep.equal({ action: 'Pass' })
      const cilium = parse(firewall('cilium.yaml')) as {
        spec: {
          enableDefaultDeny: object
          ingress?: object
          ingressDeny: { toPorts: { ports: { port: string }[] }[] }[]
        }
      }
      expect(cilium.spec).to.deep.include({ nodeSelector: {}, enableDefaultDeny: { ingress: false } })
      const closed = cilium.spec.ingressDeny.flatMap(({ toPorts }) => toPorts.flatMap(({ ports }) => ports))
      expect(new Set(closed.map(({ port }) => Number(port)))).to.deep.equal(new Set(all))
      const dropped = [...firewall('nftables.conf').matchAll(/dport \{ ([\d, ]+) \} counter drop/g)]
      expect(dropped.flatMap(([, ports = '']) => ports.split(', ').map(Number))).to.have.members(all)
    })
  })

  describe('as kubectl makes them', () => {
    let folder: string

    before(function () {
      if (spawnSync('kubectl', ['version', '--client']).status !== 0) this.skip()
      folder = mkdtempSync(join(realpathSync(tmpdir()), 'tandem-kustomize-'))
    })

    after(() => {
      if (folder) rmSync(folder, { recursive: true, force: true })
    })

    const made = (path: string) => {
      const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', path], { encoding: 'utf8' })
      expect(status, stderr).to.equal(0)
      return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest)
    }
    const argumentsOf = (manifests: readonly Manifest[]) =>
      manifests.find(isDaemonSet)?.spec?.template.spec.containers[0]?.args

    for (const name of ['base', ...overlays]) {
      it(`are whole: ${name}`, function () {
        this.timeout(30_000)
        expect(argumentsOf(made(join(kustomize, name)))).to.deep.equal([
          ...container().args,
          ...(name === 'base' ? [] : addedArguments(name)),
        ])
      })
    }

    it('are whole in the lab for containerlab, with an image that is not pulled', function () {
      this.timeout(30_000)
      const manifests = made(join(docker, 'containerlab/tandem'))
      const { args, image } = manifests.find(isDaemonSet)!.spec!.template.spec.containers[0] as Container & {
        image: string
      }
      expect(image).to.equal('tandem:lab')
      expect(args).to.include.members(['--run-loadbalancer', '--override-nexthop'])
    })

    it('are whole with every component on top of an overlay', function () {
      this.timeout(30_000)
      const from = (name: string) => relative(folder, realpathSync(join(kustomize, name)))
      const own = { resources: [from('overlays/tor-ebgp')], components: components.map(from) }
      writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(own))
      const manifests = made(folder)
      expect(argumentsOf(manifests)).to.deep.equal([
        ...container().args,
        ...['overlays/tor-ebgp', ...components].flatMap(addedArguments),
      ])
      expect(manifests.flatMap(({ rules = [] }) => rules)).to.have.length(
        everything().flatMap((m) => m.rules ?? []).length,
      )
      const mounts = manifests.find(isDaemonSet)?.spec?.template.spec.containers[0]?.volumeMounts
      expect(mounts).to.deep.include({ name: 'cni', mountPath: dirname(flags['cni-conf-file'].default) })
    })
  })
})

describe('the page of this folder', () => {
  it('has a line for all that is in it', () => {
    const rows = readFileSync(join(docker, 'README.md'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) => line.split('|')[1]!)
    const parts = [...readdirSync(docker), ...overlays.map((name) => `kustomize/${name}`)].filter(
      (name) => !['README.md', 'Dockerfile.dockerignore', 'kustomize', 'helm'].includes(name),
    )
    const all = [...parts, 'kustomize/base', 'helm/tandem', ...inside('components').map((name) => name.split('/')[1]!)]
    expect(all.filter((name) => !rows.some((row) => row.includes(`\`${name}\``)))).to.deep.equal([])
  })
})

describe('the image', () => {
  const lines = readFileSync(join(docker, 'Dockerfile'), 'utf8').split('\n')
  const last = (instruction: string) =>
    lines.findLast((line) => line.startsWith(`${instruction} `))?.slice(instruction.length + 1)

  it('runs as the user of the manifest', () => {
    expect(last('USER')).to.equal('65532:65532')
  })

  it('starts the Node that carries the capability, with nothing in between: no_new_privs would take it away', () => {
    const [started] = JSON.parse(last('ENTRYPOINT') ?? '[]') as string[]
    const carrier = /setcap cap_net_bind_service=\+ep (\S+)/.exec(lines.join('\n'))?.[1]
    expect(started).to.equal('/app/node')
    expect(carrier).to.equal(started)
    expect(container().command).to.equal(undefined)
  })

  it('for kernel routes has iproute2, and Node and setpriv carry NET_ADMIN to it; the plain one comes last', () => {
    const text = lines.join('\n')
    const stages = text.split(/^FROM /m).slice(1)
    const kernel = stages.find((stage) => /^\S+ AS kernel-routes$/m.test(stage)) ?? ''
    expect(kernel).to.include('install -y --no-install-recommends iproute2')
    const command = /TANDEM_INSTALL_ROUTES_COMMAND="([^"]+)"/.exec(kernel)?.[1] ?? ''
    const { settings } = loadSettings({ commandLine: {}, environment: { TANDEM_INSTALL_ROUTES_COMMAND: command } })
    expect(settings['install-routes-command'].join(' ')).to.equal(command)
    expect(text).to.include(`setcap cap_net_admin=+ep ${command.split(' ')[0]}`)
    expect(text).to.include(`setcap cap_net_bind_service,cap_net_admin=+ep ${JSON.parse(last('ENTRYPOINT')!)[0]}`)
    expect(stages.at(-1)).to.not.match(/iproute2|setpriv/)
    for (const instruction of ['USER', 'ENTRYPOINT', 'CMD']) {
      expect(kernel, instruction).to.include(`${instruction} ${last(instruction)}`)
    }
  })

  it('is built of what the lock file pins, and keeps the tools of the build out', () => {
    const stages = lines
      .join('\n')
      .split(/^FROM /m)
      .slice(1)
    const shipped = stages.filter((stage) => /^ENTRYPOINT /m.test(stage))
    expect(shipped).to.have.length(2)
    for (const stage of shipped) {
      expect(stage).to.match(/^COPY --from=build\S* \/app \/app$/m)
      expect(stage).to.not.match(/npm|node_modules|setcap|curl|wget|^ADD /m)
    }
    expect(lines.filter((line) => /^ADD |https?:\/\//.test(line))).to.deep.equal([])
  })

  it('has files that there are', () => {
    const root = join(docker, '..')
    const copied = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) =>
        line
          .split(' ')
          .slice(1, -1)
          .filter((word) => !word.startsWith('--')),
      )
    expect(copied).to.include('docker/tandem')
    expect(copied.filter((path) => !existsSync(join(root, path)))).to.deep.equal([])
  })
})
