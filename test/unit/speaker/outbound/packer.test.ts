import {
  type Address,
  type Attributes,
  decodeAttributes,
  encodeAttributes,
  type Family,
  Framer,
  families,
  familyNumbers,
  formatPrefix,
  isFault,
  messageTypes,
  mpReachType,
  mpUnreachType,
  newUpdateParts,
  Prefix,
  readPrefixes,
  readReach,
  readUnreach,
  scanUpdate,
} from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import { OutTable } from '../../../../speaker/outbound/out-table.ts'
import { Packer } from '../../../../speaker/outbound/packer.ts'
import { PrefixTable } from '../../../../speaker/rib/prefix-table.ts'
import { address, prefix } from '../../../support/fabric.ts'

/** One UPDATE as a router reads it. */
interface Heard {
  readonly length: number
  readonly announced: string[]
  readonly withdrawn: string[]
  readonly nextHop: string | undefined
  readonly attributes: Attributes
  /** Type of the first attribute. */
  readonly first: number | undefined
}

const four = { fourOctetAsn: true }

/** Reads buffers as they come from a socket. */
function hear(buffers: readonly Uint8Array[]): Heard[] {
  const heard: Heard[] = []
  const framer = new Framer()
  for (const buffer of buffers) {
    const fault = framer.push(buffer, (type, bytes, at, end) => {
      expect(type).to.equal(messageTypes.update)
      heard.push(read(bytes, at, end))
      return true
    })
    expect(fault, fault?.text).to.equal(undefined)
  }
  return heard
}

function read(bytes: Uint8Array, at: number, end: number): Heard {
  const parts = newUpdateParts()
  const fault = scanUpdate(bytes, at, end, parts)
  expect(fault, fault?.text).to.equal(undefined)
  expect(parts.cutShort).to.equal(false)
  const announced = readPrefixes(bytes, parts.nlriAt, parts.nlriEnd, 'ipv4-unicast')
  const withdrawn = readPrefixes(bytes, parts.withdrawnAt, parts.withdrawnEnd, 'ipv4-unicast')
  const attributes = decodeAttributes(bytes, parts.attributesAt, parts.attributesEnd, four)
  let nextHop = attributes.nextHop
  if (parts.reachAt) {
    const reach = readReach(bytes, parts.reachAt, parts.reachEnd)
    if (isFault(reach)) throw new Error(reach.text)
    nextHop = reach.nextHop
    announced.push(...readPrefixes(bytes, reach.nlriAt, reach.nlriEnd, reach.family!))
  }
  if (parts.unreachAt) {
    const unreach = readUnreach(bytes, parts.unreachAt, parts.unreachEnd)
    if (isFault(unreach)) throw new Error(unreach.text)
    withdrawn.push(...readPrefixes(bytes, unreach.nlriAt, unreach.nlriEnd, unreach.family!))
  }
  return {
    length: end - at + 19,
    announced: announced.map(formatPrefix),
    withdrawn: withdrawn.map(formatPrefix),
    nextHop: nextHop && String(nextHop),
    attributes,
    first: parts.attributesAt < parts.attributesEnd ? bytes[parts.attributesAt + 1] : undefined,
  }
}

/** What the family's routes are sent with: NEXT_HOP in the list for IPv4, MP_REACH_NLRI before it for IPv6. */
function entryOf(family: Family, attributes: Attributes, nextHop: Address) {
  const table = new OutTable(7)
  const list = family === 'ipv4-unicast' ? { ...attributes, nextHop } : attributes
  return [table, table.intern(family, encodeAttributes(list, four), nextHop)] as const
}

const plain: Attributes = { origin: 'igp', asPath: [{ type: 'sequence', asns: [64512, 4200000000] }], communities: [7] }
const hops: Record<Family, Address> = { 'ipv4-unicast': address('10.0.0.2'), 'ipv6-unicast': address('fd00::2') }

/** Communities so that the list has about this many octets. */
const padded = (octets: number): Attributes => ({
  ...plain,
  communities: Array.from({ length: Math.ceil(octets / 4) }, (_, index) => index),
})

const nth = (family: Family, index: number) =>
  familyNumbers[family].bits === 32
    ? new Prefix(family, 32, 0x0a000000 + index)
    : new Prefix(family, 128, 0x20010db8, 0, index >>> 8, index)

for (const family of families) {
  describe(`the packer of ${family}`, () => {
    let prefixes: PrefixTable
    let buffers: Uint8Array[]
    let packer: Packer
    const entry = entryOf(family, plain, hops[family])

    beforeEach(() => {
      prefixes = new PrefixTable(family, 5)
      buffers = []
      packer = new Packer((bytes) => buffers.push(bytes))
    })

    const rowsOf = (all: readonly Prefix[]) =>
      all.map((one) => prefixes.add(one.w0, one.w1, one.w2, one.w3, one.length))
    const many = (count: number) => Array.from({ length: count }, (_, index) => nth(family, index))

    it('sends routes that share attributes in one message', () => {
      const all = many(20)
      packer.announce(prefixes, rowsOf(all), ...entry)
      packer.flush()
      const heard = hear(buffers)
      expect(heard).to.have.lengthOf(1)
      expect(heard[0]).to.deep.include({
        announced: all.map(formatPrefix),
        withdrawn: [],
        nextHop: String(hops[family]),
      })
      const { nextHop: _nextHop, ...attributes } = heard[0]!.attributes
      expect(attributes).to.deep.equal(plain)
      expect(packer.messages).to.equal(1)
    })

    it('sends prefixes of every length as they are', () => {
      const lengths = Array.from({ length: familyNumbers[family].bits + 1 }, (_, length) => length)
      const all = lengths.map((length) => new Prefix(family, length, -1, -1, -1, -1)).map(formatPrefix)
      packer.announce(prefixes, rowsOf(all.map(prefix)), ...entry)
      packer.withdraw(prefixes, rowsOf(all.map(prefix)))
      packer.flush()
      const heard = hear(buffers)
      expect(heard.flatMap(({ announced }) => announced)).to.deep.equal(all)
      expect(heard.flatMap(({ withdrawn }) => withdrawn)).to.deep.equal(all)
    })

    it('withdraws without attributes', () => {
      const all = many(20)
      packer.withdraw(prefixes, rowsOf(all))
      packer.flush()
      const heard = hear(buffers)
      expect(heard).to.have.lengthOf(1)
      expect(heard[0]).to.deep.include({ announced: [], withdrawn: all.map(formatPrefix), attributes: {} })
    })

    it('C9 never mixes reachable and unreachable routes, and puts the multiprotocol attribute first', () => {
      packer.withdraw(prefixes, rowsOf(many(3)))
      packer.announce(prefixes, rowsOf(many(3)), ...entry)
      packer.flush()
      const heard = hear(buffers)
      const shapes = heard.map(({ announced, withdrawn, first }) => [announced.length, withdrawn.length, first])
      expect(shapes).to.deep.equal(
        family === 'ipv4-unicast'
          ? [
              [0, 3, undefined],
              [3, 0, 1],
            ]
          : [
              [0, 3, mpUnreachType],
              [3, 0, mpReachType],
            ],
      )
    })

    it('keeps routes with other attributes in other messages, and in order', () => {
      const other = entryOf(family, { ...plain, med: 9 }, hops[family])
      packer.announce(prefixes, rowsOf([nth(family, 1)]), ...entry)
      packer.announce(prefixes, rowsOf([nth(family, 2)]), ...other)
      packer.flush()
      expect(hear(buffers).map(({ announced, attributes }) => [announced.length, attributes.med])).to.deep.equal([
        [1, undefined],
        [1, 9],
      ])
    })

    it('A6 fills messages, and none beyond 4096 octets', () => {
      const all = many(20_000)
      packer.announce(prefixes, rowsOf(all), ...entry)
      const announcements = packer.messages
      packer.withdraw(prefixes, rowsOf(all))
      packer.flush()
      const heard = hear(buffers)
      expect(Math.max(...heard.map(({ length }) => length))).to.be.at.most(4096)
      // All but the last of each kind are full: not one more prefix would have fitted.
      const full = heard.filter((_, index) => index !== announcements - 1 && index !== heard.length - 1)
      expect(Math.min(...full.map(({ length }) => length))).to.be.above(4096 - 17)
      expect(heard.flatMap(({ announced }) => announced)).to.deep.equal(all.map(formatPrefix))
      expect(heard.flatMap(({ withdrawn }) => withdrawn)).to.deep.equal(all.map(formatPrefix))
      expect(packer.messages).to.equal(heard.length)
    })

    it('leaves a buffer alone once it is handed out', () => {
      const rows = rowsOf(many(20_000))
      const copies: Uint8Array[] = []
      const careful = new Packer((bytes) => {
        buffers.push(bytes)
        copies.push(bytes.slice())
      })
      for (let round = 0; round < 3; round++) {
        careful.announce(prefixes, rows, ...entry)
        careful.flush()
        careful.withdraw(prefixes, rows.slice(0, 5))
        careful.flush()
      }
      for (const [index, copy] of copies.entries()) {
        expect(Buffer.compare(copy, buffers[index]!), `buffer ${index}`).to.equal(0)
      }
    })

    it('hands out nothing when there is nothing', () => {
      packer.announce(prefixes, [], ...entry)
      packer.withdraw(prefixes, [])
      packer.flush()
      packer.flush()
      expect([buffers.length, packer.messages]).to.deep.equal([0, 0])
    })

    it('knows which attributes leave room for a route, and packs those at the limit', () => {
      let largest = 0
      for (let octets = 3900; octets < 4100; octets += 4) {
        const [table, id] = entryOf(family, padded(octets), hops[family])
        if (Packer.fits(table.listLength(id), hops[family])) largest = octets
        else break
      }
      expect(largest).to.be.within(3960, 4060)
      const all = many(3)
      packer.announce(prefixes, rowsOf(all), ...entryOf(family, padded(largest), hops[family]))
      packer.flush()
      const heard = hear(buffers)
      expect(heard.flatMap(({ announced }) => announced)).to.deep.equal(all.map(formatPrefix))
      expect(Math.max(...heard.map(({ length }) => length))).to.be.at.most(4096)
    })

    it('says the same as it was told, for any prefixes and attributes', () => {
      const word = fc.integer({ min: -0x80000000, max: 0x7fffffff })
      const any = fc
        .tuple(fc.integer({ min: 0, max: familyNumbers[family].bits }), word, word, word, word)
        .map(([length, w0, w1, w2, w3]) =>
          family === 'ipv4-unicast' ? new Prefix(family, length, w0) : new Prefix(family, length, w0, w1, w2, w3),
        )
      const batch = fc.record({
        withdraw: fc.boolean(),
        prefixes: fc.array(any, { minLength: 1, maxLength: 60 }),
        octets: fc.integer({ min: 4, max: 3900 }),
      })
      fc.assert(
        fc.property(fc.array(batch, { maxLength: 12 }), (batches) => {
          const sent: Uint8Array[] = []
          const subject = new Packer((bytes) => sent.push(bytes))
          for (const { withdraw, prefixes: all, octets } of batches) {
            const rows = rowsOf(all)
            if (withdraw) subject.withdraw(prefixes, rows)
            else subject.announce(prefixes, rows, ...entryOf(family, padded(octets), hops[family]))
          }
          subject.flush()
          const heard = hear(sent)
          const told = (withdraw: boolean) =>
            batches.filter((one) => one.withdraw === withdraw).flatMap((one) => one.prefixes.map(formatPrefix))
          expect(heard.flatMap(({ announced }) => announced)).to.deep.equal(told(false))
          expect(heard.flatMap(({ withdrawn }) => withdrawn)).to.deep.equal(told(true))
        }),
        { numRuns: 100 },
      )
    })
  })
}

describe('the table of what routes are sent with', () => {
  for (const family of families) {
    const list = encodeAttributes(plain, four)

    it(`gives equal lists with one next hop one id: ${family}`, () => {
      const table = new OutTable(7)
      const id = table.intern(family, list, hops[family])
      expect(table.intern(family, list.slice(), hops[family])).to.equal(id)
      expect(id).to.be.above(0)
    })

    it(`tells lists apart by their octets and by their next hop: ${family}`, () => {
      const table = new OutTable(7)
      const another = family === 'ipv4-unicast' ? address('10.0.0.3') : address('fd00::3')
      const ids = [
        table.intern(family, list, hops[family]),
        table.intern(family, list, another),
        table.intern(family, encodeAttributes({ ...plain, med: 0 }, four), hops[family]),
      ]
      expect(new Set(ids).size).to.equal(3)
    })

    it(`forgets a list with its last reference: ${family}`, () => {
      const table = new OutTable(7)
      const id = table.intern(family, list, hops[family])
      const generation = table.generation(id)
      table.retain(id)
      table.retain(id)
      table.release(id)
      expect([table.size, table.generation(id) === generation]).to.deep.equal([1, true])
      table.release(id)
      expect([table.size, table.generation(id) === generation]).to.deep.equal([0, false])
      const again = table.intern(family, list, hops[family])
      expect([again, table.generation(again) === generation]).to.deep.equal([id, false])
    })
  }

  it('shrugs at id 0, which is what is not sent', () => {
    const table = new OutTable(7)
    table.retain(0)
    table.release(0)
    table.release(0)
    expect(table.size).to.equal(0)
  })
})
