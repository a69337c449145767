/**
 * A whole speaker among hostile routers, on the virtual clock: connections come, say anything in any order and go, time passes, and what is
 * declared changes. After each step a few things must hold whatever happened; one router behaves, and must not notice any of it.
 */

import {
  type Capability,
  checkNlri,
  decodeMessage,
  encodeMessage,
  type Family,
  families,
  formatPrefix,
  isFault,
  newUpdateParts,
  type Prefix,
  readPrefixes,
  readReach,
  readUnreach,
  scanUpdate,
} from 'bgp-ts'
import { acceptAll, type Policy, PrefixSet, parsePrefix } from '../../policy/index.ts'
import type { PeerDeclaration } from '../../speaker/index.ts'
import { message, updateBody } from '../support/bytes.ts'
import { address, Fabric, type Machine, peerTo, route } from '../support/fabric.ts'
import { asPath, attribute, keepalive, openOf, origin, WirePeer, wireRoutes } from '../support/wire-peer.ts'
import { Broken } from './codec.ts'
import { Dice } from './dice.ts'
import { mutated } from './mutate.ts'

const ownAsn = 64512
const witnessAt = '10.0.0.3'

/** Who plays: an external peer, an internal one over IPv6, and whoever comes from a prefix. */
const players = [
  { at: '10.0.0.1', to: '10.0.0.2', asn: 65001 },
  { at: 'fd00::1', to: 'fd00::2', asn: ownAsn },
  { at: '10.0.9.1', to: '10.0.0.2', asn: 65009 },
  { at: '10.0.9.2', to: '10.0.0.2', asn: 65009 },
] as const
type Player = (typeof players)[number]

interface Wire {
  readonly player: Player
  readonly peer: WirePeer
  /** Octets went out that are no whole message: where the next one begins is not known. */
  askew: boolean
}

const tagging: Policy = {
  name: 'tags',
  default: 'accept',
  statements: [
    {
      name: 'some',
      match: { prefixes: new PrefixSet([{ prefix: parsePrefix('198.51.100.0/24')!, ge: 24, le: 24 }]) },
      action: 'reject',
    },
    { name: 'all', match: {}, set: { localPref: 50, addCommunities: [0xfde90001] }, action: 'accept' },
  ],
}
const refusing: Policy = { name: 'none', default: 'reject', statements: [] }

function declaration(dice: Dice, at: string, asn: number): PeerDeclaration {
  const limit = { 'ipv4-unicast': dice.below(6), 'ipv6-unicast': dice.below(6) }
  return peerTo(at, asn, {
    passive: true,
    holdTime: dice.pick([0, 3, 90]),
    importPolicy: dice.pick([acceptAll, acceptAll, tagging, refusing]),
    exportPolicy: dice.pick([acceptAll, tagging, refusing]),
    nextHopSelf: dice.chance(30),
    ...(dice.chance(40) && { addPath: families }),
    ...(dice.chance(40) && { extendedNextHop: true }),
    ...(dice.chance(50) && { gracefulRestart: { time: dice.pick([0, 5, 120]), longLived: dice.pick([0, 20]) } }),
    ...(asn === ownAsn && dice.chance(40) && { reflectorClient: true }),
    ...(dice.chance(30) && {
      maxPrefixes: { limit, warnAt: 80, beyond: dice.pick(['discard', 'reset']), restartAfter: 5 },
    }),
  })
}

function declarations(dice: Dice): PeerDeclaration[] {
  const [external, internal] = players
  return [
    peerTo(witnessAt, 65003, { passive: true, exportPolicy: acceptAll, importPolicy: refusing }),
    ...(dice.chance(90) ? [declaration(dice, external.at, external.asn)] : []),
    ...(dice.chance(90) ? [declaration(dice, internal.at, internal.asn)] : []),
    { ...declaration(dice, '10.0.9.0', 65009), name: 'guests', dynamic: { length: 24, limit: 1 + dice.below(2) } },
  ]
}

function capabilities(dice: Dice, { asn }: Player): Capability[] {
  const both = families.map((_family, index) => ({ afi: index + 1, safi: 1 }))
  const all: readonly Capability[] = [
    ...both.map((one): Capability => ({ kind: 'multiprotocol', ...one })),
    { kind: 'route-refresh' },
    { kind: 'enhanced-route-refresh' },
    { kind: 'extended-message' },
    { kind: 'extended-next-hop', tuples: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
    {
      kind: 'graceful-restart',
      restarting: dice.chance(50),
      notification: dice.chance(50),
      restartTime: dice.pick([0, 3, 60]),
      families: both.filter(() => dice.chance(80)).map((one) => ({ ...one, forwarding: dice.chance(80) })),
    },
    {
      kind: 'long-lived-graceful-restart',
      families: both.map((one) => ({ ...one, forwarding: true, staleTime: dice.below(30) })),
    },
    { kind: 'add-path', families: both.map((one) => ({ ...one, send: dice.chance(70), receive: true })) },
  ]
  return [...all.filter(() => dice.chance(75)), { kind: 'four-octet-asn', asn }]
}

/** Plays one game; what breaks is thrown. */
export async function playSession(seed: number, turn: number, pool: readonly Uint8Array[], steps = 40): Promise<void> {
  const dice = new Dice(seed, turn)
  const game = await Game.begin(dice, pool)
  for (let step = 0; step < steps; step++) await game.step()
  await game.end()
}

class Game {
  readonly #dice: Dice
  readonly #pool: readonly Uint8Array[]
  readonly #fabric = new Fabric()
  readonly #node: Machine
  readonly #up = new Set<string>()
  #witness!: WirePeer
  #wires: Wire[] = []
  /** What was done, for whoever has to understand a finding. */
  readonly #story: string[] = []

  private constructor(dice: Dice, pool: readonly Uint8Array[]) {
    this.#dice = dice
    this.#pool = pool
    this.#node = this.#fabric.machine(ownAsn, ['10.0.0.2', 'fd00::2'], declarations(dice))
    this.#node.speaker.onEvent(({ kind, peer, ...rest }) => {
      if (kind === 'up') {
        this.#must(!this.#up.has(peer), `${peer} has a second session`)
        this.#up.add(peer)
      } else if ('established' in rest && rest.established) {
        this.#must(this.#up.delete(peer), `${peer} lost a session that it had not`)
      }
    })
  }

  static async begin(dice: Dice, pool: readonly Uint8Array[]): Promise<Game> {
    const game = new Game(dice, pool)
    await game.#fabric.pass(1000)
    const terms = { at: witnessAt, to: '10.0.0.2', asn: 65003, peerAsn: ownAsn, holdTime: 0 }
    game.#witness = await WirePeer.up(game.#fabric, terms)
    return game
  }

  async step(): Promise<void> {
    const dice = this.#dice
    const wire = this.#wires.length > 0 ? dice.pick(this.#wires) : undefined
    const way = dice.below(100)
    if (!wire || way < 8) await this.#dial()
    else if (way < 55) await this.#update(wire)
    else if (way < 62) this.#say(wire, 'a refresh', message(5, Uint8Array.of(0, 1 + dice.below(3), dice.below(4), 1)))
    else if (way < 66) this.#say(wire, 'keepalive', keepalive)
    else if (way < 69) this.#say(wire, 'a notification', this.#notification())
    else if (way < 74) this.#say(wire, 'anything', mutated(dice, dice.pick(this.#pool), dice.pick(this.#pool)))
    else if (way < 78) this.#say(wire, 'end of rib', message(2, updateBody({})))
    else if (way < 82) this.#end(wire)
    else if (way < 88) this.#declare()
    else await this.#pass(dice.pick([10, 1000, 4000, 30_000, 200_000]))
    await this.#pass(20)
    this.#check()
  }

  /** All is taken back: nothing may be left of any of it. */
  async end(): Promise<void> {
    for (const { peer } of this.#wires) peer.break()
    this.#node.apply({
      peers: [peerTo(witnessAt, 65003, { passive: true, exportPolicy: acceptAll, importPolicy: refusing })],
    })
    this.#node.apply({ routes: [] })
    await this.#pass(10_000)
    this.#check()
    const { routes, attributeSets } = this.#node.speaker.snapshot()
    for (const family of families) {
      const { prefixes, paths, originated } = routes[family]
      this.#must(prefixes + paths + originated === 0, `left of ${family}: ${JSON.stringify(routes[family])}`)
    }
    this.#must(attributeSets === 0, `${attributeSets} attribute lists are left`)
    this.#must(this.#witness.routes.size === 0, 'the witness holds routes that are gone')
    await this.#fabric.stop()
    this.#must(this.#fabric.clock.pending === 0, `${this.#fabric.clock.pending} timers are left`)
    this.#must(this.#fabric.errors.length === 0, this.#fabric.errors.join('; '))
  }

  async #dial(): Promise<void> {
    const dice = this.#dice
    const player = dice.pick(players)
    const peer = WirePeer.dial(this.#fabric, player)
    const wire: Wire = { player, peer, askew: false }
    this.#wires.push(wire)
    this.#tell(`${player.at} dials`)
    await this.#pass(10)
    if (dice.chance(10)) return
    const open = { ...openOf({ ...player, peerAsn: ownAsn, holdTime: dice.pick([0, 3, 90]) }) }
    const octets = encodeMessage({ ...open, capabilities: capabilities(dice, player) })
    this.#say(wire, 'open', dice.chance(90) ? octets : mutated(dice, octets, dice.pick(this.#pool)))
    await this.#pass(10)
    if (dice.chance(95)) peer.send(keepalive)
    await this.#pass(10)
  }

  /** An UPDATE, good or damaged: what it does not name stays as it was. */
  async #update(wire: Wire): Promise<void> {
    const { player } = wire
    const dice = this.#dice
    const bytes = dice.chance(45)
      ? this.#goodUpdate(player)
      : mutated(dice, dice.pick(this.#pool), dice.pick(this.#pool))
    const type = bytes[18]
    const name = player.at
    const before = this.#rows(name)
    const flaps = this.#flapsOf(name)
    this.#say(wire, 'update', bytes)
    await this.#pass(0)
    if (wire.askew || type !== 2 || before === undefined || !this.#up.has(name) || this.#flapsOf(name) !== flaps) return
    const named = prefixesNamed(bytes)
    // With path identifiers the same octets mean other prefixes.
    const identified = this.#node.speaker.snapshot().peers.find((one) => one.name === name)?.capabilities
    // An End-of-RIB names nothing, and ends what is stale.
    if (named === undefined || named.size === 0 || identified?.some((text) => text.startsWith('add-path'))) return
    const after = this.#rows(name) ?? new Map()
    for (const [prefix, row] of before) {
      this.#must(named.has(prefix) || after.get(prefix) === row, `${prefix} changed, and the UPDATE does not name it`)
    }
    for (const prefix of after.keys()) {
      this.#must(before.has(prefix) || named.has(prefix), `${prefix} came, and the UPDATE does not name it`)
    }
  }

  #goodUpdate(player: Player): Uint8Array {
    const dice = this.#dice
    const one = dice.pick(families.flatMap((family) => wireRoutes[family]))
    if (dice.chance(25)) return message(2, updateBody(one.withdrawn()))
    const path =
      player.asn === ownAsn
        ? attribute('40', 2, '')
        : attribute('40', 2, `0201 ${player.asn.toString(16).padStart(8, '0')}`)
    const more = dice.pick([
      '',
      attribute('80', 4, '00000007'),
      attribute('c0', 8, dice.pick(['ffff0006', 'ffff0007', 'fde90001'])),
    ])
    const local = player.asn === ownAsn ? attribute('40', 5, '00000064') : ''
    return message(2, updateBody(one.announced(`${origin}${dice.chance(90) ? path : asPath}${more}${local}`)))
  }

  #notification(): Uint8Array {
    const dice = this.#dice
    const [code, subcode] = dice.pick([
      [6, 9],
      [6, 2],
      [6, 4],
      [4, 0],
      [2, 4],
      [3, 1],
    ] as const)
    return message(3, Uint8Array.of(code, subcode, ...dice.octets(dice.below(6))))
  }

  #say(wire: Wire, what: string, octets: Uint8Array): void {
    const { player, peer } = wire
    if (octets.length < 19 || (octets[16]! << 8) + octets[17]! !== octets.length) wire.askew = true
    this.#tell(`${player.at} says ${what}: ${Buffer.from(octets.subarray(0, 400)).toString('hex')}`)
    const cut = this.#dice.chance(20) ? this.#dice.below(octets.length + 1) : octets.length
    peer.send(octets.slice(0, cut))
    if (cut < octets.length) peer.send(octets.slice(cut))
  }

  #end(wire: Wire): void {
    this.#tell(`${wire.player.at} breaks the connection`)
    wire.peer.break()
    this.#wires = this.#wires.filter((one) => one !== wire)
  }

  #declare(): void {
    const dice = this.#dice
    this.#tell('another declaration')
    const own = dice.chance(60)
      ? [route('192.0.2.0/24'), route('2001:db8:2::/48', { attributes: { med: dice.below(3) } })]
      : []
    const [witness, ...others] = declarations(dice)
    const kept = this.#node.desired.peers.slice(1)
    const peers = dice.chance(50) ? [witness!, ...kept] : [witness!, ...others]
    const hop = address(dice.pick(['10.0.0.2', '10.0.0.1', '10.0.0.77']))
    const addresses = { ...this.#node.desired.local.addresses, 'ipv4-unicast': hop }
    this.#node.apply({ peers, routes: own, ...(dice.chance(30) && { local: { addresses } }) })
  }

  async #pass(milliseconds: number): Promise<void> {
    if (milliseconds > 100) this.#tell(`${milliseconds} ms pass`)
    await this.#fabric.pass(milliseconds)
  }

  #check(): void {
    this.#wires = this.#wires.filter(({ peer }) => peer.closed === undefined)
    this.#must(this.#fabric.errors.length === 0, this.#fabric.errors.join('; '))
    const { speaker } = this.#node
    const snapshot = speaker.snapshot()
    const held = new Map<string, number>()
    const rows = speaker.routes('in')
    for (const { source, family } of rows) held.set(`${source} ${family}`, (held.get(`${source} ${family}`) ?? 0) + 1)
    for (const { name, state, flaps, routes, messages, queuedBytes } of snapshot.peers) {
      if (name === witnessAt) this.#must(state === 'Established' && flaps === 0, 'the witness lost its session')
      this.#must((state === 'Established') === this.#up.has(name), `${name} is ${state}, and events say otherwise`)
      for (const family of families) {
        const { received, accepted, rejected, advertised, prefixes } = routes[family]
        const least = Math.min(received, accepted, rejected, advertised, prefixes)
        this.#must(least >= 0, `${name}: a counter of ${family} is ${least}`)
        const owned = held.get(`${name} ${family}`) ?? 0
        this.#must(accepted === owned, `${name}: ${accepted} routes of ${family} counted, ${owned} in the table`)
      }
      const counts = [...Object.values(messages.in), ...Object.values(messages.out), flaps, queuedBytes]
      this.#must(Math.min(...counts) >= 0, `${name}: a counter is negative`)
    }
    this.#must(this.#witness.closed === undefined, `the witness was cut off: ${this.#witness.farewell}`)
    const best = new Set(rows.filter((row) => row.best).map(({ prefix }) => prefix))
    for (const prefix of this.#witness.routes.keys()) {
      this.#must(best.has(prefix), `the witness holds ${prefix}, which is gone`)
    }
  }

  #rows(name: string): Map<string, string> | undefined {
    if (!this.#up.has(name)) return undefined
    const own = this.#node.speaker.routes('in').filter(({ source }) => source === name)
    return new Map(own.map(({ prefix, nextHop, attributes }) => [prefix, `${nextHop} ${attributes}`]))
  }

  #flapsOf(name: string): number {
    return this.#node.speaker.snapshot().peers.find((one) => one.name === name)?.flaps ?? -1
  }

  #tell(what: string): void {
    this.#story.push(what)
  }

  #must(holds: boolean, what: string): asserts holds {
    if (!holds) throw new Broken(`${what}\n  ${this.#story.slice(-12).join('\n  ')}`)
  }
}

/** Every prefix in any field of an UPDATE; undefined where they cannot be told. */
function prefixesNamed(bytes: Uint8Array): Set<string> | undefined {
  const update = decodeMessage(2, bytes, 19, bytes.length)
  if (isFault(update) || update.kind !== 'update') return undefined
  const { body } = update
  const parts = newUpdateParts()
  if (body.length < 4 || scanUpdate(body, 0, body.length, parts)) return undefined
  const found: Prefix[] = []
  const read = (at: number, end: number, family: Family | undefined) => {
    if (family && !checkNlri(body, at, end, family)) found.push(...readPrefixes(body, at, end, family))
  }
  read(parts.withdrawnAt, parts.withdrawnEnd, 'ipv4-unicast')
  read(parts.nlriAt, parts.nlriEnd, 'ipv4-unicast')
  const fields = [
    parts.reachAt ? readReach(body, parts.reachAt, parts.reachEnd) : undefined,
    parts.unreachAt ? readUnreach(body, parts.unreachAt, parts.unreachEnd) : undefined,
  ]
  for (const field of fields) if (field && !isFault(field)) read(field.nlriAt, field.nlriEnd, field.family)
  return new Set(found.map(formatPrefix))
}
