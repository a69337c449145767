/** The reference of every setting, made from what checks them: it cannot say anything else. */

import * as z from 'zod'
import type { Flag } from './flag.ts'
import { environmentName, type FlagName, flags, foreignFlags } from './flags.ts'
import { kubernetesFileSchema } from './kubernetes-file.ts'
import { speakerFileSchema } from './speaker-schema.ts'

interface Schema {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
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
    'What policies can say is in [policy.md](policy.md), with examples.',
    '',
    ...schemaTable(speakerFileSchema, []),
    '',
    '## The file of a daemon that follows Kubernetes',
    '',
    'Beside flags, the file of `--config` may hold `sets`, `policies` and `bmp`, as above, and say which peers policies are for. Policies come before the',
    'pair of policies that is built in, which keeps the last word. On SIGHUP and by `tandem apply FILE` these keys are read again, and nothing else.',
    '',
    ...schemaTable(kubernetesFileSchema, ['sets', 'policies', 'bmp']),
    '',
  ].join('\n')
}

function flagRow(name: FlagName): string {
  const one: Flag<unknown> = flags[name]
  const placeholder = one.type.placeholder === '' ? '' : `=${one.type.placeholder.replaceAll('|', '\\|')}`
  const text = one.defaultText ?? (one.default === '' || one.default === undefined ? '' : String(one.default))
  return `| \`--${name}${placeholder}\` | ${text} | ${one.help} |`
}

function schemaTable(schema: z.ZodType, without: readonly string[]): string[] {
  const { properties = {}, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema
  const shown = Object.fromEntries(Object.entries(properties).filter(([key]) => !without.includes(key)))
  return [
    '| key | type | default | meaning |',
    '| --- | --- | --- | --- |',
    ...schemaRows('', { ...rest, properties: shown }),
  ]
}

/** One row a key, those of lists and mappings below their own. */
function schemaRows(path: string, schema: Schema): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => {
    const name = path === '' ? key : `${path}.${key}`
    const needed = schema.required?.includes(key) && inner.default === undefined
    const fallback = needed ? 'required' : inner.default === undefined ? '' : `\`${JSON.stringify(inner.default)}\``
    const row = `| \`${name}\` | ${typeOf(inner)} | ${fallback} | ${inner.description ?? ''} |`
    // The conditions under `not` are those beside it.
    return key === 'not' ? [row] : [row, ...rowsBelow(name, inner)]
  })
}

function rowsBelow(name: string, schema: Schema): string[] {
  if (schema.properties) return schemaRows(name, schema)
  if (schema.items) return rowsBelow(`${name}[]`, schema.items)
  if (typeof schema.additionalProperties === 'object') return rowsBelow(`${name}.NAME`, schema.additionalProperties)
  // Of one thing or a list of them, the list says it all.
  const lists = (schema.anyOf ?? []).filter(({ items }) => items)
  return (lists.length > 0 ? lists : (schema.anyOf ?? [])).flatMap((one) => rowsBelow(name, one))
}

function typeOf(schema: Schema): string {
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(' or ')
  if (schema.const !== undefined) return `\`${String(schema.const)}\``
  if (schema.anyOf) return typeOfAny(schema.anyOf)
  if (schema.items) return `list of ${typeOf(schema.items)}`
  if (typeof schema.additionalProperties === 'object')
    return `mapping of names to ${typeOf(schema.additionalProperties)}`
  if (schema.type === 'object') return 'mapping'
  return schema.type ?? 'text'
}

function typeOfAny(alternatives: readonly Schema[]): string {
  const single = new Set(alternatives.map(typeOf))
  const types = [...single].map((type) =>
    single.has(type.replace(/^list of /, '')) && type.startsWith('list of ') ? 'a list' : type,
  )
  return types.join(' or ')
}
