/**
 * What the configuration file of a daemon that follows Kubernetes may say beside its flags: sets, policies, which peers they are for, and
 * collectors. Policies come before the pair of policies that is built in, which keeps the last word.
 */

import * as z from 'zod'
import { type NeighbourEntry, NeighbourSet, type Policy } from '../../policy/index.ts'
import type { CollectorDeclaration } from '../../speaker/index.ts'
import { bmpShape, readCollectors } from './bmp.ts'
import { type ConfigDocument, checked } from './document.ts'
import { ConfigError } from './flag.ts'
import { flags } from './flags.ts'
import { readPolicies } from './policy-file.ts'
import { neighbourItems, policiesShape, policyNames } from './policy-schema.ts'
import { speakerKeys } from './speaker-schema.ts'
import { borderShape, readBorder } from './values.ts'

export const kubernetesFileSchema = z.strictObject({
  ...policiesShape,
  ...bmpShape,
  'peer-policies': z
    .array(
      z.strictObject({
        neighbours: neighbourItems
          .optional()
          .describe(
            'Peers by address, prefix of addresses, ASN, `external`, `internal`, or names of sets. Default: all.',
          ),
        import: policyNames.describe('Policy for what these peers send, or a list of them.'),
        export: policyNames.describe('Policy for what these peers are sent, or a list of them.'),
        ...borderShape,
      }),
    )
    .default([])
    .describe('For which peers policies are; of several entries that a peer is in, the first counts.'),
})

export const kubernetesKeys: readonly string[] = Object.keys(kubernetesFileSchema.shape)

/** What some peers have in front of the built-in pair. */
export interface PeerPolicy {
  readonly neighbours: NeighbourSet
  readonly import: Policy | undefined
  readonly export: Policy | undefined
  readonly border: ReturnType<typeof readBorder>
}

const everybody: readonly NeighbourEntry[] = (['external', 'internal'] as const).map((type) => ({ by: 'type', type }))

export interface KubernetesFile {
  /** In the order of the file. */
  readonly policies: readonly PeerPolicy[]
  readonly collectors: readonly CollectorDeclaration[]
}

/** Throws `ConfigError` with file, line and path for the first thing that is wrong. */
export function readKubernetesFile(document: ConfigDocument): KubernetesFile {
  for (const key of Object.keys((document.value ?? {}) as object)) {
    if (!speakerKeys.includes(key) || kubernetesKeys.includes(key) || key in flags) continue
    const expected = 'is for --source none: with Kubernetes, Nodes and Services say who peers and what is advertised'
    throw new ConfigError(document.keyPlace([key]), key, expected)
  }
  const file = checked(document, kubernetesFileSchema)
  const policies = readPolicies(document, file, [])
  const collectors = readCollectors(document, file)
  const peerPolicies = file['peer-policies'].map((part, index): PeerPolicy => {
    const path = ['peer-policies', index]
    const list = (key: 'import' | 'export') => {
      const names = part[key]
      return names === undefined ? undefined : policies.list(names, [...path, key], true)
    }
    const { neighbours } = part
    const entries =
      neighbours === undefined ? everybody : policies.sets.neighbours.entries(neighbours, [...path, 'neighbours'])
    return {
      neighbours: new NeighbourSet(entries),
      import: list('import'),
      export: list('export'),
      border: readBorder(part),
    }
  })
  return { policies: peerPolicies, collectors }
}
