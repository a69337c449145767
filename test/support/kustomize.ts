/** What the kustomizations in docker/ give the daemon, read from their files: for tests that run it, or plan with it, as they would. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

export const docker = join(import.meta.dirname, '../../docker')

/** Arguments of the DaemonSet of the base, `run` first. */
export function baseArguments(): string[] {
  const path = join(docker, 'kustomize/base/daemonset.yaml')
  const { spec } = parse(readFileSync(path, 'utf8')) as {
    readonly spec: {
      readonly template: { readonly spec: { readonly containers: readonly { readonly args: string[] }[] } }
    }
  }
  return spec.template.spec.containers[0]!.args
}

/** What the patches of a kustomization add to them; `folder` within docker/. */
export function patchedArguments(folder: string): string[] {
  const { patches = [] } = parse(readFileSync(join(docker, folder, 'kustomization.yaml'), 'utf8')) as {
    readonly patches?: readonly { readonly patch?: string }[]
  }
  return patches
    .flatMap(({ patch }) => parse(patch ?? '[]') as { readonly path: string; readonly value: string }[])
    .filter(({ path }) => path.endsWith('/args/-'))
    .map(({ value }) => value)
}

/** Flags of a command line with their values; one without a value is a switch. */
export const given = (line: readonly string[]) =>
  line
    .filter((one) => one.startsWith('-'))
    .map((one): [string, string] => {
      const [, name = '', value = 'true'] = /^--?([^=]+)(?:=(.*))?$/.exec(one) ?? []
      return [name, value]
    })
