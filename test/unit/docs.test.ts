/**
 * The documents: every fence says what it holds, flags and commands that sentences name are there, every annotation is one and every one of the
 * code is told of, examples in YAML are read by what reads such files, and no link leads nowhere. Commands are run by docs-commands.test.ts.
 */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { parseAllDocuments } from 'yaml'
import { project } from '../../controllers/source/project.ts'
import { readDocument } from '../../daemon/config/document.ts'
import { foreignFlags } from '../../daemon/config/flags.ts'
import { readSpeakerFile } from '../../daemon/config/speaker-file.ts'
import { PeerPolicies } from '../../daemon/peer-policies.ts'
import { annotationFindings } from '../support/command-rules.ts'
import {
  annotationKeys,
  type Block,
  blocksOf,
  documents,
  inlineOf,
  root,
  textOf,
  typedLine,
} from '../support/documents.ts'

/** Commands of tandem in blocks and between backticks, by their words; those with placeholders too. */
function commandsOf(page: string): string[][] {
  const blocks = blocksOf(page)
    .filter(({ language }) => language === 'sh')
    .map(({ text }) => text.replaceAll('\\\n', ' '))
  return [...blocks.flatMap((block) => block.split('\n')), ...inlineOf(page)]
    .map((line) => /(?:^|-- )(?:tandem|npm start --) ([a-z].*)$/.exec(line.trim())?.[1])
    .filter((words) => words !== undefined)
    .map((words) => words.replace(/ #.*$/, '').split(/\s+/))
}

/** Flags of each command, as completion knows them. */
function knownFlags(): Map<string, Set<string>> {
  const { stdout } = spawnSync(process.execPath, [join(root, 'daemon/main.ts'), 'completion', 'bash'], {
    encoding: 'utf8',
  })
  return new Map(
    [...stdout.matchAll(/^ {6}([\w-]+)\) words="(.*)" ;;$/gm)].map(([, name = '', flags = '']) => [
      name,
      new Set(flags.split(' ')),
    ]),
  )
}

/** Flags of the kubelet, the fuzzer and the benchmarks. */
const notOurs = new Set(['--node-ip', '--seed', '--turn', '--write'])

const languages = ['sh', 'console', 'text', 'text answers', 'ts', 'yaml', 'yaml file', 'yaml kubernetes']

/** A mapping of annotations; an entry of the list of peers; objects of Kubernetes; a configuration file. Returns what is wrong with it. */
function faultsOf({ text }: Block): unknown[] {
  const all = parseAllDocuments(text)
  const broken = all.flatMap(({ errors }) => errors.map(({ message }) => message))
  if (broken.length > 0) return broken
  const whole = all.map((one) => one.toJS() as unknown)
  const [first] = whole
  if (Array.isArray(first)) return annotationFindings({ 'kube-router.io/peers': text })
  const keys = Object.keys(first as object)
  if (keys.includes('apiVersion')) return whole.flatMap(objectFaults)
  if (keys.every((key) => key.includes('.io/'))) return annotationFindings(first as Record<string, string>)
  const document = readDocument('tandem.yaml', text)
  if (keys.includes('router-id')) readSpeakerFile(document)
  else new PeerPolicies({}, document)
  return []
}

/** Kinds that the daemon reads, as it reads them; of others, that they are objects. */
function objectFaults(object: unknown): readonly unknown[] {
  const { kind, apiVersion, metadata } = object as { kind?: string; apiVersion?: string; metadata?: { name?: string } }
  if (!kind || !apiVersion || !metadata?.name) return ['is no object: it needs apiVersion, kind and metadata.name']
  const projected = project(object, 'a document')
  return projected !== undefined && !('kind' in projected) ? projected : []
}

describe('the documents', () => {
  const known = knownFlags()
  const followers = [...known.keys()]

  it('are there, with commands in them', () => {
    expect(documents).to.include.members(['README.md', 'CONTRIBUTING.md', 'docs/tutorial.md', 'docker/README.md'])
    expect(documents.length).to.be.at.least(30)
    expect(documents.flatMap(commandsOf).length).to.be.at.least(80)
  })

  it('tell of every annotation that the code reads or writes', () => {
    const told = ['controllers/README.md', 'docs/annotations.md'].flatMap((page) =>
      textOf(page)
        .split('\n')
        .filter((line) => line.startsWith('| '))
        .flatMap((line) => [...line.split(' | ')[0]!.matchAll(/`([a-z./-]+)`/g)].map(([, key = '']) => key)),
    )
    // Of several with one beginning, a row has the first whole and the ends of the others.
    const isTold = (key: string) =>
      told.some(
        (one) => one === key || (!one.includes('/') && /[./]$/.test(key.slice(0, -one.length)) && key.endsWith(one)),
      )
    expect([...annotationKeys].filter((key) => !isTold(key))).to.deep.equal([])
    expect(annotationKeys.size).to.be.at.least(30)
  })

  for (const page of documents) {
    it(`${page}: every fence says what it holds, and what is typed is in a fence of commands`, () => {
      for (const { line, language, text } of blocksOf(page)) {
        expect(languages, `${page}:${line}`).to.include(language)
        if (language === 'text') expect(text, `${page}:${line}`).to.not.match(typedLine)
      }
    })

    it(`${page}: examples in YAML are read without a fault`, () => {
      for (const block of blocksOf(page).filter(({ language }) => language.startsWith('yaml')))
        expect(faultsOf(block), `${page}:${block.line}`).to.deep.equal([])
    })

    it(`${page}: every command of tandem is one, with flags that it has`, () => {
      for (const [name = '', ...words] of commandsOf(page)) {
        expect(followers, `${page}: tandem ${name}`).to.include(name)
        for (const flag of words.filter((word) => word.startsWith('--')).map((word) => word.split('=')[0]!)) {
          const isKnown = known.get(name)?.has(flag) || flag.slice(2) in foreignFlags
          expect(isKnown, `${page}: tandem ${name} ${flag}`).to.equal(true)
        }
      }
    })

    it(`${page}: flags that are only named are flags, and annotations annotations`, () => {
      const flags = inlineOf(page).flatMap((one) => /^(--[a-z0-9-]+)(?:=\S*)?$/.exec(one)?.slice(1, 2) ?? [])
      const all = new Set([...known.values()].flatMap((some) => [...some]))
      for (const flag of flags)
        expect(all.has(flag) || flag.slice(2) in foreignFlags || notOurs.has(flag), `${page}: ${flag}`).to.equal(true)
      for (const [, annotation = '', rest] of textOf(page).matchAll(
        /\b((?:kube-router|tandem)\.io\/[a-z][a-z.-]*)(\*?)/g,
      )) {
        const key = annotation.replace(/\.$/, '')
        const isKnown =
          rest === '*' ? [...annotationKeys].some((one) => one.startsWith(annotation)) : annotationKeys.has(key)
        expect(isKnown, `${page}: ${annotation}`).to.equal(true)
      }
    })

    it(`${page}: every link leads somewhere`, () => {
      for (const [, target = ''] of textOf(page).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
        if (/^https?:/.test(target)) continue
        expect(existsSync(join(root, dirname(page), target)), `${page}: ${target}`).to.equal(true)
      }
    })
  }
})
