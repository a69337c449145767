/**
 * One node with the daemon as it is deployed, a recording router and a real API server. The daemon runs as in its pod: not as root, with
 * the one capability of its manifest, under the service account that the shipped RBAC gives rights to.
 */

import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Plan } from '../../controllers/index.ts'
import { ask } from '../../daemon/admin/client.ts'
import type { SpeakerSnapshot } from '../../speaker/index.ts'
import { asInPod, imageEnvironment, imageUser, laidOutImage } from '../support/image.ts'
import { service, sliceObject } from '../support/kube-objects.ts'
import { eventually, type Program, Topology } from '../topology/runner.ts'
import { ControlPlane } from './control-plane.ts'
import { Recorder } from './recorder.ts'
import type { Servers } from './servers.ts'

const root = join(import.meta.dirname, '../..')
const account = '/run/secrets/kubernetes.io/serviceaccount'

export const basicFlags = [
  '--hostname-override=node-1',
  '--enable-ibgp=false',
  '--cluster-asn=64512',
  '--peer-router-ips=10.0.0.1,fd00::1',
  '--peer-router-asns=65001,65001',
  '--bgp-holdtime=9s',
  '--connect-retry=1s',
  '--advertise-external-ip',
  '--advertise-loadbalancer-ip',
  '--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112',
  '--service-external-ip-range=198.51.100.0/24,2001:db8:51::/64',
  '--loadbalancer-ip-range=203.0.113.0/24,2001:db8:113::/64',
  '--drain-wait=2s',
]

export class Stage {
  readonly topology: Topology
  readonly control: ControlPlane
  readonly router: Recorder
  #daemon: Program | undefined

  private constructor(topology: Topology, servers: Servers) {
    this.topology = topology
    this.control = new ControlPlane(topology, servers)
    this.router = new Recorder(topology)
  }

  /** The namespaces, the API server with its RBAC, and the router; no daemon yet. */
  static async set(servers: Servers): Promise<Stage> {
    laidOutImage()
    const topology = await Topology.layOut(join(import.meta.dirname, '../topology/cluster.clab.yml'))
    const stage = new Stage(topology, servers)
    try {
      chmodSync(topology.work, 0o755)
      stage.router.start()
      await stage.control.start()
      for (const name of ['namespace', 'rbac']) {
        await stage.control.applyFile(join(root, `docker/kustomize/base/${name}.yaml`))
      }
      await stage.renewToken()
    } catch (error) {
      await stage.clear()
      throw error
    }
    return stage
  }

  async clear(): Promise<void> {
    await this.topology.tearDown()
  }

  /** What the kubelet does: a token of the service account, in a file. */
  async renewToken(seconds = 3600): Promise<void> {
    const path = '/api/v1/namespaces/tandem-system/serviceaccounts/tandem/token'
    const answer = (await this.control.must('POST', path, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: seconds },
    })) as { status: { token: string } }
    const folder = join(this.topology.work, 'account')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'token'), answer.status.token)
    writeFileSync(join(folder, 'ca.crt'), this.control.certificate)
    writeFileSync(join(folder, 'namespace'), 'tandem-system')
  }

  get socket(): string {
    return join(this.topology.work, 'daemon', 'tandem.sock')
  }

  /** A kubeconfig with the token of the service account; its path. */
  writeKubeconfig(): string {
    const path = join(this.topology.work, 'kubeconfig')
    const text = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'here',
      contexts: [{ name: 'here', context: { cluster: 'real', user: 'tandem' } }],
      clusters: [
        {
          name: 'real',
          cluster: {
            server: `https://${this.control.host}:${this.control.port}`,
            'certificate-authority-data': Buffer.from(this.control.certificate).toString('base64'),
          },
        },
      ],
      users: [{ name: 'tandem', user: { token: readFileSync(join(this.topology.work, 'account/token'), 'utf8') } }],
    }
    writeFileSync(path, JSON.stringify(text))
    return path
  }

  /** Another command of the image, on the node; its standard output. */
  runTandem(words: readonly string[]): Promise<string> {
    return this.topology.run('node-1', [...laidOutImage().command, ...words])
  }

  startDaemon(flags: readonly string[] = basicFlags, environment: Readonly<Record<string, string>> = {}): Program {
    const work = join(this.topology.work, 'daemon')
    mkdirSync(work, { recursive: true })
    chownSync(work, imageUser, imageUser)
    const command = [...asInPod, ...laidOutImage().command, 'run', ...flags, `--admin-socket=${this.socket}`]
    // A tmpfs of its own for what a pod has under /run: `ip netns exec` gives each program its own mounts.
    const script = `mount -t tmpfs tmpfs /run && mkdir -p ${account} && mount --bind ${this.topology.work}/account ${account} && exec "$@"`
    this.#daemon = this.topology.start('node-1', ['sh', '-c', script, 'sh', ...command], {
      KUBERNETES_SERVICE_HOST: this.control.host,
      KUBERNETES_SERVICE_PORT: String(this.control.port),
      ...imageEnvironment,
      POD_NAME: 'tandem-1',
      POD_NAMESPACE: 'tandem-system',
      ...environment,
    })
    return this.#daemon
  }

  get daemon(): Program {
    if (!this.#daemon) throw new Error('the daemon was not started')
    return this.#daemon
  }

  plan(): Promise<Plan> {
    return ask<Plan>(this.socket, '/v1/plan')
  }

  async explain(subject: string): Promise<string> {
    const { lines } = await ask<{ lines: string[] }>(this.socket, `/v1/explain?${new URLSearchParams({ subject })}`)
    return lines.join('\n')
  }

  snapshot(): Promise<SpeakerSnapshot> {
    return ask<SpeakerSnapshot>(this.socket, '/v1/peers')
  }

  async readyz(): Promise<string> {
    return this.topology.run('node-1', ['curl', '-s', 'http://127.0.0.1:20244/readyz'])
  }

  async sessionsUp(): Promise<void> {
    await eventually('both sessions are up', 30_000, async () => {
      const { peers } = await this.snapshot()
      return peers.length === 2 && peers.every(({ state }) => state === 'Established')
    })
  }

  /** Waits until the router's table is this; fails with both side by side. */
  async routerHas(wanted: readonly string[], limitMs = 10_000): Promise<void> {
    const sorted = [...wanted].sort()
    let last: string[] = []
    await eventually('the router has the planned routes', limitMs, async () => {
      last = await this.router.table()
      return last.join() === sorted.join()
    }).catch((error: unknown) => {
      expect(last, `${String(error)}\n${existsSync(this.socket) ? '' : this.#daemon?.log()}`).to.deep.equal(sorted)
    })
  }

  /** The daemon with other flags, from its beginning. */
  async restartDaemon(flags: readonly string[] = basicFlags): Promise<void> {
    await this.#daemon?.stop()
    this.startDaemon(flags)
    await eventually('the daemon has planned', 20_000, async () => (await this.plan()).node !== '')
  }

  /** Routes and sessions that moved at the router since then, as `what prefix`, each once; the marks of `caughtUp` are left out. */
  moved(since: number): string[] {
    const all = this.router.heard(since).filter(({ prefix }) => !prefix.startsWith(marks))
    return [...new Set(all.map(({ what, prefix }) => `${what} ${prefix}`.trim()))].sort()
  }

  async advertises(prefix: string): Promise<boolean> {
    const query = new URLSearchParams({ view: 'best', prefix })
    const { routes } = await ask<{ routes: { source: string }[] }>(this.socket, `/v1/routes?${query}`)
    return routes.some(({ source }) => source === 'originated')
  }

  /**
   * Resolves once the daemon has seen everything that was written before: watches are in order, so it is enough that a Service and its slice,
   * written after it, are advertised.
   */
  async caughtUp(): Promise<void> {
    const mark = `${marks}${1 + (this.#marks++ % 250)}`
    const local = {
      externalIPs: [mark],
      externalTrafficPolicy: 'Local',
      ipFamilyPolicy: 'SingleStack',
      ipFamilies: ['IPv4'],
    }
    await this.control.apply(service('mark', local), sliceObject('mark', 'IPv4', [{ on: 'node-1' }]))
    await eventually('the daemon has caught up', 10_000, () => this.advertises(`${mark}/32`))
    await this.control.remove('Service', 'default/mark')
    await this.control.remove('EndpointSlice', 'default/mark-ipv4')
    await eventually('the mark is gone', 10_000, async () => !(await this.advertises(`${mark}/32`)))
    await eventually('the router has seen the mark go', 10_000, async () => {
      return this.router.heard().findLast(({ prefix }) => prefix === `${mark}/32`)?.what === 'removed'
    })
  }

  /** Time of the first thing that the router wrote down of a prefix since then; waits for it. */
  async when(what: string, prefix: string, since: number): Promise<number> {
    return eventually(`${prefix} is ${what}`, 15_000, async () => {
      return this.router.heard(since).find((one) => one.what === what && one.prefix === prefix)?.at
    })
  }

  /** Events on an object, `reason: message`. */
  async events(name: string): Promise<string[]> {
    const { items } = (await this.control.must('GET', '/api/v1/namespaces/default/events')) as {
      items: { reason: string; message: string; involvedObject: { name: string } }[]
    }
    return items
      .filter(({ involvedObject }) => involvedObject.name === name)
      .map((one) => `${one.reason}: ${one.message}`)
  }

  #marks = 0
}

const marks = '198.51.100.'
