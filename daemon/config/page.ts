/** The reference of every setting, made from what checks them: it cannot say anything else. */

import { z } from 'zod'
import type { Flag } from './flag.ts'
import { environmentName, type FlagName, flags, foreignFlags } from './flags.ts'
import { speakerFileSchema } from './speaker-file.ts'

interface Schema {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

export function configurationPage(): string {
  return [
    '# Configuration',
    '',
    'Made by `npm run docs` from the code. Do not edit.',
    '',
    '## Flags',
    '',
    'Each flag can also be given as an environment variable and, under its name, in the file of `--config`.',
    'The flag wins, then the environment, then the file. An unknown flag or a value that makes no sense is an error at start.',
    '',
    '| flag | default | meaning |',
    '| --- | --- | --- |',
    ...(Object.keys(flags) as FlagName[]).map(flagRow),
    '',
    `The environment variable of \`--cluster-asn\` is \`${environmentName('cluster-asn')}\`, and so on.`,
    '',
    "## kube-router's flags that do nothing here",
    '',
    'They are taken, so that a command line moves over, and each one that is given is answered with a warning.',
    '',
    '| flag | why |',
    '| --- | --- |',
    ...Object.entries(foreignFlags).map(([name, why]) => `| \`${name.length === 1 ? '-' : '--'}${name}\` | ${why} |`),
    '',
    '## The file of the speaker alone',
    '',
    'With `tandem run --source none --config FILE` the file says who the speaker is, its peers, policies and routes, in YAML or JSON.',
    'It is read again on SIGHUP and by `tandem apply FILE`; a file with an error changes nothing.',
    '',
    '| key | type | default | meaning |',
    '| --- | --- | --- | --- |',
    ...schemaRows('', z.toJSONSchema(speakerFileSchema, { io: 'input', unrepresentable: 'any' }) as Schema),
    '',
  ].join('\n')
}

function flagRow(name: FlagName): string {
  const one: Flag<unknown> = flags[name]
  const placeholder = one.type.placeholder === '' ? '' : `=${one.type.placeholder.replaceAll('|', '\\|')}`
  const text = one.defaultText ?? (one.default === '' || one.default === undefined ? '' : String(one.default))
  return `| \`--${name}${placeholder}\` | ${text} | ${one.help} |`
}

/** One row a key, those of lists and mappings below their own. */
function schemaRows(path: string, schema: Schema): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => {
    const name = path === '' ? key : `${path}.${key}`
    const needed = schema.required?.includes(key) && inner.default === undefined
    const fallback = needed ? 'required' : inner.default === undefined ? '' : `\`${JSON.stringify(inner.default)}\``
    const row = `| \`${name}\` | ${typeOf(inner)} | ${fallback} | ${inner.description ?? ''} |`
    const below = inner.items ? schemaRows(`${name}[]`, inner.items) : schemaRows(name, inner)
    const alternatives = (inner.items?.anyOf ?? []).flatMap((one) => schemaRows(`${name}[]`, one))
    return [row, ...below, ...alternatives]
  })
}

function typeOf(schema: Schema): string {
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(' or ')
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(' or ')
  if (schema.items) return `list of ${typeOf(schema.items)}`
  if (schema.type === 'object') return 'mapping'
  return schema.type ?? 'text'
}
