/** What is done with each command that the documents have people type, by its form; and why it is not run where it is not. */

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { readNodeSettings } from '../../controllers/annotations/node-settings.ts'
import { flags } from '../../daemon/config/flags.ts'
import { node } from './cluster.ts'
import { annotationKeys, root } from './documents.ts'

/** Read by hand: throws where the command is not right. */
export type Check = (words: readonly string[]) => void

/**
 * `asked`: of a daemon that follows a folder of manifests. `alone`: of the speaker alone. `daemon`: started, until it has started, and ended.
 * `shown`: started, until it has printed this, and ended. `curl`: by curl. `parsed`: read by the command line's own parser; `named`: known to it.
 */
export type How = 'asked' | 'alone' | 'daemon' | 'curl' | 'parsed' | 'named' | { readonly shown: string } | Check

export interface Rule {
  readonly form: RegExp
  readonly how: How
  /** Why it is not run. */
  readonly why?: string
}

const nothing: Check = () => {}
/** test/interop/documents.ts types those in network namespaces, beside BIRD. */
const onThisMachine = 'changes routes of this machine: npm run test:interop'

/** The first that fits counts. */
export const rules: readonly Rule[] = [
  { form: /^tandem (apply|explain)$/, how: 'named', why: 'only names it' },
  { form: /^tandem (peers|routes) .*--all-nodes/, how: 'parsed', why: 'asks a cluster' },
  { form: /^tandem run .*--bmp-collectors/, how: 'parsed', why: 'dials collectors' },
  { form: /^tandem run .*--install-routes/, how: 'parsed', why: onThisMachine },
  { form: /^tandem clean-routes/, how: 'parsed', why: onThisMachine },
  { form: /^tandem check/, how: 'parsed', why: 'dials the routers that it is given: npm run test:interop' },
  { form: /^tandem plan .*--kubeconfig/, how: 'parsed', why: 'asks an API server' },
  { form: /^tandem events .*--follow/, how: { shown: 'advertised' } },
  { form: /^tandem run/, how: 'daemon' },
  { form: /^tandem apply/, how: 'alone' },
  { form: /^tandem explain peer\/tor-/, how: 'alone' },
  { form: /^tandem (peers|routes|explain|events|plan|decode|completion)/, how: 'asked' },
  { form: /^tandem( lab)?$/, how: { shown: 'Ctrl-C ends the lab' } },
  { form: /^curl --unix-socket/, how: 'curl' },
  { form: /^npm ci$/, how: nothing, why: 'is how this test came to be here' },
  { form: /^npm test$/, how: nothing, why: 'is what runs this' },
  { form: /^npm run /, how: script, why: 'takes long; it is looked up' },
  { form: /^kubectl apply -k /, how: overlay, why: 'needs a cluster; what it applies is made' },
  { form: /^kubectl annotate node /, how: annotation, why: 'needs a cluster; what it writes is read' },
  {
    form: /^kubectl (-n \S+ )?(get|label|describe|create secret|port-forward)\b/,
    how: nothing,
    why: 'needs a cluster',
  },
  { form: /^helm install /, how: chart, why: 'needs a cluster; chart and flags are looked up' },
  { form: /^docker build /, how: image, why: 'needs Docker; file and target are looked up' },
  { form: /^jq /, how: filter },
  { form: /^ip (-6 )?(route|rule) /, how: nothing, why: onThisMachine },
  { form: /^nft /, how: ruleset, why: 'changes the filter of this machine: npm run test:interop' },
  { form: /^pmbmpd /, how: nothing, why: 'takes connections for ever: npm run test:interop' },
  { form: /^nstat /, how: nothing, why: 'counts what only a session with a key moves' },
  { form: /^mkdir -p /, how: nothing, why: 'is run as the block is read' },
]

export const has = (program: string) => spawnSync(program, ['--help']).error === undefined

const valueAfter = (words: readonly string[], flag: string) => words[words.indexOf(flag) + 1] ?? ''

function script([, , name = '']: readonly string[]): void {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }
  expect(Object.keys(scripts)).to.include(name)
}

function overlay(words: readonly string[]): void {
  const folder = join(root, valueAfter(words, '-k'))
  expect(existsSync(join(folder, 'kustomization.yaml')), folder).to.equal(true)
  if (!has('kubectl')) return
  const { status, stderr } = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf8' })
  expect(status, stderr).to.equal(0)
}

function annotation(words: readonly string[]): void {
  const [name = '', ...said] = words.slice(3)
  const annotations = Object.fromEntries(said.map((one) => [one.split('=')[0]!, one.slice(one.indexOf('=') + 1)]))
  expect(annotationFindings(annotations, name)).to.deep.equal([])
}

/** What is wrong with annotations of a Node: a key that is none, or a value. */
export function annotationFindings(annotations: Readonly<Record<string, string>>, name = 'n1'): unknown[] {
  const unknown = Object.keys(annotations).filter((key) => !annotationKeys.has(key))
  return [...unknown, ...readNodeSettings(node(name, { annotations }), undefined).findings]
}

function chart(words: readonly string[]): void {
  expect(existsSync(join(root, words[3] ?? '', 'Chart.yaml')), words[3]).to.equal(true)
  const names = words.flatMap((word) => /^config\.([^=]+)=/.exec(word)?.slice(1) ?? [])
  expect(Object.keys(flags)).to.include.members(names)
}

function image(words: readonly string[]): void {
  const file = readFileSync(join(root, words.includes('-f') ? valueAfter(words, '-f') : 'docker/Dockerfile'), 'utf8')
  if (words.includes('--target')) expect(file.toLowerCase()).to.include(` as ${valueAfter(words, '--target')}\n`)
}

function ruleset(words: readonly string[]): void {
  if (words.includes('-f')) expect(existsSync(join(root, valueAfter(words, '-f')))).to.equal(true)
}

function filter(words: readonly string[]): void {
  if (!has('jq')) return
  const { status, stderr } = spawnSync('jq', words.slice(1), { encoding: 'utf8', input: '{"nodes":{},"missing":[]}' })
  expect(status, stderr).to.equal(0)
}
