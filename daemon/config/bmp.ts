/** Collectors of the BGP Monitoring Protocol, as the flags and the configuration file name them. */

import { type Address, bmpPort } from 'bgp-ts'
import * as z from 'zod'
import { parseAddress } from '../../policy/index.ts'
import type { CollectorDeclaration } from '../../speaker/index.ts'
import type { ConfigDocument } from './document.ts'
import { ConfigError, type FlagType } from './flag.ts'
import type { Settings } from './flags.ts'
import { port } from './values.ts'

export type CollectorAddress = Pick<CollectorDeclaration, 'address' | 'zone' | 'port'>

const usualInterval = 60
const longestInterval = 86_400

const host = z.string().transform((text, context): Omit<CollectorAddress, 'port'> => {
  const read = readHost(text)
  if (read) return read
  context.addIssue({ code: 'custom', message: 'is not an IP address, nor one of a link such as fe80::1%eth0' })
  return z.NEVER
})

export const bmpShape = {
  bmp: z
    .array(
      z.strictObject({
        address: host.describe('Address of the collector, with `%interface` for one of a link.'),
        port: port.default(bmpPort).describe('Its TCP port.'),
        'adj-rib-in': z.boolean().default(true).describe('Routes of each peer as the import policy left them.'),
        'adj-rib-out': z.boolean().default(false).describe('Routes that each peer is sent (RFC 8671).'),
        'statistics-interval': z
          .int()
          .min(0)
          .max(longestInterval)
          .default(usualInterval)
          .describe('Seconds between two reports of statistics; 0 for none.'),
      }),
    )
    .default([])
    .describe('Collectors that are told by BMP what peers send and are sent (RFC 7854).'),
}

/** The collectors of a file; throws `ConfigError` where one is there twice. */
export function readCollectors(
  document: ConfigDocument,
  { bmp }: z.output<z.ZodObject<typeof bmpShape>>,
): CollectorDeclaration[] {
  return bmp.map((part, index) => {
    const { address: end, port: number, 'adj-rib-in': adjRibIn, 'adj-rib-out': adjRibOut } = part
    const one = { ...end, port: number }
    const first = bmp.findIndex((other) => textOf({ ...other.address, port: other.port }) === textOf(one))
    if (first < index) throw new ConfigError(document.place(['bmp', index, 'address']), textOf(one), 'is there twice')
    return { ...one, adjRibIn, adjRibOut, statisticsInterval: part['statistics-interval'] }
  })
}

/** `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`. */
export const collectorAddress: FlagType<CollectorAddress> = {
  placeholder: 'ADDRESS[:PORT]',
  read: (text) => {
    const plain = readHost(text)
    if (plain) return { ...plain, port: bmpPort }
    const match = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text)
    const end = match && readHost(match[1] ?? match[2] ?? '')
    const number = match?.[3] === undefined ? bmpPort : Number(match[3])
    // Without brackets, which part of it would be the port?
    if (!end || number < 1 || number > 65535 || (match[1] === undefined) !== (end.address.version === 4))
      return undefined
    return { ...end, port: number }
  },
  expected: 'is not ADDRESS or ADDRESS:PORT, IPv6 in brackets: 192.0.2.9:11019, [2001:db8::9]:11019',
}

function readHost(text: string): { readonly address: Address; readonly zone?: string } | undefined {
  const [name = '', zone, ...more] = text.split('%')
  const address = parseAddress(name)
  const fits = address && more.length === 0 && (zone === undefined || (zone !== '' && address.version === 6))
  return fits ? { address, ...(zone !== undefined && { zone }) } : undefined
}

function textOf({ address, zone, port: number }: CollectorAddress): string {
  const end = zone === undefined ? String(address) : `${address}%${zone}`
  return address.version === 4 ? `${end}:${number}` : `[${end}]:${number}`
}

/** Those of the flags, and those of the file, which counts where both name one. */
export function collectorsOf(
  settings: Pick<Settings, 'bmp-collectors' | 'bmp-adj-rib-in' | 'bmp-adj-rib-out' | 'bmp-statistics-interval'>,
  inFile: readonly CollectorDeclaration[],
): CollectorDeclaration[] {
  const named = new Map(
    settings['bmp-collectors'].map((one): [string, CollectorDeclaration] => [
      textOf(one),
      {
        ...one,
        adjRibIn: settings['bmp-adj-rib-in'],
        adjRibOut: settings['bmp-adj-rib-out'],
        statisticsInterval: settings['bmp-statistics-interval'],
      },
    ]),
  )
  for (const one of inFile) named.set(textOf(one), one)
  return [...named.values()]
}
