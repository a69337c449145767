/** Attributes that come twice, not at all, with wrong flags, too many of them, or too long. */

import type { updateBody } from '../../support/bytes.ts'
import { asPath, attribute, origin, type WireRoute } from '../../support/wire-peer.ts'
import type { Case, Group } from '../case.ts'

const badOrigin = attribute('40', 1, '09')
const med = (value: string) => attribute('80', 4, value)
const base = `${origin}${asPath}`
const hex = (value: number, octets: number) => value.toString(16).padStart(octets * 2, '0')

/** The first router, then as many others. */
const longPath = (asns: number, ownSegments = 255) => {
  let path = ''
  for (let left = asns; left > 0; left -= ownSegments) {
    const count = Math.min(left, ownSegments)
    path += `02${hex(count, 1)}${'0000fde9'.repeat(count)}`
  }
  return attribute('50', 2, path)
}

/** The route again, with this list and what follows all attributes. */
const announcements: readonly [name: string, list: string, tail: string, right: string, also?: readonly string[]][] = [
  ['ORIGIN left out', asPath, '', 'withdrawn'],
  ['AS_PATH left out', origin, '', 'withdrawn'],
  ['ORIGIN and AS_PATH left out', '', '', 'withdrawn'],
  ['nothing but an unknown attribute', attribute('c0', 99, '01'), '', 'withdrawn'],
  ['ORIGIN twice', `${base}${origin}`, '', 'stands'],
  ['ORIGIN twice, the second malformed', `${base}${badOrigin}`, '', 'stands'],
  ['ORIGIN twice, the first malformed', `${badOrigin}${asPath}${origin}`, '', 'withdrawn'],
  ['AS_PATH twice, the second of no segments', `${base}${attribute('40', 2, '')}`, '', 'stands'],
  [
    'MULTI_EXIT_DISC three times, one of them short',
    `${base}${med('00000005')}${med('07')}${med('00000009')}`,
    '',
    'stands',
  ],
  ['MULTI_EXIT_DISC twice, the first short', `${base}${med('07')}${med('00000005')}`, '', 'withdrawn'],
  ['communities twice', `${base}${attribute('c0', 8, 'fde90001').repeat(2)}`, '', 'stands'],
  ['an unknown attribute a hundred times', `${base}${attribute('c0', 99, '01').repeat(100)}`, '', 'stands'],
  [
    'one to discard beside one to withdraw for',
    `${base}${attribute('40', 6, '00')}${attribute('c0', 8, '')}`,
    '',
    'withdrawn',
  ],
  [
    'one to withdraw for beside one to reset for',
    `${badOrigin}${asPath}${attribute('40', 99, '00')}`,
    '',
    '3/2 40630100',
    ['withdrawn'],
  ],
  ['all 238 unknown types at once', `${base}${unknown(18, 255, '01')}`, '', 'stands', ['withdrawn']],
  ['800 communities', `${base}${attribute('d0', 8, 'fde90001'.repeat(800))}`, '', 'stands'],
  [
    '900 different communities',
    `${base}${attribute(
      'd0',
      8,
      range(900, (one) => `fde9${hex(one, 2)}`),
    )}`,
    '',
    'stands',
  ],
  [
    '300 different large communities',
    `${base}${attribute(
      'd0',
      32,
      range(300, (one) => `0000fde900000001${hex(one, 4)}`),
    )}`,
    '',
    'stands',
  ],
  ['an AS_PATH of 255 ASNs', `${origin}${longPath(255)}`, '', 'stands'],
  ['an AS_PATH of 256 ASNs', `${origin}${longPath(256)}`, '', 'stands', ['withdrawn']],
  ['an AS_PATH of 500 ASNs', `${origin}${longPath(500)}`, '', 'stands', ['withdrawn']],
  ['an AS_PATH of 501 ASNs, more than its limit', `${origin}${longPath(501)}`, '', 'withdrawn', ['stands']],
  ['an AS_PATH of 900 ASNs', `${origin}${longPath(900)}`, '', 'withdrawn', ['stands']],
  ['an AS_PATH of 600 segments of one ASN', `${origin}${longPath(600, 1)}`, '', 'withdrawn', ['stands']],
  [
    'an AS_PATH with 900 zeros behind its segment',
    `${origin}${attribute('50', 2, `0201 0000fde9 ${'00'.repeat(900)}`)}`,
    '',
    'withdrawn',
  ],
  ['every attribute in reverse order', `${med('00000001')}${asPath}${origin}`, '', 'stands'],
  ['unused flag bits in all', `${attribute('4f', 1, '00')}${attribute('5f', 2, '0201 0000fde9')}`, '', 'stands'],
]

function range(count: number, write: (one: number) => string): string {
  return Array.from({ length: count }, (_, index) => write(index + 1)).join('')
}

/** Optional transitive, for types that nobody here has a row for. */
function unknown(from: number, to: number, value: string): string {
  const known = new Set([14, 15, 16, 17, 18, 22, 23, 25, 26, 27, 28, 29, 32, 33, 34, 35, 36, 37, 38, 39, 40, 128, 129])
  return range(to - from, (one) => (known.has(from + one) ? '' : attribute('c0', from + one, value)))
}

const reach = ({ afi, hop, prefix }: WireRoute) => `${afi}${hop}00${prefix}`
const unreach = ({ afi, prefix }: WireRoute) => `${afi}${prefix}`

/** Messages in which no way is left but to end the session, or in which nothing is wrong. */
const messages: readonly [
  name: string,
  fields: (route: WireRoute) => Parameters<typeof updateBody>[0],
  right: string | ((route: WireRoute) => string),
  also?: readonly string[],
][] = [
  ['MP_REACH_NLRI twice', (one) => ({ attributes: `${attribute('80', 14, reach(one)).repeat(2)}${base}` }), '3/1'],
  ['MP_UNREACH_NLRI twice', (one) => ({ attributes: attribute('80', 15, unreach(one)).repeat(2) }), '3/1'],
  ...['c0', '40', '00', 'd0'].flatMap((flags) =>
    ([14, 15] as const).map((type): (typeof messages)[number] => {
      const list = (one: WireRoute) => attribute(flags, type, type === 14 ? reach(one) : unreach(one))
      return [
        `flags 0x${flags} of ${type === 14 ? 'MP_REACH_NLRI' : 'MP_UNREACH_NLRI'}`,
        (one) => ({ attributes: `${list(one)}${base}` }),
        (one) => `3/4 ${list(one)}`,
      ]
    }),
  ),
  [
    'a malformed attribute of a message that withdraws alone',
    (one) => one.withdrawn(badOrigin),
    '3/1',
    ['3/6', '3/10'],
  ],
  [
    'a malformed attribute of a message without routes',
    () => ({ attributes: `${badOrigin}${asPath}` }),
    '3/1',
    ['3/6'],
  ],
  [
    'an attribute to discard in a message without routes',
    () => ({ attributes: `${base}${attribute('40', 6, '00')}` }),
    'stands',
  ],
  ['an unknown attribute in a message without routes', () => ({ attributes: attribute('c0', 99, '00') }), 'stands'],
  ['an End-of-RIB of a family that nobody offered', () => ({ attributes: attribute('80', 15, '400441') }), 'stands'],
  [
    'routes of a family that nobody offered',
    () => ({ attributes: `${attribute('80', 14, `400446 04 0a000001 00 18c63364`)}${base}` }),
    'stands',
    ['3/9'],
  ],
  [
    'a withdrawal of what was never announced',
    ({ family }) =>
      family === 'ipv4-unicast'
        ? { withdrawn: '18cb0071' }
        : { attributes: attribute('80', 15, '0002013020010db8ffff') },
    'stands',
  ],
  [
    'a route withdrawn and announced at once',
    (one) => ({ ...one.announced(), ...(one.family === 'ipv4-unicast' && { withdrawn: one.prefix }) }),
    'stands',
  ],
  [
    'a route announced five hundred times in one message',
    (one) =>
      one.family === 'ipv4-unicast'
        ? { ...one.announced(), nlri: one.prefix.repeat(500) }
        : { attributes: `${attribute('90', 14, `${one.afi}${one.hop}00${one.prefix.repeat(500)}`)}${base}` },
    'stands',
  ],
]

const announcing = announcements.map(
  ([name, list, tail, right, also = []]): Case => ({
    name,
    right: [right],
    also,
    play: async (scene) => {
      await scene.announced()
      scene.update(scene.target.announced(list, tail))
    },
  }),
)

const whole = messages.flatMap(([name, fields, right, also = []]): Case[] =>
  typeof right === 'string'
    ? [
        {
          name,
          right: [right],
          also,
          play: async (scene) => {
            await scene.announced()
            scene.update(fields(scene.target))
          },
        },
      ]
    : [
        {
          name,
          right: ['3/4 and the attribute'],
          also: ['3/4', '3/1', '3/5', '3/9'],
          play: async (scene) => {
            await scene.announced()
            scene.update(fields(scene.target))
            const wanted = right(scene.target)
            const seen = await scene.reaction((text) => text === wanted)
            return seen === wanted ? '3/4 and the attribute' : seen
          },
        },
      ],
)

export const lists: Group = { name: 'list', cases: [...announcing, ...whole] }
