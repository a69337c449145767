/** The thread of BFD, by itself: at rest in the event loop until there is a session, and in a loop of its own from then on. */

import { parentPort, receiveMessageOnPort } from 'node:worker_threads'
import { Loop } from './loop.ts'
import type { Command, Report } from './messages.ts'
import { raisePriority } from './priority.ts'
import { openUdp, type Udp } from './udp.ts'

const words = new Uint32Array(1)

function main(): void {
  const port = parentPort
  if (!port) return
  const report = (one: Report) => port.postMessage(one)
  let udp: Udp
  try {
    udp = openUdp()
    report({ kind: 'started', priority: raisePriority() })
  } catch (error) {
    report({ kind: 'unavailable', why: error instanceof Error ? error.message : String(error) })
    return
  }
  const loop = new Loop({
    udp,
    now: () => performance.now(),
    random: () => crypto.getRandomValues(words)[0]! / 2 ** 32,
    next: () => receiveMessageOnPort(port)?.message as Command | undefined,
    report,
  })
  port.on('message', (command: Command) => {
    loop.run(command)
    if (loop.closed) port.close()
  })
}

main()
