/**
 * A peer of the benchmark, in a process of its own: it dials a router and feeds it the big stream, or host routes, or counts what it is sent.
 * Small and independent of the product. Events go to standard output, a JSON line each, with the time in milliseconds since the epoch.
 *
 * node peer.ts feed|refeed|hosts|sink|watch|listen ROUTER LOCAL[,LOCAL...] ASN ROUTES-OR-SCALE
 */

import { connect, createServer, type Socket } from 'node:net'
import { open, type PrefixVisitor, shakeHands, visitPrefixes } from './session.ts'
import { fullTable, hostStream, makeStream } from './stream.ts'

const [role, router, locals, asnText, amountText] = process.argv.slice(2) as [string, string, string, string, string]
const asn = Number(asnText)
const say = (event: object) =>
  process.stdout.write(`${JSON.stringify({ ...event, at: performance.timeOrigin + performance.now() })}\n`)
let announced = 0
const counting: PrefixVisitor = { announced: () => void announced++, withdrawn: () => {} }
const nextHop6 = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]

if (role === 'feed' || role === 'refeed') feed(Number(amountText), role === 'refeed')
else if (role === 'hosts') hosts(Number(amountText))
else if (role === 'listen') for (const local of locals.split(',')) listen(local)
else for (const local of locals.split(',')) sink(local, Number(amountText), role === 'watch')

/** Once, or over and over in sessions of their own. */
function feed(scale: number, again: boolean): void {
  const scaled = (value: number) => Math.round(value * scale)
  const size = {
    ipv4: scaled(fullTable.ipv4),
    ipv6: scaled(fullTable.ipv6),
    attributeSets: scaled(fullTable.attributeSets),
  }
  const stream = makeStream(size, [10, 0, 0, 1], nextHop6)
  say({ event: 'ready', updates: stream.updates, bytes: stream.bytes.length })
  const next = () =>
    session(locals, (socket) => {
      say({ event: 'first-byte' })
      socket.write(stream.bytes, () => {
        say({ event: 'sent' })
        if (!again) return
        // What the router has not read yet is its to read before it sees the end.
        socket.end()
        socket.once('close', () => setTimeout(next, 1000))
      })
    })
  next()
}

function hosts(count: number): void {
  const bytes = hostStream(count, asn, [10, 0, 0, 1], nextHop6)
  session(locals, (socket) => {
    socket.write(bytes, () => say({ event: 'sent' }))
  })
}

/** `watches`: once all is there, says each UPDATE that comes. */
function sink(local: string, wanted: number, watches: boolean): void {
  let routes = 0
  let updates = 0
  let done = false
  session(
    local,
    () => say({ event: 'established', local }),
    (type, body) => {
      if (type !== 2) return
      if (done && watches) say({ event: 'update', local })
      const found = prefixesIn(body)
      routes += found
      if (found > 0) updates++
      if (routes < wanted || done) return
      done = true
      say({ event: 'complete', local, routes, updates })
    },
  )
}

/** Waits for the router to dial. */
function listen(local: string): void {
  const server = createServer((socket) => {
    socket.setNoDelay(true)
    socket.write(open(local.split('.').map(Number), asn))
    shakes(socket, local, () => say({ event: 'established', local }))
  })
  server.listen(179, local, () => say({ event: 'listening', local }))
}

/** Dials until the router listens, shakes hands with both families and four-octet ASNs, and keeps the session up. */
function session(
  local: string,
  onUp: (socket: Socket) => void,
  onMessage: (type: number, body: Buffer) => void = () => {},
): void {
  const socket = connect({ host: router, port: 179, localAddress: local, noDelay: true })
  socket.on('connect', () => socket.write(open(local.split('.').map(Number), asn)))
  const isUp = shakes(socket, local, onUp, onMessage)
  socket.on('close', () => {
    if (!isUp()) setTimeout(() => session(local, onUp, onMessage), 20)
    else say({ event: 'closed', local })
  })
}

/** Says also why the router ended the session. */
function shakes(
  socket: Socket,
  local: string,
  onUp: (socket: Socket) => void,
  onMessage: (type: number, body: Buffer) => void = () => {},
): () => boolean {
  return shakeHands(socket, onUp, (type, body) => {
    if (type === 3) say({ event: 'notification', local, data: body.toString('hex') })
    onMessage(type, body)
  })
}

/** Reachable prefixes of an UPDATE, in the NLRI field and in MP_REACH_NLRI. */
function prefixesIn(body: Buffer): number {
  announced = 0
  visitPrefixes(body, counting)
  return announced
}
