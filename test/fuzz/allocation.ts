/** Octets that a piece of work takes from the heap and beside it, garbage included: the sum of what the collector found, and what is there at the end. */

import { GCProfiler, getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

export function allocated(work: () => void): number {
  // What others left must not be given back meanwhile, it would be taken off this work; the second time sweeps what the first one found.
  collect()
  collect()
  const profiler = new GCProfiler()
  profiler.start()
  let last = inUse()
  work()
  const end = inUse()
  let sum = 0
  for (const { beforeGC, afterGC } of profiler.stop().statistics) {
    sum += Math.max(0, octetsOf(beforeGC.heapStatistics) - last)
    last = octetsOf(afterGC.heapStatistics)
  }
  return sum + Math.max(0, end - last)
}

function inUse(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics()
  return heap + external
}

function octetsOf(statistics: { usedHeapSize: number; externalMemory: number }): number {
  return statistics.usedHeapSize + statistics.externalMemory
}
