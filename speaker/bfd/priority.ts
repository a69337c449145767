/**
 * How the kernel schedules the thread of BFD. It works for a few microseconds at a time, and those must not wait behind programs that work
 * for long: a packet that leaves 200 ms late is a path that has failed, at the other end. With four programs that take all they can get on two
 * processors, packets were up to 200 ms late in an ordinary thread, and 3 ms in a real-time one; shorter slices (sched_setattr) changed nothing.
 */

import { systemCall } from '../transport/system.ts'

export type Priority = 'real-time' | 'ordinary'

const roundRobin = 2
const resetOnFork = 0x40000000
/** The lowest: it is before everything that is not real-time. */
const lowest = 1

/** Asks for real-time scheduling of the thread that calls, which needs CAP_SYS_NICE; without it the thread stays as it is. */
export function raisePriority(): Priority {
  type Call = (thread: number, policy: number, parameter: Uint8Array) => number
  const schedule = systemCall<Call>('int sched_setscheduler(int, int, const void *)')
  return schedule(0, roundRobin | resetOnFork, Uint8Array.of(lowest, 0, 0, 0)) === 0 ? 'real-time' : 'ordinary'
}
