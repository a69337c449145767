/**
 * The two address families that Tandem speaks, and their numbers on the wire.
 * Every place that treats families alike loops over `families`, so that neither is ever an afterthought.
 */

export type Family = 'ipv4-unicast' | 'ipv6-unicast'

/** Both families, in the order in which they are listed, negotiated and printed. */
export const families = ['ipv4-unicast', 'ipv6-unicast'] as const satisfies readonly Family[]

/** AFI and SAFI of each family (RFC 4760 section 3), with the bits of its longest prefix. */
export const familyNumbers: Readonly<Record<Family, { afi: number; safi: number; bits: 32 | 128 }>> = {
  'ipv4-unicast': { afi: 1, safi: 1, bits: 32 },
  'ipv6-unicast': { afi: 2, safi: 1, bits: 128 },
}

/** The family with these numbers, or undefined for one that Tandem does not speak. */
export function familyOf(afi: number, safi: number): Family | undefined {
  for (const family of families) {
    if (familyNumbers[family].afi === afi && familyNumbers[family].safi === safi) return family
  }
  return undefined
}
