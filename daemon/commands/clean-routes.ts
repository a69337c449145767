/** `tandem clean-routes`: removes what a daemon left in the kernel, and nothing else. Needs no daemon, and refuses to work against one. */

import { families } from 'bgp-ts'
import { type Cleaned, cleanRoutes, type SpeakerSnapshot } from '../../speaker/index.ts'
import { ask } from '../admin/client.ts'
import { ConfigError } from '../config/flag.ts'
import type { Settings } from '../config/flags.ts'
import { kernelAt } from '../kernel-routes.ts'
import { type Format, written } from '../render/format.ts'

export async function clean(settings: Settings, format: Format): Promise<void> {
  const { 'install-routes-table': table, 'install-routes-protocol': protocol, 'admin-socket': socket } = settings
  const running = await ask<SpeakerSnapshot>(socket, '/v1/peers').catch(() => undefined)
  if (running?.kernel?.table === table && running.kernel.protocol === protocol) {
    throw new ConfigError('--admin-socket', socket, 'belongs to a daemon that would put the routes back: stop it first')
  }
  const kernel = kernelAt(settings)
  const cleaned: Record<string, Cleaned> = {}
  for (const family of families) cleaned[family] = await cleanRoutes(kernel, family)
  const lines = families.flatMap((family) => {
    const { removed, faults } = cleaned[family]!
    const said = [...new Set(faults.map(({ text }) => text))].join('; ')
    const left = faults.length > 0 ? `, ${faults.length} could not be removed: ${said}` : ''
    return [`${family}: ${removed} routes of protocol ${protocol} removed from table ${table}${left}`]
  })
  process.stdout.write(`${written(format, cleaned, () => lines.join('\n'))}\n`)
  if (families.some((family) => cleaned[family]!.faults.length > 0)) process.exitCode = 1
}
