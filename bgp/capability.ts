/**
 * Capabilities of an OPEN (RFC 5492), one row each: how its value is read, written and named.
 * What is not in the table, or has a value of the wrong shape, is kept as unknown octets: it is never an error (RFC 5492 section 3).
 */

import { hex, u16, u32, Writer } from './bytes.ts'
import { printable } from './notification.ts'

export interface FamilyNumbers {
  readonly afi: number
  readonly safi: number
}

export type Capability =
  | ({ readonly kind: 'multiprotocol' } & FamilyNumbers)
  | { readonly kind: 'route-refresh' }
  | {
      readonly kind: 'extended-next-hop'
      readonly tuples: readonly (FamilyNumbers & { readonly nextHopAfi: number })[]
    }
  | { readonly kind: 'extended-message' }
  | GracefulRestartCapability
  | LongLivedCapability
  | { readonly kind: 'four-octet-asn'; readonly asn: number }
  | {
      readonly kind: 'add-path'
      readonly families: readonly (FamilyNumbers & { readonly send: boolean; readonly receive: boolean })[]
    }
  | { readonly kind: 'enhanced-route-refresh' }
  | { readonly kind: 'fqdn'; readonly host: string; readonly domain: string }
  | { readonly kind: 'unknown'; readonly code: number; readonly value: Uint8Array }

/** RFC 4724 section 3, with the N bit of RFC 8538. `restartTime` in seconds, at most 4095. */
export interface GracefulRestartCapability {
  readonly kind: 'graceful-restart'
  readonly restarting: boolean
  readonly notification: boolean
  readonly restartTime: number
  readonly families: readonly (FamilyNumbers & { readonly forwarding: boolean })[]
}

/** RFC 9494 section 3.1. `staleTime` in seconds, at most 2^24 - 1. */
export interface LongLivedCapability {
  readonly kind: 'long-lived-graceful-restart'
  readonly families: readonly (FamilyNumbers & { readonly forwarding: boolean; readonly staleTime: number })[]
}

type Kind = Exclude<Capability['kind'], 'unknown'>
type Of<K extends Kind> = Extract<Capability, { kind: K }>

interface CapabilityCodec<K extends Kind> {
  readonly code: number
  /** Undefined for a value of the wrong shape. */
  decode(value: Uint8Array): Of<K> | undefined
  encode(capability: Of<K>, into: Writer): void
  format(capability: Of<K>): string
}

/** A capability that says all by being there. */
function bare<K extends 'route-refresh' | 'extended-message' | 'enhanced-route-refresh'>(
  kind: K,
  code: number,
): CapabilityCodec<K> {
  return {
    code,
    decode: (value) => (value.length === 0 ? ({ kind } as Of<K>) : undefined),
    encode: () => {},
    format: () => kind,
  }
}

/** Calls `read` at each whole tuple; octets left over are ignored. */
function tuples<Value>(value: Uint8Array, from: number, size: number, read: (at: number) => Value): Value[] {
  const values: Value[] = []
  for (let at = from; at + size <= value.length; at += size) values.push(read(at))
  return values
}

const pair = ({ afi, safi }: FamilyNumbers) => `${afi}/${safi}`

const capabilityCodecs: { readonly [K in Kind]: CapabilityCodec<K> } = {
  // RFC 4760 section 8: AFI (2)  reserved (1)  SAFI (1)
  multiprotocol: {
    code: 1,
    decode: (value) =>
      value.length === 4 ? { kind: 'multiprotocol', afi: u16(value, 0), safi: value[3]! } : undefined,
    encode: ({ afi, safi }, into) => void into.u16(afi).u8(0).u8(safi),
    format: (capability) => `multiprotocol ${pair(capability)}`,
  },
  'route-refresh': bare('route-refresh', 2),
  // RFC 8950 section 4: AFI (2)  SAFI (2)  next-hop AFI (2)
  'extended-next-hop': {
    code: 5,
    decode: (value) => ({
      kind: 'extended-next-hop',
      tuples: tuples(value, 0, 6, (at) => ({
        afi: u16(value, at),
        safi: u16(value, at + 2),
        nextHopAfi: u16(value, at + 4),
      })),
    }),
    encode: (capability, into) => {
      for (const { afi, safi, nextHopAfi } of capability.tuples) into.u16(afi).u16(safi).u16(nextHopAfi)
    },
    format: (capability) =>
      `extended-next-hop ${capability.tuples.map((tuple) => `${pair(tuple)} via ${tuple.nextHopAfi}`).join(', ')}`,
  },
  'extended-message': bare('extended-message', 6),
  'graceful-restart': {
    code: 64,
    decode: decodeGracefulRestart,
    encode: (capability, into) => {
      const bits = (capability.restarting ? 0x8000 : 0) | (capability.notification ? 0x4000 : 0)
      into.u16(bits | (capability.restartTime & 0xfff))
      for (const { afi, safi, forwarding } of capability.families)
        into
          .u16(afi)
          .u8(safi)
          .u8(forwarding ? 0x80 : 0)
    },
    format: (capability) =>
      `graceful-restart ${capability.restartTime} s ${capability.families.map(pair).join(', ')}`.trimEnd(),
  },
  'four-octet-asn': {
    code: 65,
    decode: (value) => (value.length === 4 ? { kind: 'four-octet-asn', asn: u32(value, 0) } : undefined),
    encode: ({ asn }, into) => void into.u32(asn),
    format: ({ asn }) => `four-octet-asn ${asn}`,
  },
  // RFC 7911 section 4: AFI (2)  SAFI (1)  receive 1, send 2, both 3 (1); a tuple with another value is ignored
  'add-path': {
    code: 69,
    decode: (value) => ({
      kind: 'add-path',
      families: tuples(value, 0, 4, (at) => ({ afi: u16(value, at), safi: value[at + 2]!, mode: value[at + 3]! }))
        .filter(({ mode }) => mode >= 1 && mode <= 3)
        .map(({ afi, safi, mode }) => ({ afi, safi, send: (mode & 2) !== 0, receive: (mode & 1) !== 0 })),
    }),
    encode: (capability, into) => {
      for (const { afi, safi, send, receive } of capability.families) {
        into
          .u16(afi)
          .u8(safi)
          .u8((send ? 2 : 0) | (receive ? 1 : 0))
      }
    },
    format: (capability) => `add-path ${capability.families.map(pair).join(', ')}`,
  },
  'enhanced-route-refresh': bare('enhanced-route-refresh', 70),
  // RFC 9494 section 3.1: AFI (2)  SAFI (1)  flags (1)  stale time (3)
  'long-lived-graceful-restart': {
    code: 71,
    decode: (value) => ({
      kind: 'long-lived-graceful-restart',
      families: tuples(value, 0, 7, (at) => ({
        afi: u16(value, at),
        safi: value[at + 2]!,
        forwarding: (value[at + 3]! & 0x80) !== 0,
        staleTime: u32(value, at + 3) & 0xffffff,
      })),
    }),
    encode: (capability, into) => {
      for (const { afi, safi, forwarding, staleTime } of capability.families)
        into
          .u16(afi)
          .u8(safi)
          .u32(((forwarding ? 0x80000000 : 0) | (staleTime & 0xffffff)) >>> 0)
    },
    format: (capability) =>
      `long-lived-graceful-restart ${capability.families.map((one) => `${pair(one)} ${one.staleTime} s`).join(', ')}`.trimEnd(),
  },
  fqdn: {
    code: 73,
    decode: decodeFqdn,
    encode: ({ host, domain }, into) => {
      for (const name of [host, domain])
        into.counted8(() => into.bytes(new TextEncoder().encode(name).subarray(0, 127)))
    },
    format: ({ host, domain }) => `fqdn ${[host, domain].filter(Boolean).join('.')}`,
  },
}

const kinds = Object.keys(capabilityCodecs) as Kind[]

export function decodeCapability(code: number, value: Uint8Array): Capability {
  const kind = kinds.find((name) => capabilityCodecs[name].code === code)
  return (kind && capabilityCodecs[kind].decode(value)) ?? { kind: 'unknown', code, value: value.slice() }
}

/** Code, length and value. */
export function encodeCapability(capability: Capability): Uint8Array {
  const value = new Writer()
  if (capability.kind === 'unknown') value.bytes(capability.value)
  else codecFor(capability).encode(capability, value)
  const code = capability.kind === 'unknown' ? capability.code : capabilityCodecs[capability.kind].code
  return new Writer().u8(code).u8(value.length).bytes(value.done()).done()
}

export function formatCapability(capability: Capability): string {
  if (capability.kind === 'unknown') return `capability ${capability.code} ${hex(capability.value)}`.trim()
  return codecFor(capability).format(capability)
}

/** The row of this capability's kind, seen as taking any: the compiler cannot tie the two unions together. */
function codecFor(capability: Exclude<Capability, { kind: 'unknown' }>): CapabilityCodec<Kind> {
  return capabilityCodecs[capability.kind] as unknown as CapabilityCodec<Kind>
}

function decodeGracefulRestart(value: Uint8Array): GracefulRestartCapability | undefined {
  if (value.length < 2) return undefined
  const first = u16(value, 0)
  return {
    kind: 'graceful-restart',
    restarting: (first & 0x8000) !== 0,
    notification: (first & 0x4000) !== 0,
    restartTime: first & 0xfff,
    families: tuples(value, 2, 4, (at) => ({
      afi: u16(value, at),
      safi: value[at + 2]!,
      forwarding: (value[at + 3]! & 0x80) !== 0,
    })),
  }
}

/** Two counted names; text from the wire, so made printable here. */
function decodeFqdn(value: Uint8Array): Of<'fqdn'> | undefined {
  const hostEnd = 1 + (value[0] ?? 0)
  const domainEnd = hostEnd + 1 + (value[hostEnd] ?? 0)
  if (value.length === 0 || hostEnd > value.length || domainEnd > Math.max(value.length, hostEnd + 1)) return undefined
  const text = (at: number, end: number) => printable(new TextDecoder().decode(value.subarray(at, end)))
  return { kind: 'fqdn', host: text(1, hostEnd), domain: text(hostEnd + 1, domainEnd) }
}
