/** Every command of the documents, with where it stands and the rule that fits it. */

import { type Rule, rules } from './command-rules.ts'
import { blocksOf, documents, inlineOf, scriptOf, typed } from './documents.ts'

export interface Documented {
  readonly where: string
  /** Of tandem without npm or kubectl before it. */
  readonly words: readonly string[]
  readonly rule: Rule | undefined
}

/** `npm start -- peers` and `kubectl exec POD -- tandem peers` are `tandem peers`. */
function bare(words: readonly string[]): readonly string[] {
  if (words[0] === 'npm' && words[1] === 'start') return ['tandem', ...words.slice(words[2] === '--' ? 3 : 2)]
  return words[0] === 'kubectl' && words.includes('exec') ? words.slice(words.indexOf('--') + 1) : words
}

const isCommand =
  /^(?:npm (?:ci|test|start)$|(?:tandem|npm (?:start|run)|kubectl|helm|docker build|jq|nstat|ip (?:-6 )?(?:route|rule)) [a-z-])/
/** Words in capitals stand for something; so do three dots, and a bar between words. */
const isWhole = (code: string) =>
  !/\.\.\.|\w\|\w|(^|[\s/=])[A-Z]{2,}\b/.test(code.replace(/^kubectl .* exec POD -- /, ''))

export interface DocumentedCommands {
  readonly inBlocks: readonly Documented[]
  readonly inSentences: readonly Documented[]
  /** Each line once, with the first place that has it; a block counts before a sentence. */
  readonly commands: readonly Documented[]
}

/** `folder` is where they may write while bash splits them into words. */
export function documentedCommands(folder: string): DocumentedCommands {
  const read = (where: string, script: string): Documented[] =>
    typed(script, folder).map(({ words: all, problem }) => {
      if (problem !== undefined) return { where, words: [problem], rule: undefined }
      const words = bare(all)
      return { where, words, rule: rules.find(({ form }) => form.test(words.join(' '))) }
    })
  const inBlocks = documents.flatMap(blocksOf).flatMap((block) => read(`${block.page}:${block.line}`, scriptOf(block)))
  const inSentences = documents
    .flatMap((page) => inlineOf(page).map((code) => ({ page, code })))
    .filter(({ code }) => isCommand.test(code) && isWhole(code))
    .flatMap(({ page, code }) => read(page, code))
    .map(readOnlyIfEndless)
  const firstLast = [...inSentences.toReversed(), ...inBlocks.toReversed()]
  const commands = [...new Map(firstLast.map((one) => [one.words.join(' '), one])).values()]
  return { inBlocks, inSentences, commands: commands.sort((a, b) => (a.where < b.where ? -1 : 1)) }
}

/** In sentences and tables what would go on for ever is only read: it is meant to be added to what else is typed. */
function readOnlyIfEndless(one: Documented): Documented {
  const goesOn = one.rule?.how === 'daemon' || typeof one.rule?.how === 'object'
  return goesOn ? { ...one, rule: { form: one.rule!.form, how: 'parsed', why: 'goes on for ever' } } : one
}
