/**
 * The `exec` of pods: an upgrade to a WebSocket with a channel for each stream, as remotecommand's v4 and v5 have them. What would run in
 * the pod is a play that the test wrote.
 */

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { badRequest, notFound, Refusal, ruleOfKind } from './objects.ts'
import type { Store } from './store.ts'

export interface Executed {
  readonly namespace: string
  readonly pod: string
  readonly container: string
  readonly command: readonly string[]
  readonly protocol: string
}

export interface Play {
  readonly stdout?: string
  readonly stderr?: string
  readonly exitCode?: number
  /** The runtime's own failure: the command was never run. */
  readonly failure?: string
  /** Instead of an end: nothing more comes, the connection goes, or the upgrade is never answered. */
  readonly instead?: 'silence' | 'cut' | 'no upgrade'
}

export type Plays = (executed: Executed) => Play

const channel = { stdout: 1, stderr: 2, status: 3 }
/** Of one frame; a real server sends what its buffer holds. */
const frame = 32 * 1024
const pathForm = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/exec$/

export class ExecServer {
  readonly executed: Executed[] = []
  /** In the order in which they are preferred; an older server has fewer. */
  protocols: readonly string[] = ['v5.channel.k8s.io', 'v4.channel.k8s.io']
  plays: Plays = () => ({})
  readonly #server = new WebSocketServer({ noServer: true, handleProtocols: (offered) => this.#choose(offered) })
  readonly #open = new Set<Duplex>()

  /** Throws a `Refusal`. */
  upgrade(store: Store, request: IncomingMessage, url: URL, socket: Duplex, head: Buffer): void {
    const [, namespace, name] = pathForm.exec(url.pathname)?.map(decodeURIComponent) ?? []
    if (namespace === undefined || name === undefined) throw badRequest('upgrade request required')
    const rule = ruleOfKind('Pod')
    const pod = store.get(rule, namespace, name)
    if (!pod) throw notFound(rule, name)
    const container = url.searchParams.get('container') ?? ''
    const { containers = [] } = (pod['spec'] ?? {}) as { containers?: { name: string }[] }
    if (!containers.some((one) => one.name === container))
      throw badRequest(`container ${container} is not valid for pod ${name}`)
    const offered = new Set((request.headers['sec-websocket-protocol'] ?? '').split(/, */))
    const protocol = this.#choose(offered)
    if (protocol === false) throw new Refusal(403, 'Forbidden', 'unable to upgrade: unsupported protocol')
    const command = url.searchParams.getAll('command')
    const executed = { namespace, pod: name, container, command, protocol }
    this.executed.push(executed)
    const play = this.plays(executed)
    this.#open.add(socket)
    socket.on('close', () => this.#open.delete(socket))
    if (play.instead === 'no upgrade') {
      // Read, or the end of the other side would not be seen.
      socket.resume().on('end', () => socket.destroy())
      return
    }
    this.#server.handleUpgrade(request, socket, head, (opened) => perform(opened, socket, play))
  }

  /** Connections that are still open. */
  get openCount(): number {
    return this.#open.size
  }

  cut(): void {
    for (const socket of this.#open) socket.destroy()
  }

  #choose(offered: ReadonlySet<string>): string | false {
    return this.protocols.find((one) => offered.has(one)) ?? false
  }
}

function perform(opened: WebSocket, socket: Duplex, play: Play): void {
  const send = (to: number, text: string) => {
    const octets = Buffer.from(text)
    for (let at = 0; at < octets.length; at += frame)
      opened.send(Buffer.concat([Buffer.of(to), octets.subarray(at, at + frame)]))
  }
  // As a real server does it, to say that it is there.
  opened.send(Buffer.of(channel.stdout))
  send(channel.stdout, play.stdout ?? '')
  send(channel.stderr, play.stderr ?? '')
  if (play.instead === 'silence') return
  if (play.instead === 'cut') {
    setImmediate(() => socket.destroy())
    return
  }
  send(channel.status, JSON.stringify(statusOf(play)))
  opened.close(1000)
}

function statusOf({ exitCode = 0, failure }: Play): object {
  const failed = { metadata: {}, status: 'Failure' }
  if (failure !== undefined)
    return {
      ...failed,
      message: failure,
      reason: 'InternalError',
      details: { causes: [{ message: failure }] },
      code: 500,
    }
  if (exitCode === 0) return { metadata: {}, status: 'Success' }
  return {
    ...failed,
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  }
}
