/** YAML or JSON text as a value, and the way back from a path in it to a line. JSON is read by the platform: files of routes are large. */

import { readFileSync } from 'node:fs'
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml'
import * as z from 'zod'
import { didYouMean } from '../../controllers/index.ts'
import { ConfigError } from './flag.ts'

export interface ConfigDocument {
  readonly name: string
  readonly value: unknown
  /** `file:line:column path` of a place in the document. */
  place(path: readonly PropertyKey[]): string
  /** The same of the last key of the path, and not of its value. */
  keyPlace(path: readonly PropertyKey[]): string
  /** `file:line:column` alone. */
  line(path: readonly PropertyKey[]): string
}

/** JSON up to this size is read a second time, as YAML, when somebody asks for a line. */
const largestJsonWithLines = 1024 * 1024

export function readDocument(name: string, text: string): ConfigDocument {
  return /^\s*\{/.test(text) ? readJson(name, text) : readYaml(name, text)
}

function readJson(name: string, text: string): ConfigDocument {
  let lined: ConfigDocument | undefined
  const withLines = () => {
    if (text.length <= largestJsonWithLines) lined ??= readYaml(name, text)
    return lined
  }
  try {
    return {
      name,
      value: JSON.parse(text) as unknown,
      place: (path) => withLines()?.place(path) ?? joined(name, path),
      keyPlace: (path) => withLines()?.keyPlace(path) ?? joined(name, path),
      line: (path) => withLines()?.line(path) ?? joined(name, path),
    }
  } catch (error) {
    // What follows the comma quotes the text.
    const what = error instanceof Error ? error.message.split(/, (?:\.{3})?"/)[0] : error
    throw new ConfigError(name, shown(text.slice(0, 40)), `is no valid JSON: ${what}`)
  }
}

function readYaml(name: string, text: string): ConfigDocument {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const [wrong] = document.errors
  if (wrong) {
    const { line, col } = lines.linePos(wrong.pos[0])
    throw new ConfigError(
      `${name}:${line}:${col}`,
      shown(text.split('\n')[line - 1]?.trim()),
      `is no valid YAML: ${wrong.message}`,
    )
  }
  const at = (offset: number | undefined) => {
    if (offset === undefined) return name
    const { line: row, col } = lines.linePos(offset)
    return `${name}:${row}:${col}`
  }
  const line = (path: readonly PropertyKey[]) => at(offsetOf(document, path))
  return {
    name,
    value: contentsOf(document, name),
    line,
    place: (path) => joined(line(path), path),
    keyPlace: (path) => joined(at(offsetOfKey(document, path) ?? offsetOf(document, path)), path),
  }
}

function contentsOf(document: Document, name: string): unknown {
  try {
    return document.toJS() as unknown
  } catch {
    throw new ConfigError(name, '(not shown)', 'is no valid YAML: an alias (*name) has no anchor (&name) before it')
  }
}

const unshown = '(not shown)'

/** A piece of the text, unless a password may stand in it: what is wrong is printed and logged. */
function shown(text: string | undefined): string | undefined {
  return text !== undefined && /password/i.test(text) ? unshown : text
}

/** The same of a value at a path. */
function withoutPasswords(value: unknown, key: PropertyKey | undefined): unknown {
  if (key === 'password') return unshown
  if (Array.isArray(value)) return value.map((one, index) => withoutPasswords(one, index))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withoutPasswords(one, name)]))
}

function offsetOfKey(document: Document, path: readonly PropertyKey[]): number | undefined {
  const mapping = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  if (!isMap(mapping)) return undefined
  const key = mapping.items.map((item) => item.key).find((one) => isScalar(one) && one.value === path.at(-1))
  return isNode(key) ? key.range?.[0] : undefined
}

/** Where the value at a path begins, or the nearest place above it that is there. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number | undefined {
  for (let depth = path.length; depth > 0; depth--) {
    const node = document.getIn(path.slice(0, depth), true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return undefined
}

function joined(name: string, path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
  return text === '' ? name : `${name} ${text.replace(/^\./, '')}`
}

/** The keys of a document that a schema knows, checked by it; the others are somebody else's. Throws `ConfigError` for the first thing that is wrong. */
export function checked<Shape extends z.core.$ZodShape>(
  document: ConfigDocument,
  schema: z.ZodObject<Shape>,
): z.output<z.ZodObject<Shape>> {
  const own = Object.fromEntries(
    Object.entries((document.value ?? {}) as Record<string, unknown>).filter(([key]) => key in schema.shape),
  )
  const parsed = schema.safeParse(own)
  if (parsed.success) return parsed.data
  throw complaint(document, own, schema, parsed.error.issues[0]!)
}

function complaint(document: ConfigDocument, root: unknown, schema: z.ZodType, issue: z.core.$ZodIssue): ConfigError {
  const { path, message } = issue
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys
    const expected = `is no key here${didYouMean(key, keysAt(schema, path))}`
    return new ConfigError(document.keyPlace([...path, key]), key, expected)
  }
  const inner = issue.code === 'invalid_union' ? issue.errors.flat().find(saysMore) : undefined
  if (inner) return complaint(document, root, schema, { ...inner, path: [...path, ...inner.path] })
  const secret = path.find((part) => part === 'password')
  return new ConfigError(document.place(path), withoutPasswords(valueAt(root, path), secret ?? path.at(-1)), message)
}

/** Of the ways in which a value is none of several things: one that is about something inside it. */
function saysMore({ path, code }: z.core.$ZodIssue): boolean {
  return path.length > 0 || code === 'unrecognized_keys'
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema | boolean
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
}

/** The keys that a mapping may have at a path. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let here: readonly JsonSchema[] = [z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema]
  const alternatives = (of: JsonSchema): JsonSchema[] => [of, ...(of.anyOf ?? []).flatMap(alternatives)]
  for (const part of path) {
    here = here.flatMap(alternatives).flatMap(({ properties, additionalProperties, items }) => {
      const below = typeof part === 'number' ? items : (properties?.[String(part)] ?? additionalProperties)
      return typeof below === 'object' ? [below] : []
    })
  }
  return here.flatMap(alternatives).flatMap(({ properties }) => Object.keys(properties ?? {}))
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, part) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<PropertyKey, unknown>)[part] : undefined,
    root,
  )
}

/** The text of a file that a setting names; throws `ConfigError` with the setting as its place. */
export function readText(place: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new ConfigError(place, path, `cannot be read (${why})`)
  }
}
