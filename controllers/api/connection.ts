/**
 * The connection to the API server. Where it is and who we are come from client-node's KubeConfig, read anew when the server no longer
 * knows us; the sockets are our own, because a watch has to outlive what client-node's agents allow: one kept-alive pool for requests,
 * one socket a stream, with TCP keepalive so that a half-open connection is found within half a minute.
 */

import { existsSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage, Agent as PlainAgent } from 'node:http'
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type ApiClient, type ApiRequest, type ApiStream, apiError } from './client.ts'
import type { KubeConfig } from './kube-config.ts'
import { type ExecAnswer, type ExecRequest, execInPod } from './pod-exec.ts'

export interface ApiAddress {
  /** A kubeconfig file; wins over `master`. */
  readonly kubeconfig: string
  /** URL of the API server; both empty: the service account of the pod. */
  readonly master: string
  /** Both empty: first as kubectl finds it, by KUBECONFIG or the file in the home folder. */
  readonly asKubectl?: boolean
  /** Of the kubeconfig; else its current one. */
  readonly context?: string
}

/** Probes begin after this long without a segment; ten of them, a second apart, end the connection. */
const keepAliveMs = 10_000
const requestTimeoutMs = 30_000
const userAgent = 'tandem'

export class ApiConnection implements ApiClient {
  readonly #address: ApiAddress
  readonly #agents = {
    'http:': new PlainAgent({ keepAlive: true, keepAliveMsecs: keepAliveMs, maxSockets: 4 }),
    'https:': new Agent({ keepAlive: true, keepAliveMsecs: keepAliveMs, maxSockets: 4 }),
  }
  #config: KubeConfig | undefined

  /** Rejects when the configuration cannot be read or names no server. */
  static async open(address: ApiAddress): Promise<ApiConnection> {
    const connection = new ApiConnection(address)
    await connection.#load()
    return connection
  }

  private constructor(address: ApiAddress) {
    this.#address = address
  }

  /** URL of the server. */
  get server(): string {
    return this.#config?.getCurrentCluster()?.server ?? ''
  }

  async request(request: ApiRequest): Promise<unknown> {
    const message = await this.#send(request, true)
    const text = await textOf(message)
    return text === '' ? undefined : (JSON.parse(text) as unknown)
  }

  async stream(request: ApiRequest): Promise<ApiStream> {
    const message = await this.#send(request, false)
    return { chunks: message as AsyncIterable<Uint8Array>, close: () => void message.destroy() }
  }

  /** See `PodExec`. */
  async exec(request: ExecRequest, signal: AbortSignal): Promise<ExecAnswer> {
    return execInPod(await this.#load(), request, signal)
  }

  close(): void {
    this.#agents['http:'].destroy()
    this.#agents['https:'].destroy()
  }

  async #load(): Promise<KubeConfig> {
    if (this.#config) return this.#config
    // Loaded when it is needed: it is large, and nothing else of the daemon needs it.
    const { KubeConfig } = await import('./kube-config.ts')
    const config = new KubeConfig()
    const { kubeconfig, master, asKubectl, context } = this.#address
    if (kubeconfig !== '') {
      if (!existsSync(kubeconfig)) throw new Error(`there is no file ${kubeconfig}`)
      config.loadFromFile(kubeconfig)
    } else if (master !== '') {
      config.loadFromClusterAndUser({ name: 'master', server: master, skipTLSVerify: false }, { name: 'nobody' })
    } else if (asKubectl && (process.env['KUBECONFIG'] || existsSync(usualFile()))) {
      config.loadFromDefault()
    } else {
      if (!process.env['KUBERNETES_SERVICE_HOST'])
        throw new Error(
          `${asKubectl ? `KUBECONFIG is not set, there is no ${usualFile()}, and ` : ''}this is no pod of a cluster`,
        )
      config.loadFromCluster()
    }
    if (context !== undefined) {
      const known = config.getContexts().map(({ name }) => name)
      if (!known.includes(context)) throw new Error(`it has no context "${context}", but ${known.join(', ') || 'none'}`)
      config.setCurrentContext(context)
    }
    if (!config.getCurrentCluster()?.server) throw new Error('the configuration names no server')
    // client-node refuses plain HTTP unless told not to verify what is not there to be verified.
    config.clusters = config.clusters.map((one) =>
      one.server.startsWith('http:') ? { ...one, skipTLSVerify: true } : one,
    )
    this.#config = config
    return config
  }

  async #send(request: ApiRequest, pooled: boolean): Promise<IncomingMessage> {
    const config = await this.#load()
    const url = new URL(config.getCurrentCluster()!.server)
    const base = url.pathname.replace(/\/$/, '')
    const query = new URLSearchParams(request.query).toString()
    const options: RequestOptions = { headers: {} }
    await config.applyToHTTPSOptions(options)
    const body = request.body === undefined ? undefined : JSON.stringify(request.body)
    const protocol = url.protocol === 'http:' ? 'http:' : 'https:'
    const message = await exchange(
      protocol,
      {
        ...options,
        protocol,
        hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: url.port,
        method: request.method ?? 'GET',
        path: `${base}${request.path}${query === '' ? '' : `?${query}`}`,
        // A token file that ends in a newline makes no valid header.
        headers: { ...trimmed(options.headers), ...headersOf(request, body) },
        // The way through a proxy that the kubeconfig names is client-node's own.
        agent: config.getCurrentCluster()?.proxyUrl ? options.agent : pooled ? this.#agents[protocol] : false,
        ...(pooled && { timeout: requestTimeoutMs }),
        ...(request.signal && { signal: request.signal }),
      },
      body,
    )
    const status = message.statusCode ?? 0
    if (status < 400) return message
    // Whatever was rotated is read again: tokens are cached for a minute otherwise.
    if (status === 401) this.#config = undefined
    const text = await textOf(message).catch(() => '')
    throw apiError(status, parsed(text), message.headers['retry-after'])
  }
}

const usualFile = () => join(homedir(), '.kube', 'config')

function exchange(
  protocol: 'http:' | 'https:',
  options: RequestOptions,
  body: string | undefined,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = (protocol === 'http:' ? httpRequest : httpsRequest)(options, resolve)
    outgoing.on('socket', (socket) => socket.setKeepAlive(true, keepAliveMs))
    outgoing.on('timeout', () => outgoing.destroy(new Error('the API server did not answer in time')))
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

function headersOf(request: ApiRequest, body: string | undefined): Record<string, string> {
  return {
    accept: 'application/json',
    'user-agent': userAgent,
    ...(body !== undefined && {
      'content-type': request.contentType ?? 'application/json',
      'content-length': String(Buffer.byteLength(body)),
    }),
  }
}

function trimmed(headers: RequestOptions['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value).trim()]))
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return { message: text.slice(0, 200) }
  }
}
