/** `tandem events`: what happened lately, and with --follow what happens. */

import { setTimeout as pause } from 'node:timers/promises'
import { ask } from '../admin/client.ts'
import type { DaemonEvent, EventsAnswer } from '../events.ts'
import { type Format, written } from '../render/format.ts'
import { wholeTable } from '../render/table.ts'
import { durationMs } from './duration.ts'

export interface EventsRequest {
  readonly socket: string
  readonly format: Format
  readonly follow: boolean
  /** e.g. `90s`, `10m`, `2h`. */
  readonly since?: string
}

const lookMs = 300

export async function events({ socket, format, follow, since }: EventsRequest): Promise<void> {
  const from = since === undefined ? undefined : Date.now() - durationMs('--since', since)
  const read = (after: number) => ask<EventsAnswer>(socket, `/v1/events?after=${after}`)
  const { events: all, last: lastOfAll } = await read(0)
  const first = all.filter(({ at }) => from === undefined || Date.parse(at) >= from)
  const text = () => (first.length > 0 ? wholeTable(headings, first.map(cells)) : 'nothing yet')
  if (follow) print(first, format)
  else process.stdout.write(`${written(format, first, text)}\n`)
  let last = lastOfAll
  while (follow) {
    await pause(lookMs)
    const news = await read(last)
    // A daemon that was started again counts from the beginning.
    const isAnother = news.last < last
    print(isAnother ? (await read(0)).events : news.events, format)
    last = news.last
  }
}

const headings = ['TIME', 'EVENT', 'SUBJECT', 'WHAT']
const cells = (event: DaemonEvent) => [event.at, event.kind, event.subject, textBeside(event)]

/** A finding begins with its object, which stands beside it already. */
export const textBeside = ({ subject, text }: Pick<DaemonEvent, 'subject' | 'text'>) =>
  text.startsWith(`${subject} `) ? text.slice(subject.length + 1) : text

/** A line each, as they come: nobody knows yet how wide the next one is. */
function print(some: readonly DaemonEvent[], format: Format): void {
  for (const event of some) {
    const { at, kind, subject } = event
    const line = () => `${at}  ${kind.padEnd(13)}  ${subject}  ${textBeside(event)}`
    // A line, or a document, each.
    const news = format === 'json' ? JSON.stringify(event) : written(format, [event], line)
    process.stdout.write(`${news}\n`)
  }
}
