/**
 * The BFD control packet (RFC 5880 section 4.1): 24 octets, read into and written from one record that is used again and again,
 * so that a packet costs no allocation. Authentication is not spoken: a packet that has it is discarded.
 */

export const sessionStates = ['AdminDown', 'Down', 'Init', 'Up'] as const
export type SessionState = (typeof sessionStates)[number]

export const packetLength = 24

/** Of the registry of RFC 5880 section 8.2; 9 is of RFC 6428. */
const diagnostics = [
  'no diagnostic',
  'control detection time expired',
  'echo function failed',
  'neighbour signalled session down',
  'forwarding plane reset',
  'path down',
  'concatenated path down',
  'administratively down',
  'reverse concatenated path down',
  'mis-connectivity defect',
] as const

export const diagnostic = {
  none: 0,
  detectionTimeExpired: 1,
  neighbourSignalledDown: 3,
  administrativelyDown: 7,
} as const

/** The diagnostic in words, e.g. `control detection time expired (1)`. */
export function describeDiagnostic(code: number): string {
  return `${diagnostics[code] ?? 'unknown diagnostic'} (${code})`
}

export interface ControlPacket {
  diagnostic: number
  state: SessionState
  poll: boolean
  final: boolean
  demand: boolean
  multiplier: number
  myDiscriminator: number
  yourDiscriminator: number
  /** Microseconds, as on the wire. */
  desiredMinTx: number
  requiredMinRx: number
}

export function emptyPacket(): ControlPacket {
  return {
    diagnostic: 0,
    state: 'Down',
    poll: false,
    final: false,
    demand: false,
    multiplier: 0,
    myDiscriminator: 0,
    yourDiscriminator: 0,
    desiredMinTx: 0,
    requiredMinRx: 0,
  }
}

const bits = { poll: 0x20, final: 0x10, authentication: 0x04, demand: 0x02, multipoint: 0x01 }

/** Why a packet counts as not received: each of them one rule of RFC 5880 section 6.8.6. */
export type Discard =
  | 'short packet'
  | 'version is not 1'
  | 'bad length field'
  | 'multiplier is 0'
  | 'multipoint bit is set'
  | 'discriminator is 0'
  | 'no session discriminator in state Init or Up'
  | 'authentication is not used here'

/** Reads the first `length` octets of `bytes` into `packet`. Says which rule discards it, if one does. */
export function readPacket(bytes: Uint8Array, length: number, packet: ControlPacket): Discard | undefined {
  if (length < packetLength) return 'short packet'
  if (bytes[0]! >> 5 !== 1) return 'version is not 1'
  const flags = bytes[1]!
  const authenticated = (flags & bits.authentication) !== 0
  const said = bytes[3]!
  if (said < (authenticated ? packetLength + 2 : packetLength) || said > length) return 'bad length field'
  if (bytes[2] === 0) return 'multiplier is 0'
  if ((flags & bits.multipoint) !== 0) return 'multipoint bit is set'
  packet.myDiscriminator = uint32(bytes, 4)
  packet.yourDiscriminator = uint32(bytes, 8)
  packet.state = sessionStates[flags >> 6]!
  if (packet.myDiscriminator === 0) return 'discriminator is 0'
  if (packet.yourDiscriminator === 0 && (packet.state === 'Init' || packet.state === 'Up')) {
    return 'no session discriminator in state Init or Up'
  }
  if (authenticated) return 'authentication is not used here'
  packet.diagnostic = bytes[0]! & 0x1f
  packet.poll = (flags & bits.poll) !== 0
  packet.final = (flags & bits.final) !== 0
  packet.demand = (flags & bits.demand) !== 0
  packet.multiplier = bytes[2]!
  packet.desiredMinTx = uint32(bytes, 12)
  packet.requiredMinRx = uint32(bytes, 16)
  return undefined
}

/** Writes `packet` into the first 24 octets of `bytes`. No echo function: Required Min Echo RX is 0. */
export function writePacket(packet: ControlPacket, bytes: Uint8Array): void {
  bytes[0] = (1 << 5) | packet.diagnostic
  bytes[1] =
    (sessionStates.indexOf(packet.state) << 6) |
    (packet.poll ? bits.poll : 0) |
    (packet.final ? bits.final : 0) |
    (packet.demand ? bits.demand : 0)
  bytes[2] = packet.multiplier
  bytes[3] = packetLength
  setUint32(bytes, 4, packet.myDiscriminator)
  setUint32(bytes, 8, packet.yourDiscriminator)
  setUint32(bytes, 12, packet.desiredMinTx)
  setUint32(bytes, 16, packet.requiredMinRx)
  setUint32(bytes, 20, 0)
}

function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

function setUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
