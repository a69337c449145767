/** `values.schema.json` of the Helm chart: what the chart takes, with every flag of the daemon under `config`, so that a mistyped one is refused by helm. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import type { Flag } from '../daemon/config/flag.ts'
import { type FlagName, flags } from '../daemon/config/flags.ts'
import { kubernetesFileSchema } from '../daemon/config/kubernetes-file.ts'

type Schema = Readonly<Record<string, unknown>>

export const schemaPath = join(import.meta.dirname, 'helm/tandem/values.schema.json')

/** What the chart itself decides: where things are in the pod, and where objects come from. */
const ofTheChart: readonly FlagName[] = [
  'source',
  'manifests',
  'config',
  'kubeconfig',
  'master',
  'admin-socket',
  'hostname-override',
]

const text: Schema = { type: 'string' }
const list: Schema = { type: 'array' }
const mapping: Schema = { type: 'object' }
const port: Schema = { type: 'integer', minimum: 1, maximum: 65535 }

/** A flag as a value of YAML: what stands behind its name in the help says which. */
function schemaOf({ type: { placeholder }, help }: Flag<unknown>): Schema {
  const description = help
  if (placeholder === '') return { type: 'boolean', description }
  if (placeholder.endsWith(',...')) return { type: ['array', 'string', 'number'], description }
  if (/^[a-z-]+(\|[a-z-]+)+$/.test(placeholder)) return { enum: placeholder.split('|'), description }
  if (placeholder === 'N' || placeholder === 'ASN') return { type: 'integer', description }
  if (placeholder === 'DURATION') return { type: ['string', 'integer'], description }
  if (placeholder.startsWith('N|')) return { type: ['integer', 'string', 'object'], description }
  return { type: 'string', description }
}

export function valuesSchema(): string {
  const names = (Object.keys(flags) as FlagName[]).filter((name) => !ofTheChart.includes(name))
  const { properties } = z.toJSONSchema(kubernetesFileSchema, { io: 'input', unrepresentable: 'any' })
  const config = {
    type: 'object',
    additionalProperties: false,
    properties: { ...Object.fromEntries(names.map((name) => [name, schemaOf(flags[name])])), ...properties },
  }
  const image = {
    type: 'object',
    additionalProperties: false,
    properties: { repository: text, tag: text, pullPolicy: { enum: ['Always', 'IfNotPresent', 'Never'] } },
  }
  const networkPolicy = {
    type: 'object',
    additionalProperties: false,
    properties: { enabled: { type: 'boolean' }, apiServerPorts: { type: 'array', items: port } },
  }
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    additionalProperties: false,
    properties: {
      global: mapping,
      config,
      image,
      imagePullSecrets: list,
      passwordsSecret: text,
      networkPolicy,
      resources: mapping,
      nodeSelector: mapping,
      affinity: mapping,
      tolerations: list,
      priorityClassName: text,
      updateStrategy: mapping,
      podAnnotations: mapping,
      podLabels: mapping,
      extraEnv: list,
    },
  }
  return `${JSON.stringify(schema, undefined, 2)}\n`
}

if (import.meta.main) writeFileSync(schemaPath, valuesSchema())
