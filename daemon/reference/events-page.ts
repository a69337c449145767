/** The reference of events, both those of `tandem events` and those of Kubernetes, made from the tables that say them. */

import { eventReasons } from '../../controllers/index.ts'
import { event } from '../admin/shapes.ts'
import { eventKinds } from '../events.ts'
import { shapeRows } from './shape.ts'
import { cell, generated, wordNames } from './words.ts'

export function eventsPage(): string {
  return [
    '# Events',
    '',
    generated,
    '',
    '## What `tandem events` shows',
    '',
    'A daemon keeps what happened lately in memory, the latest `--events-kept` of it, and nothing over a restart. `tandem events` shows it, `--follow` goes',
    'on with what comes, `--since 10m` leaves out what is older, `-o json` is for programs. The page of `--web` shows the same; the log has it and more.',
    '',
    '| field | kind | meaning |',
    '| --- | --- | --- |',
    ...shapeRows(event),
    '',
    '| event | subject | when | what it says |',
    '| --- | --- | --- | --- |',
    ...Object.entries(eventKinds).map(
      ([name, { subject, examples, when }]) =>
        `| \`${name}\` | ${subject} | ${cell(when)} | ${examples.map((one) => `\`${cell(one)}\``).join('<br>')} |`,
    ),
    '',
    'The lab shows what its routers see: `session-up` and `session-down` with the router as their subject, and `routes` with one route each.',
    '',
    '## Kubernetes events',
    '',
    'A daemon that follows an API server also writes these, with `tandem` as their source, on its own Node and on Services: `kubectl get events -A` shows',
    'them. `--events=false` switches them off. The same event is written again after five minutes at the earliest, with a higher count; a reason at most',
    'ten times in a burst, then twice a minute. What all nodes say of one Service is one event. Words in capitals stand for what is said in each case.',
    '',
    '| reason | type | on | what it says | when |',
    '| --- | --- | --- | --- | --- |',
    ...Object.entries(eventReasons).map(
      ([name, { type, on, says, when }]) =>
        `| \`${name}\` | ${type} | ${on} | ${cell((says as (words: typeof wordNames) => string)(wordNames))} | ${cell(when)} |`,
    ),
    '',
  ].join('\n')
}
