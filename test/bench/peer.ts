/**
 * A peer of the benchmark, in a process of its own: it dials a router and feeds it the big stream, or host routes, or counts what it is sent.
 * Small and independent of the product. Events go to standard output, a JSON line each, with the time in milliseconds since the epoch.
 *
 * node peer.ts feed|refeed|hosts|sink|watch|listen ROUTER LOCAL[,LOCAL...] ASN ROUTES-OR-SCALE
 */

import { connect, createServer, type Socket } from 'node:net'
import { fullTable, hostStream, makeStream, message } from './stream.ts'

const [role, router, locals, asnText, amountText] = process.argv.slice(2) as [string, string, string, string, string]
const asn = Number(asnText)
const say = (event: object) =>
  process.stdout.write(`${JSON.stringify({ ...event, at: performance.timeOrigin + performance.now() })}\n`)
const nextHop6 = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
const keepalive = message(4, Buffer.alloc(0))

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
    socket.write(open(local))
    shakeHands(socket, local, () => say({ event: 'established', local }))
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
  socket.on('connect', () => socket.write(open(local)))
  const isUp = shakeHands(socket, local, onUp, onMessage)
  socket.on('close', () => {
    if (!isUp()) setTimeout(() => session(local, onUp, onMessage), 20)
    else say({ event: 'closed', local })
  })
}

/** The rest of a session on a connection, from the router's OPEN on; says whether it came up. */
function shakeHands(
  socket: Socket,
  local: string,
  onUp: (socket: Socket) => void,
  onMessage: (type: number, body: Buffer) => void = () => {},
): () => boolean {
  let up = false
  let rest = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    let at = 0
    while (rest.length - at >= 19) {
      const length = rest.readUInt16BE(at + 16)
      if (rest.length - at < length) break
      const type = rest[at + 18]!
      if (type === 1) socket.write(keepalive)
      if (type === 4 && !up) {
        up = true
        onUp(socket)
      }
      if (type === 3) say({ event: 'notification', local, data: rest.subarray(at + 19, at + length).toString('hex') })
      onMessage(type, rest.subarray(at + 19, at + length))
      at += length
    }
    rest = rest.subarray(at)
  })
  const beat = setInterval(() => up && socket.write(keepalive), 20_000)
  socket.on('error', () => {})
  socket.on('close', () => clearInterval(beat))
  return () => up
}

function open(local: string): Buffer {
  const id = local.split('.').map(Number)
  const four = Buffer.alloc(4)
  four.writeUInt32BE(asn)
  const capabilities = Buffer.concat([Buffer.of(1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 2, 0, 65, 4), four])
  const parameters = Buffer.concat([Buffer.of(2, capabilities.length), capabilities])
  return message(1, Buffer.concat([Buffer.of(4, asn >> 8, asn & 255, 0, 180, ...id, parameters.length), parameters]))
}

/** Reachable prefixes of an UPDATE, in the NLRI field and in MP_REACH_NLRI. */
function prefixesIn(body: Buffer): number {
  const attributesAt = 2 + body.readUInt16BE(0) + 2
  const attributesEnd = attributesAt + body.readUInt16BE(attributesAt - 2)
  let count = countPrefixes(body, attributesEnd, body.length)
  for (let at = attributesAt; at < attributesEnd; ) {
    const long = (body[at]! & 0x10) !== 0
    const valueAt = at + (long ? 4 : 3)
    const end = valueAt + (long ? body.readUInt16BE(at + 2) : body[at + 2]!)
    if (body[at + 1] === 14) count += countPrefixes(body, valueAt + 5 + body[valueAt + 3]!, end)
    at = end
  }
  return count
}

function countPrefixes(body: Buffer, at: number, end: number): number {
  let count = 0
  for (; at < end; count++) at += 1 + ((body[at]! + 7) >> 3)
  return count
}
