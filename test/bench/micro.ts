/**
 * What each step of a full table costs, in one process and without sockets: `npm run bench:micro`. The best of several rounds, each on warm code,
 * in nanoseconds an UPDATE and in megabytes of garbage a round. For finding what to make faster; the routers are in `npm run bench`.
 */

import { Framer, judgeAttributes, newUpdateParts, type SenderContext, scanUpdate } from 'bgp-ts'
import { acceptAll, type Policy, PrefixSet } from '../../policy/index.ts'
import { prefix } from '../support/fabric.ts'
import { bareRouting, joined } from '../support/routing.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { fullTable, makeStream } from './stream.ts'

const rounds = 5
const chunkOctets = 65536
const feeder = 65001
const { bytes, updates } = makeStream(fullTable, [10, 0, 0, 1], [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])

/** Reads the stream as it would come from a socket. */
function frame(visit: (body: Uint8Array, at: number, end: number) => void): void {
  const framer = new Framer()
  for (let at = 0; at < bytes.length; at += chunkOctets) {
    framer.push(bytes.subarray(at, at + chunkOctets), (_type, chunk, from, end) => {
      visit(chunk, from, end)
      return true
    })
  }
}

const sender: SenderContext = { external: true, fourOctetAsn: true, localAsn: 64512, firstAsn: feeder }
const parts = newUpdateParts()

/** A prefix that the stream has not: everything else is refused. */
const fewPrefixes: Policy = {
  name: 'few',
  statements: [
    {
      name: 'wanted',
      match: { prefixes: new PrefixSet([{ prefix: prefix('192.0.2.0/24'), ge: 24, le: 24 }]) },
      action: 'accept',
    },
  ],
  default: 'reject',
}

function importing(importPolicy: Policy): void {
  const routing = bareRouting()
  const link = joined(routing, '10.0.0.1', feeder, { importPolicy })
  frame((body, at, end) => {
    const wrong = routing.update(link, body, at, end)
    if (wrong) throw new Error(wrong.text)
  })
  routing.stop()
}

/** Another peer is sent all of it, in pieces as they come. */
function passingOn(): void {
  const clock = new VirtualClock()
  const routing = bareRouting({}, clock)
  const link = joined(routing, '10.0.0.1', feeder, { importPolicy: acceptAll })
  joined(routing, '10.0.0.3', feeder + 1, { exportPolicy: acceptAll })
  clock.pass(100)
  let chunks = 0
  let last: Uint8Array | undefined
  frame((body, at, end) => {
    if (body !== last) {
      last = body
      if (++chunks % 2 === 0) clock.pass(1)
    }
    routing.update(link, body, at, end)
  })
  clock.pass(100)
  routing.stop()
}

const steps: Readonly<Record<string, () => void>> = {
  frame: () => frame(() => {}),
  'frame, scan': () => frame((body, at, end) => void scanUpdate(body, at, end, parts)),
  'frame, scan, judge': () =>
    frame((body, at, end) => {
      scanUpdate(body, at, end, parts)
      judgeAttributes(body, parts.attributesAt, parts.attributesEnd, sender)
    }),
  'import, all refused': () => importing(fewPrefixes),
  'import, all taken': () => importing(acceptAll),
  'import, all passed on': passingOn,
}

const only = process.argv.slice(2)
for (const [name, step] of Object.entries(steps)) {
  if (only.length > 0 && !only.includes(name)) continue
  const times = Array.from({ length: rounds }, () => {
    const from = performance.now()
    step()
    return performance.now() - from
  })
  const best = Math.min(...times)
  const cells = [
    `${times[0]!.toFixed(0)} ms at first`,
    `${best.toFixed(0)} ms`,
    `${((best * 1e6) / updates).toFixed(0)} ns an UPDATE`,
  ]
  console.log(name.padEnd(24), ...cells.map((cell) => cell.padStart(18)))
}
