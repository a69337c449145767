/** All groups, in the order in which they are played. */

import type { Group } from '../case.ts'
import { lengths } from './lengths.ts'
import { malformedAttributes } from './malformed-attributes.ts'
import { openings } from './openings.ts'

export const groups: readonly Group[] = [openings, lengths, malformedAttributes]
