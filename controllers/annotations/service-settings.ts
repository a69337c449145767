/** What a service's annotations set that keep their last good value: how its VIPs go out. Pure, as for nodes: last good values come in and go out. */

import type { Finding } from '../findings.ts'
import type { ServiceView } from '../view.ts'
import { type AttributeSettings, readAttributes } from './attributes.ts'
import { keeper } from './keep.ts'
import { readSwitch } from './values.ts'

export interface ServiceSettings extends AttributeSettings {
  /** False: its VIPs stay host routes. */
  readonly aggregate?: boolean
}

export const serviceAggregate = 'tandem.io/bgp.aggregate'

/** Undefined where they say nothing; findings are added to `findings`. */
export function readServiceSettings(
  service: ServiceView,
  object: string,
  findings: Finding[],
  lastGood: ServiceSettings | undefined,
): ServiceSettings | undefined {
  const keep = keeper(object, findings)
  const attributes = readAttributes(service.annotations, keep, lastGood)
  const text = service.annotations[serviceAggregate]
  const read = text === undefined ? undefined : readSwitch(text)
  const aggregate = keep<boolean | undefined>(serviceAggregate, read, lastGood?.aggregate, undefined)
  if (aggregate === undefined) return Object.keys(attributes).length > 0 ? attributes : undefined
  return { ...attributes, aggregate }
}
