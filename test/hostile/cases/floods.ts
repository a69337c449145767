/** Too much of everything, and the same octets in any number of segments. */

import { message, octets, updateBody } from '../../support/bytes.ts'
import { refresh } from '../../support/openings.ts'
import { attribute, keepalive, wireRoute } from '../../support/wire-peer.ts'
import { until } from '../attacker.ts'
import { bothTransports, type Case, type Group } from '../case.ts'
import type { Scene } from '../scene.ts'

const repeated = (one: Uint8Array, times: number) => Buffer.concat(Array.from({ length: times }, () => one))
const update = (fields: Parameters<typeof updateBody>[0]) => message(2, updateBody(fields))
const hex = (value: number, octetsOf: number) => value.toString(16).padStart(octetsOf * 2, '0')
const badOrigin = attribute('40', 1, '09')

/** What is sent in one go, where the routes stand. */
const inSession: readonly [
  name: string,
  octets: (scene: Scene) => Uint8Array,
  right: string,
  also?: readonly string[],
][] = [
  [
    '40 messages in one segment',
    ({ target, attributes }) => repeated(update(target.announced(attributes)), 40),
    'stands',
  ],
  ['20,000 KEEPALIVEs', () => repeated(keepalive, 20_000), 'stands'],
  ['5,000 ROUTE-REFRESHs of IPv4', () => repeated(refresh('0001'), 5000), 'stands'],
  ['5,000 ROUTE-REFRESHs of IPv6', () => repeated(refresh('0002'), 5000), 'stands'],
  ['5,000 ROUTE-REFRESHs of a family that nobody offered', () => repeated(refresh('4004', '46'), 5000), 'stands'],
  [
    '5,000 announcements of one route',
    ({ target, attributes }) => repeated(update(target.announced(attributes)), 5000),
    'stands',
  ],
  [
    '5,000 announcements of one route, each with another metric',
    ({ target, attributes }) =>
      Buffer.concat(
        Array.from({ length: 5000 }, (_, index) =>
          update(target.announced(`${attributes}${attribute('80', 4, hex(index, 4))}`)),
        ),
      ),
    'stands',
  ],
  [
    '5,000 announcements and withdrawals of one route by turns',
    ({ target, attributes }) =>
      repeated(Buffer.concat([update(target.withdrawn()), update(target.announced(attributes))]), 5000),
    'stands',
  ],
  [
    '5,001 withdrawals and announcements that end with a withdrawal',
    ({ target, attributes }) =>
      repeated(Buffer.concat([update(target.announced(attributes)), update(target.withdrawn())]), 5000),
    'withdrawn',
  ],
  ['5,000 withdrawals of one route', ({ target }) => repeated(update(target.withdrawn()), 5000), 'withdrawn'],
  [
    '5,000 malformed announcements',
    ({ target, attributes }) => repeated(update(target.announced(attributes.replace('40010100', badOrigin))), 5000),
    'withdrawn',
  ],
  ['5,000 End-of-RIBs', () => repeated(update({}), 5000), 'stands'],
  ['20 OPENs behind the first', (scene) => repeated(scene.open(), 20), '5/3 01'],
  ['1,000 OPENs behind the first', (scene) => repeated(scene.open(), 1000), '5/3 01'],
  ['1,000 NOTIFICATIONs', () => repeated(message(3, octets('0604')), 1000), 'closed', ['reset']],
  [
    'a NOTIFICATION, then routes',
    ({ target }) => Buffer.concat([message(3, octets('0602')), update(target.withdrawn())]),
    'closed',
    ['reset'],
  ],
  ['1,000 messages of an unknown type', () => repeated(message(99, octets('')), 1000), '1/3 63'],
  ['a megabyte of zeros', () => new Uint8Array(2 ** 20), '1/1'],
  // The length is one that both offered.
  ['a megabyte of ones', () => new Uint8Array(2 ** 20).fill(255), '1/3 ff', ['1/2']],
]

/** As a flood, but nothing is learned before it. */
const opening: readonly [
  name: string,
  octets: (scene: Scene) => Uint8Array,
  right: string,
  also?: readonly string[],
][] = [
  ['10 OPENs at once', (scene) => repeated(scene.open(), 10), '5/2 01'],
  ['1,000 KEEPALIVEs before the OPEN', () => repeated(keepalive, 1000), '5/1 04'],
  [
    'a request of the Web before the OPEN',
    () => new TextEncoder().encode('GET / HTTP/1.1\r\nHost: router\r\n\r\n'),
    '1/1',
  ],
  ['a greeting of SSH before the OPEN', () => new TextEncoder().encode('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n'), '1/1'],
  ['a greeting of TLS before the OPEN', () => octets(`16030100c8010000c40303${'5a'.repeat(60)}`), '1/1'],
  ['a megabyte of zeros before the OPEN', () => new Uint8Array(2 ** 20), '1/1'],
]

/** The farewell is what was said; a reset may overtake it where octets were not read. */
const lenient = (right: string, also: readonly string[] = []) => [...also, ...(right.includes('/') ? ['reset'] : [])]

/** A thousand routes, each with attributes of its own, then all of them withdrawn. */
async function manySets(scene: Scene): Promise<void> {
  const peer = await scene.announced()
  const each = Array.from({ length: 1000 }, (_, index) =>
    scene.family === 'ipv4-unicast' ? `20cb${hex(0x710000 + index, 3)}` : `4020010db8${hex(0xf00000 + index, 4)}`,
  )
  const before = peer.routes.size
  for (const prefix of each) {
    const many = attribute(
      'd0',
      8,
      Array.from({ length: 60 }, (_, one) => `${prefix.slice(-4)}${hex(one, 2)}`).join(''),
    )
    peer.send(update({ ...wireRoute(scene.family, '', prefix).announced(`${scene.attributes}${many}`) }))
  }
  for (const prefix of each) peer.send(update(wireRoute(scene.family, '', prefix).withdrawn()))
  await until(() => peer.routes.size === before, 10)
}

const segmented: Case[] = [
  {
    name: 'OPEN and KEEPALIVE an octet at a time',
    right: ['up'],
    runs: bothTransports,
    play: async (scene) => {
      const peer = await scene.connect()
      await peer.drip(Buffer.concat([scene.open(), keepalive]), 1)
    },
  },
  {
    name: 'an UPDATE an octet at a time',
    right: ['stands'],
    play: async (scene) => {
      const peer = await scene.announced()
      await peer.drip(update(scene.target.announced(scene.attributes)), 1)
    },
  },
  {
    name: 'OPEN, KEEPALIVE and routes in one segment',
    right: ['up'],
    play: async (scene) => {
      const peer = await scene.connect()
      peer.send(scene.open(), keepalive, update(scene.target.announced(scene.attributes)))
    },
  },
  {
    name: 'segments that end inside the next header',
    right: ['stands'],
    play: async (scene) => {
      const peer = await scene.announced()
      const stream = repeated(update(scene.target.announced(scene.attributes)), 50)
      for (let at = 0; at < stream.length; at += 37) {
        peer.send(stream.subarray(at, at + 37))
        if (at % 10 === 0) await until(() => false, 1)
      }
    },
  },
  { name: 'a thousand attribute sets, withdrawn at once', right: ['stands'], play: manySets },
  ...([1, 16, 18, 19, 20, 22, 23, 30, 40] as const).map(
    (count): Case => ({
      name: `a reset behind octet ${count} of an UPDATE`,
      right: ['gone'],
      play: async (scene) => {
        const peer = await scene.announced()
        peer.send(update(scene.target.announced(scene.attributes)).subarray(0, count))
        await until(() => peer.socket.writableLength === 0, 100)
        return (await scene.leave()) ? 'gone' : 'its routes stay'
      },
    }),
  ),
]

export const floods: Group = {
  name: 'flood',
  cases: [
    ...segmented,
    ...inSession.map(
      ([name, bytes, right, also]): Case => ({
        name,
        right: [right],
        also: lenient(right, also),
        play: async (scene) => {
          const peer = await scene.announced()
          peer.send(bytes(scene))
        },
      }),
    ),
    ...opening.map(
      ([name, bytes, right, also]): Case => ({
        name,
        right: [right],
        also: lenient(right, also),
        runs: bothTransports,
        play: async (scene) => {
          const peer = await scene.connect()
          peer.send(bytes(scene))
        },
      }),
    ),
  ],
}
