/** bgp-ts: the BGP-4 wire format, from bytes to values and back. */

export * from './address.ts'
export * from './family.ts'
export * from './prefix.ts'
