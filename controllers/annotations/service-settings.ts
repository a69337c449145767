/** What a service's annotations set that keep their last good value: how its VIPs go out. Pure, as for nodes: last good values come in and go out. */

import type { Finding } from '../findings.ts'
import type { ServiceView } from '../view.ts'
import { type AttributeSettings, readAttributes } from './attributes.ts'
import { keeper } from './keep.ts'

export type ServiceSettings = AttributeSettings

/** Undefined where they say nothing; findings are added to `findings`. */
export function readServiceSettings(
  service: ServiceView,
  object: string,
  findings: Finding[],
  lastGood: ServiceSettings | undefined,
): ServiceSettings | undefined {
  const settings = readAttributes(service.annotations, keeper(object, findings), lastGood)
  return Object.keys(settings).length > 0 ? settings : undefined
}
