/** Asking many at once, but not all at once, and none of them for ever. Who answers is handed in. */

import { ApiError, type PodExec } from '../../controllers/index.ts'
import type { Missing, Target } from './whom.ts'

export interface Limits {
  readonly atOnce: number
  /** For each node. */
  readonly timeoutMs: number
}

export interface Answered<Answer> {
  readonly node: string
  readonly answer: Answer
  /** What is not well there, although it answered. */
  readonly doubt?: string
}

export interface Gathered<Answer> {
  readonly answered: readonly Answered<Answer>[]
  readonly missing: readonly Missing[]
}

export type Ask<Answer> = (target: Target, signal: AbortSignal) => Promise<Answer>

/** In the order of `targets`; each of them is in one of the two lists. */
export async function gather<Answer>(
  targets: readonly Target[],
  ask: Ask<Answer>,
  { atOnce, timeoutMs }: Limits,
): Promise<Gathered<Answer>> {
  const results: (Answered<Answer> | Missing)[] = []
  let next = 0
  const worker = async () => {
    for (let index = next++; index < targets.length; index = next++) {
      results[index] = await one(targets[index]!, ask, timeoutMs)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, targets.length) }, worker))
  return {
    answered: results.filter((result) => 'answer' in result),
    missing: results.filter((result) => 'reason' in result),
  }
}

async function one<Answer>(target: Target, ask: Ask<Answer>, timeoutMs: number): Promise<Answered<Answer> | Missing> {
  const { node, doubt } = target
  const giveUp = new AbortController()
  const timer = setTimeout(
    () => giveUp.abort(new Error(`pod ${target.pod} gave no answer within ${timeoutMs / 1000} s`)),
    timeoutMs,
  )
  try {
    // Raced, because the time is up also for one who does not listen to the signal.
    const answer = await Promise.race([ask(target, giveUp.signal), aborted(giveUp.signal)])
    return { node, answer, ...(doubt !== undefined && { doubt }) }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { node, reason: doubt === undefined ? reason : `${reason}; ${doubt}` }
  } finally {
    clearTimeout(timer)
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
  )
}

/** Asks the daemon of a pod by the command line that is beside it. */
export function askInPod<Answer>(
  exec: PodExec,
  namespace: string,
  words: readonly string[],
  isAnswer: (value: unknown) => value is Answer,
): Ask<Answer> {
  return async ({ pod, container }, signal) => {
    const command = ['tandem', ...words, '-o', 'json']
    const { stdout, stderr, exitCode, problem } = await exec({ namespace, pod, container, command }, signal).catch(
      (error: unknown) => {
        throw error instanceof ApiError ? new Error(harmless(`${error.message}${rightsOf(error)}`)) : error
      },
    )
    if (exitCode !== 0) throw new Error(`pod ${pod}: ${firstLine(stderr) || firstLine(problem ?? '') || 'it failed'}`)
    const value = parsed(stdout)
    if (!isAnswer(value)) throw new Error(`pod ${pod}: its answer is no JSON of tandem ${words[0]}`)
    return value
  }
}

/** Where to read on when the API server refuses. */
export const rightsOf = ({ status }: ApiError) => (status === 403 ? '; rights: docs/howto/all-nodes.md' : '')

/** What a pod says goes to a terminal: nothing in it may move the cursor. */
const harmless = (text: string) => text.replace(/\p{Cc}/gu, ' ')

function firstLine(text: string): string {
  return harmless(text.trim().split('\n')[0] ?? '').replace(/^tandem: /, '')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text, (_key, value: unknown) => (typeof value === 'string' ? harmless(value) : value)) as unknown
  } catch {
    return undefined
  }
}
