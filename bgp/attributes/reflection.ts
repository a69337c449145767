/** Route reflection (RFC 4456): who brought a route into the AS, and the clusters it was reflected through. */

import { formatIpv4 } from '../address.ts'
import { u32 } from '../bytes.ts'
import { type AttributeCodec, exactly, multipleOf } from './codec.ts'

/** ORIGINATOR_ID, a router id. RFC 7606 section 7.9. */
export const originatorId: AttributeCodec<number> = {
  type: 9,
  name: 'ORIGINATOR_ID',
  optional: true,
  transitive: false,
  malformed: 'treat-as-withdraw',
  internalOnly: true,
  check: exactly(4),
  decode: u32,
  encode: (value, into) => void into.u32(value),
  format: formatIpv4,
}

/** CLUSTER_LIST, cluster ids with the latest first. RFC 7606 section 7.10. */
export const clusterList: AttributeCodec<readonly number[]> = {
  type: 10,
  name: 'CLUSTER_LIST',
  optional: true,
  transitive: false,
  malformed: 'treat-as-withdraw',
  internalOnly: true,
  check: multipleOf(4),
  decode: (bytes, at, end) => {
    const ids: number[] = []
    for (; at < end; at += 4) ids.push(u32(bytes, at))
    return ids
  },
  encode: (ids, into) => {
    for (const id of ids) into.u32(id)
  },
  format: (ids) => ids.map(formatIpv4).join(' '),
}
