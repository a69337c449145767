/** How long things took, which no snapshot can say: from a change of an object to its plan, and to the UPDATEs on the wire. */

import { Histogram, type Registry } from 'prom-client'
import type { Applied } from '../../controllers/index.ts'
import type { Clock } from '../../speaker/index.ts'

const seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

export const timingRows = [
  ['tandem_plan_duration_seconds', 'From a change of an object to the plan that follows from it'],
  ['tandem_event_to_wire_seconds', "From a change of an object to its last UPDATE written to the peers' connections"],
] as const

export class Timings {
  readonly #clock: Clock
  readonly #planned: Histogram
  readonly #sent: Histogram
  /** When the oldest change began that is not sent yet. */
  #beganAt: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    const [planned, sent] = timingRows.map(
      ([name, help]) => new Histogram({ name, help, buckets: seconds, registers: [] }),
    )
    this.#planned = planned!
    this.#sent = sent!
  }

  enter(registry: Registry): void {
    registry.registerMetric(this.#planned)
    registry.registerMetric(this.#sent)
  }

  applied({ beganAt, plannedAt, report: { routes } }: Applied): void {
    this.#planned.observe((plannedAt - beganAt) / 1000)
    if (routes.added + routes.withdrawn + routes.changed > 0) this.#beganAt ??= beganAt
  }

  /** All that was pending has been sent. */
  settled(): void {
    if (this.#beganAt === undefined) return
    this.#sent.observe((this.#clock.now() - this.#beganAt) / 1000)
    this.#beganAt = undefined
  }
}
