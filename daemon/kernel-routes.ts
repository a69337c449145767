/** Kernel routes as the flags ask for them: where they go, what the daemon says of them, and how they are cleaned up. Wiring and words only. */

import { families } from 'bgp-ts'
import { type Finding, finding } from '../controllers/index.ts'
import {
  iproute2,
  type Kernel,
  type KernelProblem,
  type KernelSnapshot,
  type SpeakerOptions,
} from '../speaker/index.ts'
import type { Settings } from './config/flags.ts'

/** The kernel at the place that the flags name. */
export function kernelAt(
  settings: Pick<
    Settings,
    'install-routes-table' | 'install-routes-protocol' | 'install-routes-metric' | 'install-routes-command'
  >,
): Kernel {
  const place = {
    table: settings['install-routes-table'],
    protocol: settings['install-routes-protocol'],
    metric: settings['install-routes-metric'],
  }
  return iproute2(place, settings['install-routes-command'])
}

/** What a speaker's world has more of where routes are installed. */
export function kernelWorld(settings: Settings): { readonly kernel?: Kernel } {
  return settings['install-routes'] ? { kernel: kernelAt(settings) } : {}
}

export function kernelOptions(settings: Settings): Pick<SpeakerOptions, 'kernel'> {
  return {
    kernel: {
      maximumPaths: settings['install-routes-paths'],
      waitMs: settings['install-routes-wait'] * 1000,
      onExit: settings['install-routes-on-exit'],
    },
  }
}

const words: Readonly<Record<KernelProblem['kind'], string>> = {
  trouble: 'cannot be changed',
  unreachable: 'are not installed: their next hops are on no link of this machine',
  covers: 'are not installed: next hops would be resolved by them',
  link: 'are not installed: interfaces reach them by themselves',
  occupied: 'are not installed: somebody else has routes with their prefix and metric, which are left alone',
  refused: 'are refused by the kernel',
}

/** Without counts and examples, which change all the time: an event is written for each finding that is new. */
export function kernelFindings(kernel: KernelSnapshot | undefined, object: string): Finding[] {
  if (!kernel) return []
  return families.flatMap((family) =>
    kernel.families[family].problems
      // A router that announces the link that it is on is nothing to mend.
      .filter(({ kind }) => kind !== 'link')
      .map(({ kind, reason }): Finding => {
        const place = [object, '--install-routes', `table ${kernel.table}`] as const
        if (kind === 'trouble') return finding('kernel-untouchable', ...place, { family, problem: reason })
        return finding('kernel-routes-missing', ...place, { family, why: words[kind] })
      }),
  )
}

/** For people: how many routes are there, and a line for each thing that is wrong. */
export function kernelLines(kernel: KernelSnapshot): string[] {
  const counts = families.map((family) => {
    const { phase, installed, stale, pending } = kernel.families[family]
    const more = [
      ...(phase === 'reading' ? ['not read yet'] : []),
      ...(stale > 0 ? [`${stale} of an earlier run`] : []),
      ...(pending > 0 ? [`${pending} pending`] : []),
    ]
    return `${installed} ${family}${more.length > 0 ? ` (${more.join(', ')})` : ''}`
  })
  const problems = families.flatMap((family) =>
    kernel.families[family].problems.map(({ kind, count, example, reason }) =>
      kind === 'trouble'
        ? `  ${family} routes ${words.trouble}: ${reason}`
        : `  ${count} ${family} ${words[kind]}, e.g. ${example}: ${reason}`,
    ),
  )
  return [`in the kernel's table ${kernel.table}: ${counts.join(', ')}`, ...problems]
}
