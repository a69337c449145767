/** Messages that are shorter than they say, or than their parts say: cut at every octet, and every length field a lie. */

import { message, octets, updateBody } from '../../support/bytes.ts'
import { attribute, type WireRoute } from '../../support/wire-peer.ts'
import { bothTransports, type Case, type Group } from '../case.ts'
import type { Scene } from '../scene.ts'

/** The fields outside the attributes are for IPv4. */
const onlyIpv4 = (['IPv4', 'IPv6'] as const).map((over) => [over, 'ipv4-unicast'] as const)

const samples = {
  'ipv4-unicast': { hop: '040a000001', prefix: '18c63364' },
  'ipv6-unicast': { hop: '10fd000000000000000000000000000001', prefix: '3020010db80001' },
}

/** The length of octets in hex, in hex. */
const size = (digits: string) => (digits.length / 2).toString(16).padStart(2, '0')

/** An OPEN of 57 octets or so, whose header says how much of it there is. */
const cutOpens = Array.from({ length: 29 }, (_, index): Case => {
  const at = index
  return {
    name: `an OPEN cut behind octet ${at} of its body`,
    right: at < 10 ? [`1/2 ${(19 + at).toString(16).padStart(4, '0')}`] : ['2/0'],
    runs: bothTransports,
    play: async (scene) => {
      const peer = await scene.connect()
      peer.send(message(1, scene.open().subarray(19, 19 + at)))
    },
  }
})

/** An UPDATE whose header says how much of it there is, by what is left of it. */
const cutUpdates: Case[] = [
  ...[0, 1, 2, 3].map((left): Case => cutUpdate(left, [`1/2 ${(19 + left).toString(16).padStart(4, '0')}`])),
  ...[4, 5, 7, 8, 10, 11, 14, 17, 18, 20, 21].map((left): Case => cutUpdate(left, ['3/1'])),
]

function cutUpdate(left: number, right: readonly string[]): Case {
  return {
    name: `an UPDATE cut behind octet ${left} of its body`,
    right,
    play: async (scene) => {
      const peer = await scene.announced()
      peer.send(message(2, updateBody(scene.target.announced(scene.attributes)).subarray(0, left)))
    },
  }
}

/** A whole body of an UPDATE, where the routes stand before it. */
const bodies: readonly [name: string, body: string, right: string][] = [
  ['withdrawn routes that lead beyond the message', '0005 00 0000', '3/1'],
  ['withdrawn routes of 65535 octets', 'ffff 0000', '3/1'],
  ['attributes that lead beyond the message', '0000 0040 40010100', '3/1'],
  ['attributes of 65535 octets', '0000 ffff', '3/1'],
  ['withdrawn routes that leave no room for the other length', '0002 0000', '3/1'],
  ['withdrawn routes an octet too long', '0005 18c63364 0000', '3/1'],
]

/** The list of attributes goes on behind the good ones, and ends inside one. */
const tails: readonly [name: string, tail: string, right: string][] = [
  ['a value that overruns the list', 'c00804fde900', 'withdrawn'],
  ['an extended length that overruns the list', 'd008 0104 fde90001', 'withdrawn'],
  ['an extended length of 65535', 'd008 ffff', 'withdrawn'],
  ['a length of 255', 'c063 ff', 'withdrawn'],
  ['one octet left', 'c0', 'withdrawn'],
  ['two octets left', 'c008', 'withdrawn'],
  ['two octets left that look like routes', '800e', 'withdrawn'],
  ['three octets left of four', 'd00800', 'withdrawn'],
]

/** The multiprotocol attributes. Their errors leave no way to find the routes, so the session ends. */
const multiprotocol: readonly [name: string, list: (route: WireRoute) => string, right: string][] = [
  ['an MP_REACH_NLRI of no octets', () => attribute('80', 14, ''), '3/9'],
  ['an MP_REACH_NLRI of an AFI alone', ({ afi }) => attribute('80', 14, afi.slice(0, 4)), '3/9'],
  ['an MP_REACH_NLRI that ends with its next hop length', ({ afi }) => attribute('80', 14, `${afi}00`), '3/9'],
  ['a next hop that overruns MP_REACH_NLRI', ({ afi, hop }) => attribute('80', 14, `${afi}ff${hop.slice(2)}00`), '3/9'],
  ['a next hop of no octets', ({ afi, prefix }) => attribute('80', 14, `${afi}0000${prefix}`), '3/9'],
  ['a next hop of one octet', ({ afi, prefix }) => attribute('80', 14, `${afi}010a00${prefix}`), '3/9'],
  [
    'a next hop an octet too short',
    ({ afi, hop, prefix }) => attribute('80', 14, `${afi}${size(hop.slice(2, -2))}${hop.slice(2, -2)}00${prefix}`),
    '3/9',
  ],
  [
    'a next hop an octet too long',
    ({ afi, hop, prefix }) => attribute('80', 14, `${afi}${size(`${hop.slice(2)}00`)}${hop.slice(2)}0000${prefix}`),
    '3/9',
  ],
  ['a next hop of 48 octets', ({ afi, prefix }) => attribute('80', 14, `${afi}30${'fd'.repeat(48)}00${prefix}`), '3/9'],
  ['an MP_UNREACH_NLRI of no octets', () => attribute('80', 15, ''), '3/9'],
  ['an MP_UNREACH_NLRI of 2 octets', ({ afi }) => attribute('80', 15, afi.slice(0, 4)), '3/9'],
]

/** Fields of prefixes, in each place where there are some. */
const prefixes: readonly [name: string, field: (route: WireRoute) => string][] = [
  ['a prefix that is too long', ({ prefix }) => (prefix.length < 14 ? '21c633640000' : `81${'20'.repeat(17)}`)],
  ['a prefix of 255 bits', () => `ff${'20'.repeat(32)}`],
  ['a prefix cut short', ({ prefix }) => prefix.slice(0, -2)],
  ['a length alone behind a good prefix', ({ prefix }) => `${prefix}08`],
]

const update = async (scene: Scene, fields: Parameters<typeof updateBody>[0]) => {
  await scene.announced()
  scene.update(fields)
}

/** Data of the NOTIFICATION is the attribute as it came, where the case is about one. */
const withData = (right: string, list: string) => (right === '3/9' ? `3/9 ${list}` : right)

export const lengths: Group = {
  name: 'length',
  cases: [
    ...cutOpens,
    ...cutUpdates,
    ...bodies.map(
      ([name, body, right]): Case => ({
        name,
        right: [right],
        play: async (scene) => {
          const peer = await scene.announced()
          peer.send(message(2, octets(body)))
        },
      }),
    ),
    ...tails.map(
      ([name, tail, right]): Case => ({
        name: `a list with ${name}`,
        right: [right],
        play: (scene) => update(scene, scene.target.announced(scene.attributes, tail.replace(/ /g, ''))),
      }),
    ),
    ...multiprotocol.flatMap(([name, list, right]) =>
      (['ipv4-unicast', 'ipv6-unicast'] as const).map((family): Case => {
        // What is sent depends on the routes' family alone.
        const sample = { afi: family === 'ipv4-unicast' ? '000101' : '000201', ...samples[family] } as WireRoute
        return {
          name: family === 'ipv4-unicast' ? `${name}, of IPv4` : `${name}, of IPv6`,
          right: [withData(right, list(sample))],
          also: ['3/1', '3/8'],
          runs: (['IPv4', 'IPv6'] as const).map((over) => [over, family] as const),
          play: (scene) => update(scene, { attributes: `${list(sample)}${scene.attributes}` }),
        }
      }),
    ),
    ...prefixes.flatMap(([name, field]): Case[] => [
      {
        name: `${name} in MP_REACH_NLRI`,
        right: ['3/10'],
        also: ['3/9', '3/1'],
        play: (scene) => {
          const { afi, hop } = scene.target
          const reach = attribute('80', 14, `${afi}${hop}00${field(scene.target)}`)
          return update(scene, { attributes: `${reach}${scene.attributes}` })
        },
      },
      {
        name: `${name} in MP_UNREACH_NLRI`,
        right: ['3/10'],
        also: ['3/9', '3/1'],
        play: (scene) =>
          update(scene, { attributes: attribute('80', 15, `${scene.target.afi}${field(scene.target)}`) }),
      },
      {
        name: `${name} in the withdrawn routes`,
        right: ['3/10'],
        also: ['3/1'],
        runs: onlyIpv4,
        play: (scene) => update(scene, { withdrawn: field(scene.target) }),
      },
      {
        name: `${name} in the NLRI`,
        right: ['3/10'],
        also: ['3/1'],
        runs: onlyIpv4,
        play: (scene) => update(scene, { ...scene.target.announced(scene.attributes), nlri: field(scene.target) }),
      },
    ]),
  ],
}
