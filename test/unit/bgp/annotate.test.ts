/** Messages as trees of fields: what each says, that they leave no octet out, and where what is wrong stands. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  annotate,
  decodeMessage,
  encodeMessage,
  encodeUpdate,
  type Field,
  hex,
  isFault,
  Prefix,
  readUpdate,
} from 'bgp-ts'
import { expect } from 'chai'
import { corpus } from '../../fuzz/corpus.ts'
import { Dice } from '../../fuzz/dice.ts'
import { mutated } from '../../fuzz/mutate.ts'
import { message, octets, updateBody } from '../../support/bytes.ts'
import { joined } from '../../support/mrt-writer.ts'

const leaves = (field: Field): Field[] => (field.fields.length > 0 ? field.fields.flatMap(leaves) : [field])
const all = (field: Field): Field[] => [field, ...field.fields.flatMap(all)]
const wrongs = (fields: readonly Field[]) =>
  fields.flatMap(all).flatMap(({ name, wrong }) => (wrong ? [`${name}: ${wrong}`] : []))

/** The fields without fields in them follow each other from the first octet to the last. */
function mustTile(fields: readonly Field[], length: number, what: string): void {
  let at = 0
  for (const leaf of fields.flatMap(leaves)) {
    expect(leaf.at, `${what}: ${leaf.name}`).to.equal(at)
    expect(leaf.end, `${what}: ${leaf.name}`).to.be.at.least(leaf.at)
    at = leaf.end
  }
  expect(at, what).to.equal(length)
}

const folder = join(import.meta.dirname, '../../golden')
const golden = readdirSync(folder)
  .filter((name) => name.endsWith('.hex'))
  .map((name) => {
    const lines = readFileSync(join(folder, name), 'utf8').split('\n')
    return { name, bytes: octets(lines.filter((line) => !line.startsWith('>')).join('\n')) }
  })

const list = '400101 00 400206 0201 0000fde9 400304 0a000001'

describe('annotated messages', () => {
  for (const { name, bytes } of golden) {
    it(`finds nothing wrong with ${name}, and leaves none of its octets out`, () => {
      const fields = annotate(bytes)
      expect(wrongs(fields)).to.deep.equal([])
      mustTile(fields, bytes.length, name)
    })
  }

  it('names the fields of an UPDATE with their places', () => {
    const body = updateBody({ withdrawn: '08 0a', attributes: list, nlri: '18 cb0071' })
    const fields = annotate(message(2, body))
    const lines = fields.flatMap(leaves).map(({ at, end, name, value }) => `${at}-${end} ${name}: ${value}`)
    expect(lines.slice(3)).to.deep.equal([
      '19-21 length of withdrawn routes: 2',
      '21-23 withdrawn: 10.0.0.0/8',
      '23-25 length of attributes: 20',
      '25-26 flags: well-known, transitive',
      '26-27 type: 1',
      '27-28 length: 1',
      '28-29 value: igp',
      '29-30 flags: well-known, transitive',
      '30-31 type: 2',
      '31-32 length: 6',
      '32-38 value: 65001',
      '38-39 flags: well-known, transitive',
      '39-40 type: 3',
      '40-41 length: 4',
      '41-45 value: 10.0.0.1',
      '45-49 reachable: 203.0.113.0/24',
    ])
  })

  it('reads as the session was opened: the width of ASNs, and path identifiers', () => {
    const narrow = updateBody({ attributes: '400101 00 400204 0201 fde9 400304 0a000001', nlri: '00000007 18 cb0071' })
    const fields = annotate(message(2, narrow), { fourOctetAsn: false, addPath: ['ipv4-unicast'] })
    expect(wrongs(fields)).to.deep.equal([])
    expect(fields.flatMap(leaves).map(({ value }) => value)).to.include.members(['65001', '203.0.113.0/24 (path 7)'])
  })

  for (const [what, body, expected] of [
    [
      'at the attribute',
      { attributes: `${list} 800403 000007`, nlri: '18 cb0071' },
      ['MULTI_EXIT_DISC: length 3 is not 4 (treat-as-withdraw)'],
    ],
    [
      'at the list that lacks one',
      { attributes: '400101 00 400304 0a000001', nlri: '18 cb0071' },
      ['path attributes: AS_PATH: missing, RFC 7606 3d (treat-as-withdraw)'],
    ],
    [
      'at the octets behind the last whole attribute',
      { attributes: `${list} 8004`, nlri: '18 cb0071' },
      ['octets: ends inside an attribute, RFC 7606 4'],
    ],
    ['at a prefix that is too long', { withdrawn: '21 0a00000000' }, ['octets: prefix of 33 bits, RFC 7606 5.3']],
    [
      'at a multiprotocol attribute with other flags',
      { attributes: '400f03 000201' },
      ['path attributes: attribute flags error: flags 0x40 of attribute 15, RFC 7606 7.11'],
    ],
  ] as const) {
    it(`says what is wrong ${what}`, () => {
      const bytes = message(2, updateBody(body))
      expect(wrongs(annotate(bytes))).to.deep.equal(expected)
      mustTile(annotate(bytes), bytes.length, what)
    })
  }

  it('says what is wrong with an OPEN, and goes on', () => {
    const fields = annotate(message(1, octets('03 fde9 0002 00000000 04 01 02 0000')))
    expect(wrongs(fields)).to.deep.equal([
      'version: not 4, RFC 4271 6.2',
      'hold time: neither 0 nor at least 3, RFC 4271 6.2',
      'identifier: zero, RFC 6286 2.2',
      'parameter: type 1, RFC 4271 6.2',
    ])
  })

  for (const [what, bytes, expected] of [
    ['a marker that is none', encodeMessage({ kind: 'keepalive' }).with(3, 0), /marker is not all ones/],
    [
      'a message that is cut',
      encodeUpdate({ withdrawn: [new Prefix('ipv4-unicast', 8, 0x0a000000)] }).slice(0, 22),
      /22 octets are there/,
    ],
    [
      'octets behind the last message',
      joined([encodeMessage({ kind: 'keepalive' }), Uint8Array.of(1)]),
      /1 octets are no header/,
    ],
  ] as const) {
    it(`ends at ${what}, and shows its octets`, () => {
      expect(wrongs(annotate(bytes)).join()).to.match(expected)
      mustTile(annotate(bytes), bytes.length, what)
    })
  }

  it('leaves no octet out of any damaged message, and finds what the decoder finds', () => {
    const pool = corpus()
    for (let turn = 0; turn < 4000; turn++) {
      const dice = new Dice(7606, turn)
      const bytes = mutated(dice, dice.pick(pool), dice.pick(pool))
      const fields = annotate(bytes)
      mustTile(fields, bytes.length, hex(bytes))
      const first = fields[0]
      if (!first || first.wrong !== undefined || first.fields.length < 3) continue
      const read = decodeMessage(bytes[18]!, bytes, 19, first.end)
      const values = !isFault(read) && read.kind === 'update' ? readUpdate(read.body) : read
      const found = isFault(values) || ('findings' in values && values.findings.length > 0)
      if (found) expect(wrongs([first]), hex(bytes)).to.not.deep.equal([])
    }
  })
})
