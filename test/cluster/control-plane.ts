/** A real etcd and kube-apiserver in a namespace of the topology, and an administrator's client to them. */

import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { KubeObject } from '../support/kube-objects.ts'
import { eventually, type Program, type Topology } from '../topology/runner.ts'
import type { Servers } from './servers.ts'

const token = 'administrator'
const port = 6443

export interface Answer {
  readonly status: number
  readonly body: unknown
}

const plurals: Readonly<Record<string, string>> = { EndpointSlice: 'endpointslices' }
const clusterWide = ['Node', 'Namespace', 'ClusterRole', 'ClusterRoleBinding', 'PriorityClass']

export class ControlPlane {
  readonly #topology: Topology
  readonly #servers: Servers
  readonly #folder: string
  #apiServer: Program | undefined

  constructor(topology: Topology, servers: Servers) {
    this.#topology = topology
    this.#servers = servers
    this.#folder = join(topology.work, 'control-plane')
    mkdirSync(this.#folder)
  }

  /** Address of the API server for other nodes. */
  readonly host = '10.9.0.1'
  readonly port = port

  async start(): Promise<void> {
    this.#writeFiles()
    this.#topology.start('api', [
      this.#servers.etcd,
      `--data-dir=${join(this.#folder, 'etcd')}`,
      '--unsafe-no-fsync',
      '--log-level=error',
    ])
    const relay = join(import.meta.dirname, '../support/relay.ts')
    this.#topology.start('api', [process.execPath, relay, this.socket, String(port)])
    await this.startApiServer()
  }

  /** The certificate that clients trust. */
  get certificate(): string {
    return readFileSync(join(this.#folder, 'certificates', 'apiserver.crt'), 'utf8')
  }

  /** Paths: for whatever else has to speak TLS. */
  get keyPair(): { readonly certificate: string; readonly key: string } {
    const path = (name: string) => join(this.#folder, 'certificates', name)
    return { certificate: path('apiserver.crt'), key: path('apiserver.key') }
  }

  async startApiServer(): Promise<void> {
    this.#apiServer = this.#topology.start('api', [
      this.#servers.apiServer,
      '--etcd-servers=http://127.0.0.1:2379',
      `--cert-dir=${join(this.#folder, 'certificates')}`,
      `--secure-port=${port}`,
      `--advertise-address=${this.host}`,
      '--endpoint-reconciler-type=none',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${join(this.#folder, 'sa.pub')}`,
      `--service-account-signing-key-file=${join(this.#folder, 'sa.key')}`,
      `--token-auth-file=${join(this.#folder, 'tokens.csv')}`,
      '--authorization-mode=RBAC',
      '--disable-admission-plugins=ServiceAccount',
      '--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112',
      `--audit-policy-file=${join(this.#folder, 'audit.yaml')}`,
      `--audit-log-path=${join(this.#folder, 'audit.log')}`,
    ])
    await eventually('the API server is ready', 60_000, async () => {
      return existsSync(this.socket) && (await this.ask('GET', '/readyz')).status === 200
    })
  }

  async stopApiServer(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#apiServer?.stop(signal)
    this.#apiServer = undefined
  }

  /** Lines of the audit log: who asked for what, and what was answered. */
  audit(): { user: string; verb: string; uri: string; code: number }[] {
    const path = join(this.#folder, 'audit.log')
    if (!existsSync(path)) return []
    const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean)
    return lines.flatMap((line) => {
      try {
        const event = JSON.parse(line) as {
          user?: { username?: string }
          verb: string
          requestURI: string
          responseStatus?: { code: number }
        }
        const { user, verb, requestURI, responseStatus } = event
        return [{ user: user?.username ?? '', verb, uri: requestURI, code: responseStatus?.code ?? 0 }]
      } catch {
        return []
      }
    })
  }

  /** Any request, as administrator. */
  ask(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          socketPath: this.socket,
          method,
          path,
          rejectUnauthorized: false,
          headers: {
            authorization: `Bearer ${token}`,
            ...(body !== undefined && { 'content-type': contentType }),
          },
          timeout: 10_000,
          agent: false,
        },
        (message) => {
          const chunks: Buffer[] = []
          message.on('data', (chunk: Buffer) => chunks.push(chunk))
          message.on('error', reject)
          message.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8')
            const isJson = message.headers['content-type']?.includes('json')
            resolve({ status: message.statusCode ?? 0, body: isJson ? (JSON.parse(text) as unknown) : text })
          })
        },
      )
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')))
      outgoing.on('error', reject)
      outgoing.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  async must(method: string, path: string, body?: unknown, contentType?: string): Promise<unknown> {
    const answer = await this.ask(method, path, body, contentType)
    if (answer.status >= 400) {
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 500)}`)
    }
    return answer.body
  }

  /** Makes objects be as given, their status with them. */
  async apply(...objects: readonly KubeObject[]): Promise<void> {
    for (const object of objects) {
      const path = pathOf(object)
      const { status: wanted, ...rest } = object
      const query = '?fieldManager=test&force=true'
      await this.must('PATCH', `${path}${query}`, rest, 'application/apply-patch+yaml')
      if (wanted === undefined) continue
      await this.must('PATCH', `${path}/status`, { status: wanted }, 'application/merge-patch+json')
    }
  }

  /** Has the server judge an object as if it were to be made: an unknown field is an error too. */
  async tryOut(object: KubeObject): Promise<void> {
    const query = '?fieldManager=test&dryRun=All&fieldValidation=Strict'
    await this.must('PATCH', `${pathOf(object)}${query}`, object, 'application/apply-patch+yaml')
  }

  async applyFile(path: string): Promise<void> {
    const documents = parseAllDocuments(readFileSync(path, 'utf8'))
    for (const document of documents) {
      const object = document.toJS() as KubeObject | null
      if (object) await this.apply(object)
    }
  }

  async patch(kind: string, name: string, body: unknown, subresource = ''): Promise<void> {
    const path = pathOf(reference(kind, name))
    await this.must('PATCH', `${path}${subresource}`, body, 'application/merge-patch+json')
  }

  async remove(kind: string, name: string): Promise<void> {
    await this.must('DELETE', pathOf(reference(kind, name)), { gracePeriodSeconds: 0 })
  }

  readonly adminToken = token

  /** Of the relay that reaches the server from outside its namespace. */
  get socket(): string {
    return join(this.#topology.work, 'api.sock')
  }

  /** New keys for service accounts: every token that was given out is worth nothing from the next start on. */
  renewKeys(): void {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    })
    writeFileSync(join(this.#folder, 'sa.pub'), publicKey)
    writeFileSync(join(this.#folder, 'sa.key'), privateKey)
  }

  #writeFiles(): void {
    this.renewKeys()
    const write = (name: string, text: string) => writeFileSync(join(this.#folder, name), text)
    write('tokens.csv', `${token},admin,admin,system:masters\n`)
    write(
      'audit.yaml',
      'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: Metadata, omitStages: [RequestReceived] }]\n',
    )
  }
}

/** `NAME` or `NAMESPACE/NAME`. */
function reference(kind: string, name: string): KubeObject {
  const [first = '', second] = name.split('/')
  const apiVersion =
    kind === 'EndpointSlice' ? 'discovery.k8s.io/v1' : kind === 'Lease' ? 'coordination.k8s.io/v1' : 'v1'
  const metadata = second === undefined ? { name: first } : { namespace: first, name: second }
  return { apiVersion, kind, metadata }
}

function pathOf({ apiVersion, kind, metadata }: KubeObject): string {
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const plural = plurals[kind] ?? `${kind.toLowerCase().replace(/s$/, 'se').replace(/y$/, 'ie')}s`
  const scope = clusterWide.includes(kind) ? '' : `/namespaces/${metadata.namespace ?? 'default'}`
  return `${group}${scope}/${plural}/${metadata.name}`
}
