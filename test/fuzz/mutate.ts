/** Mutations: of the octets, blindly, and of the structure, knowingly. Several of them one upon the other make an input. */

import type { Dice } from './dice.ts'
import { attributeOctets, framed, type Item, joined, putTogether, type Shape, takeApart } from './shape.ts'

/** Changes a message of the corpus; `other` is a second one to splice with. Most results have a header whose length is right. */
export function mutated(dice: Dice, one: Uint8Array, other: Uint8Array): Uint8Array {
  let bytes = one
  for (let count = 1 + dice.below(4); count > 0; count--) {
    bytes = dice.chance(60) ? putTogether(reshaped(dice, takeApart(bytes), takeApart(other))) : bent(dice, bytes, other)
  }
  return bytes
}

type Bend = (dice: Dice, bytes: Uint8Array, other: Uint8Array) => Uint8Array

const bends: readonly Bend[] = [
  (dice, bytes) => changed(bytes, dice.below(bytes.length), (octet) => octet ^ (1 << dice.below(8))),
  (dice, bytes) => changed(bytes, dice.below(bytes.length), () => dice.octet()),
  (dice, bytes) => {
    const at = dice.below(bytes.length)
    return changed(
      changed(bytes, at, () => dice.octet()),
      at + 1,
      () => dice.octet(),
    )
  },
  (dice, bytes) => changed(bytes, dice.below(bytes.length), (octet) => octet + dice.below(9) - 4),
  (dice, bytes) => reframed(bytes, bytes.subarray(19, 19 + dice.below(bytes.length))),
  (dice, bytes) => bytes.subarray(0, dice.below(bytes.length + 1)),
  (dice, bytes) => {
    const at = 19 + dice.below(Math.max(1, bytes.length - 18))
    return reframed(bytes, joined([bytes.subarray(19, at), dice.octets(1 + dice.below(8)), bytes.subarray(at)]))
  },
  (dice, bytes) => {
    const at = 19 + dice.below(Math.max(1, bytes.length - 18))
    return reframed(bytes, joined([bytes.subarray(19, at), bytes.subarray(at + 1 + dice.below(8))]))
  },
  (dice, bytes, other) => {
    const cut = 19 + dice.below(Math.max(1, bytes.length - 18))
    return reframed(bytes, joined([bytes.subarray(19, cut), other.subarray(19 + dice.below(other.length))]))
  },
  (dice, bytes) => {
    const body = bytes.subarray(19)
    return reframed(bytes, joined(Array.from({ length: 2 + dice.below(6) }, () => body)))
  },
  (_dice, bytes, other) => joined([bytes, other]),
  (dice, bytes) => framed(dice.below(7), bytes.subarray(19)),
]

function bent(dice: Dice, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  return bytes.length === 0 ? other : dice.pick(bends)(dice, bytes, other)
}

/** The length of the header follows the body. */
function reframed(bytes: Uint8Array, body: Uint8Array): Uint8Array {
  return framed(bytes[18] ?? 2, body)
}

function changed(bytes: Uint8Array, at: number, to: (octet: number) => number): Uint8Array {
  const copy = bytes.slice()
  if (at < copy.length) copy[at] = to(copy[at]!)
  return copy
}

function reshaped(dice: Dice, shape: Shape, other: Shape): Shape {
  if (shape.kind === 'other') return { ...shape, body: value(dice, shape.body) }
  const theirs = other.kind === shape.kind ? other.items : []
  if (dice.chance(75)) return { ...shape, items: rearranged(dice, shape.items, theirs) }
  const lies: [number, number] = [lie(dice), lie(dice)]
  if (shape.kind === 'open') {
    return { ...shape, lies, extended: dice.chance(50), apart: dice.chance(50), fixed: value(dice, shape.fixed) }
  }
  const spare = other.kind === 'update' ? other.nlri : new Uint8Array(0)
  const fields = [
    { withdrawn: value(dice, shape.withdrawn) },
    { nlri: value(dice, shape.nlri) },
    { nlri: spare },
    { withdrawn: shape.nlri },
    { withdrawn: joined([shape.withdrawn, spare]) },
    { nlri: joined(Array.from({ length: 1 + dice.below(40) }, () => shape.nlri)) },
    { lies },
  ]
  return { ...shape, ...dice.pick(fields) }
}

const lie = (dice: Dice) => (dice.chance(40) ? dice.pick([-1, 1, -2, 2, 255, -255, 65535, 4]) : 0)

function rearranged(dice: Dice, items: readonly Item[], theirs: readonly Item[]): Item[] {
  const list = [...items]
  const at = dice.below(Math.max(1, list.length))
  const one = list[at]
  switch (dice.below(11)) {
    case 0:
      list.splice(at, 1)
      break
    case 1:
      if (one) list.splice(dice.below(list.length + 1), 0, one)
      break
    case 2:
      if (theirs.length > 0) list.splice(at, 0, dice.pick(theirs))
      break
    case 3:
      for (let last = list.length - 1; last > 0; last--) {
        const swap = dice.below(last + 1)
        const kept = list[last]!
        list[last] = list[swap]!
        list[swap] = kept
      }
      break
    case 4:
      if (one) list[at] = { ...one, flags: one.flags < 0 ? -1 : one.flags ^ (1 << dice.below(8)) }
      break
    case 5:
      if (one) list[at] = { ...one, type: dice.chance(50) ? dice.below(45) : dice.octet() }
      break
    case 6:
      if (one) list[at] = { ...one, lie: dice.pick([-4, -1, 1, 2, 4, 16, 255, -128]) }
      break
    case 7:
      // One inside the other.
      if (one && list.length > 0) list[at] = { ...one, value: attributeOctets(dice.pick(list)) }
      break
    case 8:
      if (one) list[at] = { ...one, value: joined(Array.from({ length: 1 + dice.below(60) }, () => one.value)) }
      break
    case 9:
      for (let more = dice.below(40); one && more > 0; more--) list.push({ ...one, type: dice.octet() })
      break
    default:
      if (one) list[at] = { ...one, value: value(dice, one.value) }
  }
  return list
}

/** Another value for a field: its octets changed, cut, made longer, or all new. */
function value(dice: Dice, octets: Uint8Array): Uint8Array {
  const at = dice.below(Math.max(1, octets.length))
  switch (dice.below(8)) {
    case 0:
      return octets.subarray(0, at)
    case 5:
      return octets.subarray(0, dice.below(10))
    case 6:
      return octets.subarray(0, Math.max(0, octets.length - 1 - dice.below(3)))
    case 1:
      return joined([octets, dice.octets(1 + dice.below(6))])
    case 2:
      return dice.octets(dice.below(40))
    case 3:
      return octets.slice().fill(dice.pick([0, 255, 1]), at)
    case 4:
      return dice.octets(octets.length)
    default:
      return changed(octets, at, () => dice.octet())
  }
}
