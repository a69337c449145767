/** The guides: what they tell people to type is taken by the command line, every annotation in them is one, and no link leads nowhere. */

import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { foreignFlags } from '../../daemon/config/flags.ts'

const root = join(import.meta.dirname, '../..')
const pages = ['README.md', 'docs/tutorial.md', ...globSync('docs/howto/*.md', { cwd: root })]
const text = (page: string) => readFileSync(join(root, page), 'utf8')

/** Commands of tandem in blocks and between backticks, by their words. */
function commandsOf(page: string): string[][] {
  const blocks = [...text(page).matchAll(/```\n([\s\S]*?)```/g)].map(([, block = '']) => block.replaceAll('\\\n', ' '))
  const inline = [
    ...text(page)
      .replaceAll(/```[\s\S]*?```/g, '')
      .matchAll(/`([^`\n]+)`/g),
  ].map(([, code = '']) => code)
  return [...blocks.flatMap((block) => block.split('\n')), ...inline]
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

describe('the guides', () => {
  const known = knownFlags()
  const followers = [...known.keys()]

  it('are there, with commands in them', () => {
    expect(pages.length).to.be.at.least(8)
    expect(pages.flatMap(commandsOf).length).to.be.at.least(35)
  })

  for (const page of pages) {
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
      const code = [...text(page).matchAll(/`([^`\n]+)`/g)].map(([, one = '']) => one)
      const flags = code.flatMap((one) => /^(--[a-z0-9-]+)(?:=\S*)?$/.exec(one)?.slice(1, 2) ?? [])
      const all = new Set([...known.values()].flatMap((some) => [...some]))
      for (const flag of flags)
        expect(all.has(flag) || flag.slice(2) in foreignFlags, `${page}: ${flag}`).to.equal(true)
      const sources = globSync('controllers/**/*.ts', { cwd: root }).map((file) =>
        readFileSync(join(root, file), 'utf8'),
      )
      const annotations = text(page).match(/\b(?:kube-router|tandem)\.io\/[a-z][a-z.-]*/g) ?? []
      for (const annotation of annotations) {
        const tail = annotation.replace(/^.*\.io\/(?:bgp\.)?/, '')
        expect(
          sources.some((source) => source.includes(tail)),
          `${page}: ${annotation}`,
        ).to.equal(true)
      }
    })

    it(`${page}: every link leads somewhere`, () => {
      for (const [, target = ''] of text(page).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
        if (/^https?:/.test(target)) continue
        expect(existsSync(join(root, dirname(page), target)), `${page}: ${target}`).to.equal(true)
      }
    })
  }
})
