/**
 * `wire.ts SOCKET SEED A B`, in a network namespace: a cable between two TAP devices that it makes, which loses, delays, reorders, doubles and
 * cuts out frames as it is told on the socket. Kernels that have netem are not everywhere; this is the same on all of them.
 */

import { openSync, read, writeSync } from 'node:fs'
import { createServer } from 'node:net'
import { systemCall } from '../../speaker/transport/system.ts'
import { Dice } from '../fuzz/dice.ts'

/** What the cable does to frames. Each message on the socket is one of these as JSON, in place of the one before; the answer is how many frames that one touched. */
export interface Impairment {
  /** Percent. */
  readonly loss?: number
  /** Milliseconds. */
  readonly delay?: number
  /** Milliseconds at most, drawn anew for each frame: it may overtake others. */
  readonly jitter?: number
  /** Percent. */
  readonly twice?: number
  /** Octets of a frame without its Ethernet header; larger ones vanish. */
  readonly largest?: number
}

const [socket = '', seed = '', ...names] = process.argv.slice(2)
const dice = new Dice(Number(seed))
const ethernetHeader = 14
const setInterface = 0x400454ca
/** IFF_TAP | IFF_NO_PI */
const tapFlags = 0x1002

const ioctl = systemCall<(fd: number, request: number, argument: Buffer) => number>(
  'int ioctl(int, unsigned long, void *)',
)
let impairment: Impairment = {}
/** Frames that the impairment has lost, held up or doubled. */
let touched = 0

function openTap(name: string): number {
  const fd = openSync('/dev/net/tun', 'r+')
  const request = Buffer.alloc(40)
  request.write(name, 'latin1')
  request.writeUInt16LE(tapFlags, 16)
  if (ioctl(fd, setInterface, request) !== 0) throw new Error(`the device ${name} cannot be made`)
  return fd
}

function carry(from: number, to: number): void {
  const buffer = Buffer.alloc(65536)
  read(from, buffer, 0, buffer.length, null, (error, length) => {
    if (!error) forward(buffer.subarray(0, length), to)
    carry(from, to)
  })
}

/** In [0, 1). */
const draw = () => dice.word() / 0x1_0000_0000
const percent = (chance: number) => draw() * 100 < chance

function forward(frame: Buffer, to: number): void {
  const { loss = 0, delay = 0, jitter = 0, twice = 0, largest = Number.POSITIVE_INFINITY } = impairment
  if (frame.length - ethernetHeader > largest || percent(loss)) {
    touched++
    return
  }
  const copies = percent(twice) ? 2 : 1
  if (copies > 1 || delay + jitter > 0) touched++
  for (let copy = 0; copy < copies; copy++) {
    const wait = delay + draw() * jitter
    if (wait === 0) send(to, frame)
    else setTimeout(() => send(to, frame), wait)
  }
}

function send(to: number, frame: Buffer): void {
  try {
    writeSync(to, frame)
  } catch {
    // The device is down: a cable does not mind.
  }
}

const [a, b] = names.map(openTap) as [number, number]
carry(a, b)
carry(b, a)
createServer((connection) => {
  connection.on('error', () => {})
  connection.on('data', (line) => {
    impairment = JSON.parse(line.toString()) as Impairment
    connection.end(String(touched))
    touched = 0
  })
}).listen(socket)
