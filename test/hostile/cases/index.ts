/** All groups, in the order in which they are played. */

import type { Group } from '../case.ts'
import { floods } from './floods.ts'
import { lengths } from './lengths.ts'
import { lists } from './lists.ts'
import { malformedAttributes } from './malformed-attributes.ts'
import { openings } from './openings.ts'
import { sessions } from './sessions.ts'

export const groups: readonly Group[] = [openings, lengths, lists, floods, sessions, malformedAttributes]
