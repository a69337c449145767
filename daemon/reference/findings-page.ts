/** The reference of findings and of what withholds a route, made from the tables that say them. */

import { findingGroups, withheldRules } from '../../controllers/index.ts'
import { cell, generated, wordNames } from './words.ts'

type Says = (words: typeof wordNames) => string

interface Row {
  readonly severity: string
  readonly says: unknown
  readonly when: string
  readonly mend: string
}

export function findingsPage(): string {
  return [
    '# Findings, and why a route is withheld',
    '',
    generated,
    '',
    'What is wrong with one object or setting is a *finding*: it names the object, the field, the value and what would be right, and harms nothing else.',
    'An address or CIDR that is not advertised from a node is *withheld*, with the one rule that holds it back and what to change.',
    'Both are in `tandem plan`, `tandem explain`, `tandem events` and the [admin API](admin-api.md). Findings are in the log too, and become',
    '[Kubernetes events](events.md) on the own Node and on Services. `tandem_findings` and `tandem_plan_withheld` count them ([metrics.md](metrics.md)).',
    '',
    'Words in capitals stand for what is said in each case.',
    '',
    '## Findings',
    '',
    'An *error* is something that does not do what was asked for; a *warning* is something that does, and may surprise.',
    ...Object.entries(findingGroups).flatMap(([title, rows]) => [
      '',
      `### ${title}`,
      '',
      '| it says | severity | when | what to do |',
      '| --- | --- | --- | --- |',
      ...Object.values<Row>(rows).map(findingRow),
    ]),
    '',
    '## Why a route is withheld',
    '',
    'The rules are asked in this order, and the first one that applies is shown: mend it, and the next may show. "To change" is what `explain` says after',
    '`To change it:`.',
    '',
    '| reason | to change | which routes |',
    '| --- | --- | --- |',
    ...Object.values(withheldRules).map(
      ({ reason, mend, when }) =>
        `| ${cell((reason as Says)(wordNames))} | ${cell((mend as Says)(wordNames))} | ${cell(when)} |`,
    ),
    '',
    'What an import or export policy refuses is not withheld: `tandem explain PREFIX` names the statement for each peer.',
    '',
  ].join('\n')
}

function findingRow({ severity, says, when, mend }: Row): string {
  return `| ${cell((says as Says)(wordNames))} | ${severity} | ${cell(when)} | ${cell(mend)} |`
}
