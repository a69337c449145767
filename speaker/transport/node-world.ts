/** The real world: the machine's clock, its randomness, its TCP and its paths. */

import { ThreadedBfd } from '../bfd/thread.ts'
import type { Log, World } from '../world.ts'
import { nodeClock } from './node-clock.ts'
import { tcp } from './tcp.ts'

/** Not `Math.random`: its state can be told from what peers see of it in our timers, and keys of tables come from here. */
function nodeRandom(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2))
  return (high! * 2 ** 21 + (low! >>> 11)) / 2 ** 53
}

export function nodeWorld(log: Log): World {
  return {
    clock: nodeClock,
    wallClock: () => Date.now(),
    random: nodeRandom,
    transport: tcp,
    bfd: new ThreadedBfd(log, nodeClock),
    log,
  }
}
