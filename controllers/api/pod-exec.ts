/**
 * A command in a container, through the API server's `pods/exec`. The frames are client-node's; the socket under them is our own, because
 * theirs says of a refusal only its number, and cannot be given up before it is open.
 */

import type { IncomingMessage } from 'node:http'
import type { RequestOptions } from 'node:https'
import { Writable } from 'node:stream'
import { apiError } from './client.ts'
import type { KubeConfig } from './kube-config.ts'

export interface ExecRequest {
  readonly namespace: string
  readonly pod: string
  readonly container: string
  readonly command: readonly string[]
}

export interface ExecAnswer {
  readonly stdout: string
  readonly stderr: string
  /** 0 where all went well; undefined where the command was never run, and `problem` says why. */
  readonly exitCode: number | undefined
  readonly problem?: string
}

/** Rejects when there was no whole answer: an `ApiError` for what the API server refused, and when `signal` gives it up. */
export type PodExec = (request: ExecRequest, signal: AbortSignal) => Promise<ExecAnswer>

/** Of each stream: many pods are asked at once, and none of them may fill the memory of who asks. */
const mostOctets = 64 * 1024 * 1024
/** Each names the error channel's `Status` object; the later one can also end a stream. */
const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io']
const closeChannel = 255

interface Status {
  readonly status?: string
  readonly message?: string
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] }
}

export async function execInPod(config: KubeConfig, request: ExecRequest, signal: AbortSignal): Promise<ExecAnswer> {
  const library = await import('./kube-exec.ts')
  const options: RequestOptions = { headers: {} }
  await config.applyToHTTPSOptions(options)
  signal.throwIfAborted()
  const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<Status>()
  const stdout = new Collected(mostOctets, fail)
  const stderr = new Collected(mostOctets, fail)
  const server = (config.getCurrentCluster()?.server ?? '').replace(/\/$/, '').replace(/^http/, 'ws')
  let socket: InstanceType<typeof library.WebSocket> | undefined
  const giveUp = () => {
    fail(signal.reason)
    socket?.terminate()
  }
  signal.addEventListener('abort', giveUp)
  const connect = (path: string, _text: unknown, take: ((channel: number, data: Buffer) => boolean) | null) => {
    const opened = new library.WebSocket(server + path, protocols, { ...options, headers: trimmed(options.headers) })
    socket = opened
    opened.on('message', (data: Buffer) => {
      try {
        if (data.length > 0 && data[0] !== closeChannel && take?.(data[0]!, data.subarray(1)) === false) opened.close()
      } catch (error) {
        fail(error)
      }
    })
    opened.on('unexpected-response', (_request, response) => void refusal(response).then(fail))
    opened.on('error', fail)
    opened.on('close', () => fail(new Error('the connection ended before the answer did')))
    return new Promise<typeof opened>((resolve) => opened.on('open', () => resolve(opened)))
  }
  try {
    const exec = new library.Exec(config, { connect })
    const { namespace, pod, container, command } = request
    // Not waited for: where the socket never opens, it is `ended` that says so.
    exec.exec(namespace, pod, container, [...command], stdout, stderr, null, false, end).catch(fail)
    return answerOf(await ended, stdout.text, stderr.text)
  } finally {
    signal.removeEventListener('abort', giveUp)
    socket?.terminate()
  }
}

function answerOf({ status, message = '', details }: Status, stdout: string, stderr: string): ExecAnswer {
  if (status === 'Success') return { stdout, stderr, exitCode: 0 }
  const code = details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message
  const exitCode = code === undefined ? undefined : Number(code)
  return { stdout, stderr, exitCode, problem: message }
}

async function refusal(response: IncomingMessage): Promise<Error> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk)
  } catch {
    // Its number says enough where its words were cut off.
  }
  const status = response.statusCode ?? 0
  try {
    return apiError(status, JSON.parse(Buffer.concat(chunks).toString('utf8')))
  } catch {
    return apiError(status, undefined)
  }
}

// A token file that ends in a newline makes no valid header.
function trimmed(headers: RequestOptions['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value).trim()]))
}

class Collected extends Writable {
  readonly #most: number
  readonly #overflow: (error: Error) => void
  readonly #chunks: Buffer[] = []
  #size = 0

  constructor(most: number, overflow: (error: Error) => void) {
    super()
    this.#most = most
    this.#overflow = overflow
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#size += chunk.length
    if (this.#size <= this.#most) this.#chunks.push(chunk)
    else this.#overflow(new Error(`the answer is larger than ${this.#most / 2 ** 20} MiB: ask for less`))
    done()
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8')
  }
}
