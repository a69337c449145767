/** Peers that connect without meaning it, stop in the middle, connect twice, do not read, are not who they say, or take for ever. */

import { message, octets, updateBody } from '../../support/bytes.ts'
import { header, refresh } from '../../support/openings.ts'
import { keepalive } from '../../support/wire-peer.ts'
import { Attacker, listen, pause, until } from '../attacker.ts'
import { bothTransports, type Case, type Group } from '../case.ts'
import type { Scene } from '../scene.ts'

const ended = (peer: Attacker) => () => peer.closed !== undefined
const update = (fields: Parameters<typeof updateBody>[0]) => message(2, updateBody(fields))

/** A message of this length, whatever its header says of it: zeros behind the header. */
const whole = (length: string, type: string) => {
  const body = new Uint8Array(Math.max(0, Number.parseInt(length, 16) - 19))
  return Uint8Array.of(...header(length, type), ...body)
}

/** In a session: one message, and what comes of it. */
const inSession: readonly [name: string, bytes: Uint8Array, right: string, also?: readonly string[]][] = [
  ['a second OPEN', message(1, octets('04 fde9 005a 0a000001 00')), '5/3 01'],
  ['a KEEPALIVE with a body', whole('0014', '04'), '1/2 0014'],
  ['a marker with its last bit clear', octets(`${'ff'.repeat(15)}fe001304`), '1/1'],
  ['a marker of zeros', octets(`${'00'.repeat(16)}001304`), '1/1'],
  ['a header of length 0', whole('0000', '02'), '1/2 0000'],
  ['a header of length 18', whole('0012', '04'), '1/2 0012'],
  ['an UPDATE of 22 octets', whole('0016', '02'), '1/2 0016'],
  ['a NOTIFICATION of 20 octets', whole('0014', '03'), '1/2 0014', ['closed', 'reset']],
  ['an OPEN of 28 octets', whole('001c', '01'), '1/2 001c', ['5/3']],
  ['a KEEPALIVE of 4097 octets', whole('1001', '04'), '1/2 1001'],
  ['an OPEN of 65535 octets', whole('ffff', '01'), '1/2 ffff', ['5/3']],
  ['message type 0', whole('0013', '00'), '1/3 00'],
  ['message type 6', whole('0013', '06'), '1/3 06'],
  ['message type 128', whole('0013', '80'), '1/3 80'],
  ['message type 255', whole('0013', 'ff'), '1/3 ff'],
  ['a ROUTE-REFRESH of 22 octets', whole('0016', '05'), '1/2 0016', ['7/1']],
  ['a ROUTE-REFRESH of 24 octets', message(5, octets('0001000101')), 'stands', ['1/2', '7/1']],
  ['a ROUTE-REFRESH of subtype 255', octets(`${'ff'.repeat(16)}001705 0001ff01`), 'stands'],
  ['a ROUTE-REFRESH of AFI 0', refresh('0000', '00'), 'stands'],
  ['a ROUTE-REFRESH of AFI 65535', refresh('ffff', 'ff'), 'stands'],
  ['a NOTIFICATION of unknown numbers', message(3, octets('63ff')), 'closed', ['reset']],
  ['a NOTIFICATION with 4000 octets', message(3, octets(`0602${'ff'.repeat(4000)}`)), 'closed', ['reset']],
  ['a NOTIFICATION whose text is longer than it', message(3, octets('0602ff61')), 'closed', ['reset']],
  ['a NOTIFICATION with control characters', message(3, octets('0602051b5b410a62')), 'closed', ['reset']],
]

const silent: Case[] = [
  {
    name: 'fifty connections that say nothing, then a good one',
    right: ['up'],
    runs: bothTransports,
    play: async (scene) => {
      for (let count = 0; count < 50; count++) await scene.connect()
      await scene.establish()
    },
  },
  {
    name: 'two hundred connections that are reset at once, then a good one',
    right: ['up'],
    runs: bothTransports,
    play: async (scene) => {
      for (let count = 0; count < 200; count++) (await scene.connect()).break()
      await scene.establish()
    },
  },
  {
    name: 'a hundred connections that are closed behind their OPEN, then a good one',
    right: ['up'],
    runs: bothTransports,
    play: async (scene) => {
      for (let count = 0; count < 100; count++) {
        const peer = await scene.connect()
        peer.send(scene.open())
        peer.socket.end()
      }
      await scene.establish()
    },
  },
  {
    name: 'two hundred connections of a stranger',
    right: ['closed or reset'],
    runs: bothTransports,
    play: async (scene) => {
      // Addresses of this machine that nobody declared.
      const from = scene.over === 'IPv4' ? '10.0.0.1' : 'fd00::1'
      const strangers = Array.from({ length: 200 }, () => scene.keep(Attacker.dial(from, scene.to)))
      for (const one of strangers) one.send(scene.open())
      const gone = await until(() => strangers.every((one) => one.closed !== undefined), scene.patienceMs)
      return gone ? 'closed or reset' : 'stays open'
    },
  },
  {
    name: 'half a close behind the OPEN',
    right: ['closed'],
    also: ['reset', '6'],
    runs: bothTransports,
    play: async (scene) => {
      const peer = await scene.connect()
      peer.send(scene.open())
      peer.socket.end()
      await until(ended(peer), scene.patienceMs)
      return peer.end ?? 'stays open'
    },
  },
  {
    name: 'half a close in the session',
    right: ['closed'],
    also: ['reset'],
    play: async (scene) => {
      const peer = await scene.announced()
      peer.socket.end()
      await until(ended(peer), scene.patienceMs)
      return peer.end ?? 'stays open'
    },
  },
]

const twice: Case[] = [
  {
    name: 'a second connection in a session, which goes on',
    right: ['stands'],
    play: async (scene) => {
      const first = await scene.announced()
      const second = await scene.connect()
      second.send(scene.open(), keepalive)
      await until(ended(second), scene.patienceMs)
      scene.turnTo(first)
    },
  },
  {
    name: 'a hundred connections in a session, which goes on',
    right: ['stands'],
    play: async (scene) => {
      const first = await scene.announced()
      for (let count = 0; count < 100; count++) (await scene.connect()).send(scene.open())
      scene.turnTo(first)
    },
  },
  ...(
    [
      ['lower', '1', 'what the daemon opened stays, 6/7 for the other'],
      ['higher', '4294967294', 'what the peer opened stays, 6/7 for the other'],
    ] as const
  ).map(
    ([which, identifier, right]): Case => ({
      name: `two connections at once, the identifier of the peer ${which}`,
      right: [right],
      neighbour: { dialled: true },
      runs: bothTransports,
      play: (scene) => collide(scene, Number(identifier), right),
    }),
  ),
]

async function collide(scene: Scene, identifier: number, right: string): Promise<string> {
  const { server, came } = await listen(scene.at)
  try {
    if (!(await until(() => came.some((one) => one.count('open') > 0), 10 * scene.patienceMs)))
      return 'it does not connect'
    const ours = scene.keep(came.findLast((one) => one.count('open') > 0)!)
    const theirs = await scene.connect()
    await until(() => theirs.count('open') > 0, 1000)
    const open = scene.openAs(identifier)
    ours.send(open)
    theirs.send(open)
    const [stays, goes] = right.startsWith('what the peer') ? [theirs, ours] : [ours, theirs]
    await until(() => goes.closed !== undefined || stays.closed !== undefined, scene.patienceMs)
    stays.send(keepalive)
    await until(() => stays.count('keepalive') > 0, 1000)
    if (goes.farewell?.startsWith('6/7') && stays.closed === undefined && stays.count('keepalive') > 0) return right
    return `what the daemon opened: ${ours.end ?? 'open'}, what the peer opened: ${theirs.end ?? 'open'}`
  } finally {
    server.close()
  }
}

const strangers: Case[] = [
  {
    name: 'no signature where the daemon has a password',
    right: ['no connection'],
    neighbour: { password: 'sesame' },
    runs: bothTransports,
    patient: true,
    play: async (scene) => {
      const peer = scene.keep(Attacker.dial(scene.at, scene.to))
      return (await until(() => peer.connected, 3000)) ? 'connected' : 'no connection'
    },
  },
  {
    name: 'another password than the daemon has',
    right: ['no connection'],
    neighbour: { password: 'sesame' },
    runs: bothTransports,
    patient: true,
    play: async (scene) => ((await scene.signed('simsim', 3000)) ? 'connected' : 'no connection'),
  },
  {
    name: 'the password that the daemon has',
    right: ['connected'],
    neighbour: { password: 'sesame' },
    runs: bothTransports,
    patient: true,
    play: async (scene) => ((await scene.signed('sesame', 3000)) ? 'connected' : 'no connection'),
  },
  {
    name: 'too few hops left where the daemon asks for 255',
    right: ['no session'],
    neighbour: { ttlSecurity: true },
    runs: bothTransports,
    patient: true,
    play: async (scene) => {
      const peer = await scene.connect()
      // What comes before the daemon has the connection is not judged.
      await pause(500)
      peer.send(scene.open(), keepalive)
      return (await until(() => peer.count('keepalive') > 0, 3000)) ? 'a session' : 'no session'
    },
  },
]

const slow: Case[] = [
  {
    name: 'silence for the hold time of 3 s',
    right: ['4/0'],
    patient: true,
    play: async (scene) => {
      const peer = await scene.announced({ holdTime: 3 })
      await until(ended(peer), 8000)
      return peer.end ?? 'stays open'
    },
  },
  {
    name: 'an UPDATE an octet every 200 ms, in a hold time of 3 s',
    right: ['4/0'],
    patient: true,
    play: async (scene) => {
      const peer = await scene.announced({ holdTime: 3 })
      await peer.drip(update(scene.target.announced(scene.attributes)), 200)
      return peer.end ?? 'stays open'
    },
  },
  {
    name: 'an OPEN an octet every 50 ms',
    right: ['up'],
    runs: bothTransports,
    patient: true,
    play: async (scene) => {
      const peer = await scene.connect()
      await peer.drip(scene.open(), 50)
      peer.send(keepalive)
    },
  },
  {
    name: 'a peer that reads nothing, with a send hold time of 3 s',
    right: ['closed or reset'],
    // RFC 9687 is younger than most, and its time is 8 minutes where nobody says otherwise.
    also: ['stays open'],
    neighbour: { sendHold: 3 },
    runs: bothTransports,
    patient: true,
    play: unread,
  },
]

/** While a peer does not read, another one announces more than fits between them. */
async function unread(scene: Scene): Promise<string> {
  const peer = await scene.establish({ holdTime: 0 })
  peer.socket.pause()
  const loud = await scene.loudNeighbour()
  let turn = 0
  const begun = Date.now()
  while (peer.closed === undefined && Date.now() - begun < 25_000) {
    loud(turn++)
    await pause(100)
    // A keepalive shows that it lives; what it is told, it does not read.
    peer.send(keepalive)
  }
  peer.socket.resume()
  await until(ended(peer), 1000)
  return peer.end === undefined ? 'stays open' : 'closed or reset'
}

export const sessions: Group = {
  name: 'session',
  cases: [
    ...inSession.map(
      ([name, bytes, right, also = []]): Case => ({
        name,
        right: [right],
        also,
        play: async (scene) => {
          const peer = await scene.announced()
          peer.send(bytes)
        },
      }),
    ),
    ...silent,
    ...twice,
    ...strangers,
    ...slow,
  ],
}
