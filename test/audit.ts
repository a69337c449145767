/**
 * `npm run audit`: known weaknesses of the packages in the lock file, those of the image first, and the signatures of the registry.
 * Where the registry does not answer such questions it says "not checked", and fails nothing: a check that needs a network is no test of this tree.
 */

import { spawnSync } from 'node:child_process'
import { pathToFileURL } from 'node:url'

export interface Verdict {
  readonly outcome: 'clean' | 'not clean' | 'not checked'
  readonly text: string
}

interface Report {
  readonly auditReportVersion?: number
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string; readonly range: string }>>
  readonly invalid?: readonly { readonly name: string; readonly version: string }[]
  readonly missing?: readonly { readonly name: string; readonly version: string }[]
  readonly message?: string
  readonly error?: { readonly summary?: string; readonly code?: string }
}

/** What the JSON of `npm audit` or `npm audit signatures` says. */
export function verdict(json: string): Verdict {
  const report = parsed(json)
  if (report?.auditReportVersion !== undefined) {
    const found = Object.entries(report.vulnerabilities ?? {})
    const lines = found.map(([name, { severity, range }]) => `${name} ${range}: ${severity}`)
    return found.length === 0 ? { outcome: 'clean', text: '' } : { outcome: 'not clean', text: lines.join('; ') }
  }
  if (report?.invalid && report.missing) {
    const bad = [...report.invalid, ...report.missing].map(({ name, version }) => `${name} ${version}`)
    return bad.length === 0 ? { outcome: 'clean', text: '' } : { outcome: 'not clean', text: bad.join('; ') }
  }
  const why = report?.message ?? report?.error?.summary ?? report?.error?.code ?? 'npm gave no answer'
  return { outcome: 'not checked', text: why.split('\n')[0] ?? '' }
}

function parsed(json: string): Report | undefined {
  try {
    const value = JSON.parse(json) as unknown
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

const checks: readonly [what: string, words: readonly string[]][] = [
  ['weaknesses of what the image has', ['audit', '--omit=dev', '--json']],
  ['weaknesses of all packages', ['audit', '--json']],
  ['signatures of all packages', ['audit', 'signatures', '--json']],
]

function main(): void {
  for (const [what, words] of checks) {
    const { stdout } = spawnSync('npm', words, { encoding: 'utf8', timeout: 120_000 })
    const { outcome, text } = verdict(stdout)
    process.stdout.write(`${what}: ${outcome}${text ? ` (${text})` : ''}\n`)
    if (outcome === 'not clean') process.exitCode = 1
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main()
