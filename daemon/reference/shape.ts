/**
 * What a JSON answer holds, field by field, held to its type by the compiler: a field that is not described, or not as what it is, is an
 * error of types. So a reference that is made of it cannot leave one out.
 */

import type { Address, Family, Prefix } from 'bgp-ts'

type Text = string | Prefix | Address

/** Kind and meaning of a value; the fields of one that has any. */
export type Described<Value> = unknown extends Value
  ? readonly ['anything', string]
  : [Value] extends [Text]
    ? readonly ['text', string]
    : [Value] extends [number]
      ? readonly ['number', string]
      : [Value] extends [boolean]
        ? readonly ['boolean', string]
        : [Value] extends [readonly (infer Item)[]]
          ? [Item] extends [Text | number]
            ? readonly ['list', string]
            : readonly ['list', string, Fields<Item>]
          : Family extends keyof Value
            ? string extends keyof Value
              ? Numbers
              : ByName<'by family', Value[Family]>
            : [Value] extends [Readonly<Partial<Record<string, number>>>]
              ? Numbers | readonly ['object', string, Fields<Value>]
              : readonly ['object', string, Fields<Value>]

type Numbers = readonly ['numbers by name', string]

type ByName<Kind extends string, Value> = [NonNullable<Value>] extends [Text | number]
  ? readonly [Kind, string]
  : readonly [Kind, string, Fields<NonNullable<Value>>]

export type Fields<Value> = { readonly [Key in keyof Value]-?: Described<Exclude<Value[Key], undefined>> }

/** As much of the two as code needs that walks over them. */
export type AnyFields = Readonly<Record<string, readonly [kind: string, meaning: string, fields?: unknown]>>

/** One row a field, those of objects and lists below their own, as in `peers[].lastDown.why`. */
export function shapeRows(fields: AnyFields, path = ''): string[] {
  return Object.entries(fields).flatMap(([key, [kind, meaning, inner]]) => {
    const name = path + key
    const row = `| \`${name}\` | ${kind} | ${meaning} |`
    if (inner === undefined) return [row]
    return [row, ...shapeRows(inner as AnyFields, `${name}${below[kind] ?? ''}.`)]
  })
}

const below: Readonly<Record<string, string>> = { list: '[]', 'by family': '.FAMILY' }

/** Where a value is not what is described of it: fields that are not described, and values of another kind. Empty for one that is right. */
export function misfits(value: unknown, fields: AnyFields, path = ''): string[] {
  return Object.entries(value as Readonly<Record<string, unknown>>).flatMap(([key, one]) => {
    const described = fields[key]
    if (!described) return [`${path}${key} is not described`]
    const [kind, , inner] = described
    if (!isOfKind(one, kind)) return [`${path}${key} is no ${kind}: ${JSON.stringify(one)}`]
    if (inner === undefined) return []
    return parts(one, kind).flatMap((part) => misfits(part, inner as AnyFields, `${path}${key}.`))
  })
}

function parts(value: unknown, kind: string): unknown[] {
  if (kind === 'list') return value as unknown[]
  return kind === 'by family' ? Object.values(value as object) : [value]
}

function isOfKind(value: unknown, kind: string): boolean {
  if (kind === 'anything') return true
  if (kind === 'list') return Array.isArray(value)
  if (kind === 'text') return typeof value === 'string'
  if (kind === 'number' || kind === 'boolean') return typeof value === kind
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
