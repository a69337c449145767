/**
 * What a BGP speaker owes its peers, row by row: the plan that `docs/conformance.md` is made from, together with the titles of tests.
 * A test cites a row by beginning its title with the row's id. A row without a test says here why there is none.
 */

export type Level = 'MUST' | 'SHOULD' | 'MAY' | 'own rule'

export interface Row {
  readonly id: string
  /** RFC and section; empty where no RFC says it. */
  readonly source: string
  readonly level: Level
  readonly behaviour: string
  /** Why it is left out on purpose. */
  readonly leftOut?: string
  /** Part of what is still being built. */
  readonly notYet?: true
}

export interface Section {
  readonly letter: string
  readonly title: string
  readonly rows: readonly Row[]
}

type More = Pick<Row, 'leftOut' | 'notYet'>

const row = (id: string, source: string, level: Level, behaviour: string, more: More = {}): Row => ({
  id,
  source,
  level,
  behaviour,
  ...more,
})

const notYet = { notYet: true } as const
const must = (id: string, source: string, behaviour: string, more?: More) => row(id, source, 'MUST', behaviour, more)
const should = (id: string, source: string, behaviour: string, more?: More) =>
  row(id, source, 'SHOULD', behaviour, more)
const may = (id: string, source: string, behaviour: string, more?: More) => row(id, source, 'MAY', behaviour, more)
const own = (id: string, behaviour: string, more?: More) => row(id, '', 'own rule', behaviour, more)

const noRoles = { leftOut: 'roles are not offered: a node and its router have one relation, and policies state it' }

export const sections: readonly Section[] = [
  {
    letter: 'A',
    title: 'Framing and OPEN',
    rows: [
      must('A1', '4271 6.1', 'Ends the session with 1/1 at a marker with any bit clear'),
      must(
        'A2',
        '4271 6.1',
        'Refuses a length outside its bounds with 1/2, the length as data, as soon as the header is there',
      ),
      must('A3', '4271 6.1', 'Holds each type to its least length, and a KEEPALIVE to 19 octets, with 1/2'),
      must('A4', '4271 6.1', 'Refuses a type that it does not know with 1/3 and that type as data'),
      must('A5', '4271 4', 'Reads the same messages however TCP cuts the stream'),
      must('A6', '8654 4', 'Takes messages above 4096 octets once both offered them, and OPEN and KEEPALIVE never'),
      must('A7', '8654 4', 'Withholds a route that fits no message to this peer, and withdraws it if the peer has it'),
      must('A8', '4271 6.2', 'Answers another version with 2/1 and the version that it speaks'),
      must('A9', '4271 6.2', 'Answers an AS that is not the declared one with 2/2'),
      must('A10', '7607 2', 'Answers AS 0 with 2/2, in the fixed field and in the capability'),
      must('A11', '4271 6.2', 'Answers a hold time of 1 or 2 s with 2/6; otherwise the smaller of the two holds'),
      must('A12', '6286 2.1', 'Answers identifier 0 with 2/3, and takes every other value'),
      must(
        'A13',
        '6286 2.2',
        'Refuses its own identifier from an internal peer with 2/3, and takes it from an external one',
      ),
      must('A14', '4271 6.2', 'Answers an unknown optional parameter with 2/4, a malformed one with 2/0'),
      must('A15', '4271 6.2', 'Answers parameters that do not fill their field exactly with 2/0'),
      must('A16', '9072 2', 'Reads the extended form by the type 255 in first place, whatever the length octet says'),
      must('A17', '9072 2', 'Reads 255 octets of ordinary parameters as ordinary'),
      must('A18', '9072 2', 'Refuses parameter type 255 in any place but the first'),
      should('A19', '9072 2', 'Writes the extended form only where the ordinary one is too short'),
      should('A20', '4486', 'Closes a connection from an address that is no peer, and keeps nothing of it'),
    ],
  },
  {
    letter: 'B',
    title: 'Capabilities',
    rows: [
      must('B1', '5492 3', 'Comes up beside capabilities that it does not know'),
      must('B2', '5492 4', 'Reads capabilities alike in one parameter, in many, and repeated'),
      must('B3', '5492 4', 'Reads no capability beyond the end of its parameter'),
      may('B4', '5492 5', 'Names a capability that it requires with 2/7', { leftOut: 'no capability is required' }),
      should('B5', '5492 3', 'Tries once more without capabilities when they were refused, and never in a tight loop'),
      must('B6', '4271', 'Takes an OPEN without capabilities as IPv4 unicast with two-octet ASNs'),
      must('B7', '4760 8', 'Uses a family only where both offered it, and ignores any other in both directions'),
      should('B8', '4760 8', 'Ignores a multiprotocol capability of another length than 4'),
      must('B9', '6793 3', 'Says its own ASN in capability 65, always'),
      must(
        'B10',
        '6793 4.2.3',
        'Takes AS_TRANS in the fixed field together with the declared ASN in capability 65 alone',
      ),
      should('B11', '7911 4', 'Ignores an ADD-PATH tuple whose last octet is not 1, 2 or 3'),
      should('B12', '4724 3', 'Survives a graceful restart capability of odd length; the last one of several holds'),
      must('B13', '9494 3.1', 'Ignores long-lived graceful restart where graceful restart itself was not offered'),
      must(
        'B14',
        '8950 4',
        'Reads extended next hops in tuples of 6 octets, and ignores next-hop AFIs that it does not know',
      ),
      own('B15', 'Checks the lengths inside names from a peer, cuts them, and escapes what cannot be printed'),
      may('B16', '9234 4', 'Answers roles that do not fit together with 2/11', noRoles),
    ],
  },
  {
    letter: 'C',
    title: 'UPDATE',
    rows: [
      must('C1', '7606 3b', 'Answers lengths that lead beyond the message with 3/1'),
      must(
        'C2',
        '7606 4',
        'Treats a list that ends inside an attribute as a withdrawal, and finds the NLRI by the length field',
      ),
      must('C3', '7606 4', 'Takes a length of zero for AS_PATH and ATOMIC_AGGREGATE alone'),
      must('C4', '7606 5.2', 'Ends the session at an error beyond attribute-discard where no route is announced'),
      must('C5', '7606 5.3', 'Ends the session at a prefix that is too long or cut short, in each of the four fields'),
      must('C6', '7606 3d', 'Treats routes without ORIGIN, AS_PATH or, in IPv4, NEXT_HOP as withdrawn'),
      must('C7', '7606 3g', 'Answers a repeated multiprotocol attribute with 3/1; of any other only the first counts'),
      must('C8', '7606 3h', 'Reacts by the strongest of several findings'),
      must('C9', '7606 5.1', 'Sends one field of routes a message, the multiprotocol attribute first; reads any mix'),
      must(
        'C10',
        '7606 2',
        "Withdraws exactly the routes of a faulty UPDATE: the peer's others, its session and its timers go on",
      ),
      must('C11', '7606 6', 'Logs peer, attribute, reaction and the octets of a faulty UPDATE, at a bounded rate'),
      should('C12', '7606 8', 'Shows how many UPDATEs of each peer were faulty, by reaction'),
      must('C13', '4271 4.3', 'Takes a prefix that is withdrawn and announced in one message as announced'),
      must('C14', '4271 4.3', 'Clears the bits of a prefix beyond its length'),
      should('C15', '4271 6.3', 'Ignores a prefix that cannot be a unicast route, and keeps those beside it'),
      must('C16', '4271 4.3', 'Reads unused flag bits, extended lengths of short values, and any order of attributes'),
      must('C17', '4271 5', 'Passes on an unknown transitive attribute octet for octet, with Partial set'),
      must('C18', '4271 5', 'Passes on no unknown non-transitive attribute'),
      must('C19', '4271 9.1.2', 'Uses no route with its own ASN in the path, and forgets what it replaces'),
      may('C20', '4271 6.3', 'Refuses a first ASN that is not that of the external peer'),
      must('C21', '7607 2', 'Takes AS 0 for malformed wherever it stands, and originates none'),
      must('C22', '9774 3', 'Refuses AS_SET and AS_CONFED_SET, and originates none'),
      must('C23', '5065 5', 'Takes confederation segments from outside for malformed'),
      must('C24', '4271 5.1.5', 'Sends LOCAL_PREF to internal peers always, to external ones never'),
      must('C25', '4271 5.1.4', 'Keeps the MED of one neighbouring AS from another'),
      must(
        'C26',
        '4271 5.1.2',
        'Puts its ASN before the path towards external peers alone, in a new segment after 255',
      ),
      must('C27', '4271 9.2', 'Passes no route of an internal peer to another one, unless it reflects'),
      must('C28', '4271 6.3', 'Says in the NOTIFICATION which octets were wrong'),
      own('C29', 'Turns what goes wrong in decoding into a reaction towards that peer alone'),
      own('C30', 'Decodes what it encodes, and encodes what it decodes to the same octets'),
      must('C31', '4456 6', 'Reflects what a client says to all, and what another internal peer says to clients alone'),
      must(
        'C32',
        '4456 8',
        'Keeps the ORIGINATOR_ID that is there, else names the peer, and puts its cluster before the others',
      ),
      should(
        'C33',
        '4456 8',
        'Uses no route with its own router id as ORIGINATOR_ID or its own cluster in CLUSTER_LIST',
      ),
      should('C34', '4456 10', 'Leaves next hop, path, local preference and MED of a reflected route alone'),
    ],
  },
  {
    letter: 'D',
    title: 'State machine, timers, collisions',
    rows: [
      should('D1', '6608', 'Names the state that a message was not expected in: 5/1, 5/2 or 5/3'),
      must(
        'D2',
        '4271 4.4',
        'Sends a KEEPALIVE every third of the hold time, one a second at the most, none at hold time 0',
      ),
      must(
        'D3',
        '4271 8',
        'Ends a session within a second of the hold time with 4/0; a part of a message does not count',
      ),
      should('D4', '4271 8', 'Waits 240 s for an OPEN, then lets the connection go'),
      must(
        'D5',
        '4271 6.8',
        'Keeps one of two connections by identifier, then ASN; 6/7 for the other, and for all beside a session that is up',
      ),
      should('D6', '4271 10', 'Takes between 75 and 100 percent of each timer but the hold time'),
      must('D7', '4271 8', 'Waits longer after each failure, a minute at the most, and begins anew after a success'),
      must('D8', '4271 6.4', 'Answers a NOTIFICATION with nothing but the end of the connection and its routes'),
      must('D9', '4271 6', 'Delivers its NOTIFICATION before the connection closes'),
      should('D10', '4486', 'Says with the subcode of Cease why it ends a session'),
      must('D11', '9003', 'Gives a reason in words, and shows those of a peer checked and escaped'),
      must('D12', '9687', 'Gives up a peer that takes no octets for the send hold time', notYet),
      must('D13', '9687', 'Gives up a peer that speaks but does not read', notYet),
      own('D14', 'Queues the latest state of each prefix for a slow peer, not messages'),
      must('D15', '4271 8', 'Withdraws everywhere what came by a connection that broke, and tries again'),
      should('D16', '4271 9.2.1.1', 'Waits with no advertisement, and least of all with a withdrawal'),
      must('D17', '4271 9.1.2.2', 'Breaks ties in the whole order, with one outcome whatever came first'),
      own('D18', 'Says Cease/2 on every session within a second of being stopped'),
    ],
  },
  {
    letter: 'E',
    title: 'Families and next hops',
    rows: [
      must('E1', '4760 3', 'Ignores NEXT_HOP where MP_REACH_NLRI alone carries routes'),
      must('E2', '4760 3', 'Ignores the reserved octet of MP_REACH_NLRI, and writes it as zero'),
      must('E3', '4760 3', 'Takes IPv4 routes in MP_REACH_NLRI with a next hop of 4 octets'),
      must('E4', '4760 4', 'Needs no other attribute beside MP_UNREACH_NLRI, and reads none'),
      must('E5', '2545 3', 'Takes IPv6 next hops of 16 and of 32 octets, and names the global address'),
      should('E6', '2545 3', 'Uses a link-local next hop only where the session names the interface'),
      must('E7', '8950 3', 'Takes and sends IPv6 next hops of IPv4 routes once both offered them', notYet),
      must('E8', '4271 5.1.3', 'Is the next hop towards external peers, and never names the peer itself'),
      must(
        'E9',
        '4271 5.1.3',
        'Leaves the next hop alone towards internal peers unless told to name itself; its own are of the right family',
      ),
      must('E10', '4760 6', 'Skips families that it does not know, whole, and lives on'),
      must('E11', '4271 6.3', 'Uses no route whose next hop is no host, or is itself'),
      must('E12', '4760', 'Carries each family over a session of the other'),
    ],
  },
  {
    letter: 'F',
    title: 'Four-octet AS numbers',
    rows: [
      must('F1', '6793 4.1', 'Throws AS4 attributes of a four-octet peer away, and sends it none'),
      must(
        'F2',
        '6793 4.2.2',
        'Hides large ASNs from a two-octet peer behind AS_TRANS, with AS4 attributes beside them',
      ),
      must('F3', '6793 4.2.3', 'Merges the two paths of a two-octet peer, unless AS4_PATH is the longer one'),
      must(
        'F4',
        '6793 4.2.3',
        'Ignores both AS4 attributes where AGGREGATOR is not AS_TRANS though AS4_AGGREGATOR is there',
      ),
      must('F5', '6793 6', 'Discards a malformed AS4 attribute and goes on'),
      must('F6', '6793 6', 'Merges with an AS_PATH that is empty, absent or odd'),
    ],
  },
  {
    letter: 'G',
    title: 'Graceful restart',
    rows: [
      must(
        'G1',
        '4724 2',
        'Sends End-of-RIB of each family after the first routes or none, and knows both forms of it',
      ),
      must('G2', '4724 4.2', 'Keeps the routes of a peer that was lost without a word for its restart time', notYet),
      must(
        'G3',
        '4724 4.2',
        'Drops stale routes at once where the peer comes back without the family or its F bit, the rest at End-of-RIB',
        notYet,
      ),
      must('G4', '4724 5', 'Lets a new connection of a restarting peer replace the one that is up, in silence', notYet),
      must(
        'G5',
        '4724 4.1',
        'Says that it restarted, and holds its choice of routes until End-of-RIB or a timer',
        notYet,
      ),
      must('G6', '4724', 'Refreshes stale routes by new ones; a second restart drops what is still stale', notYet),
      must(
        'G7',
        '8538 2',
        'Keeps routes over a NOTIFICATION and an expired hold time where both have the N bit',
        notYet,
      ),
      must('G8', '8538 3', 'Ends graceful restart too with a hard reset, 6/9 around the real reason', notYet),
      must(
        'G9',
        '9494 4.2',
        'Goes on from the restart time to the long-lived one, with LLGR_STALE and last preference',
        notYet,
      ),
      must('G10', '9494 4.2', 'Drops routes with NO_LLGR at that moment', notYet),
      must('G11', '9494 4.3', 'Keeps long-lived stale routes from peers that do not know of them', notYet),
      must('G12', '9494 3.1', 'Takes the long-lived time of each family from the peer, within its own bound', notYet),
    ],
  },
  {
    letter: 'H',
    title: 'Refresh, ADD-PATH, communities, shutdown',
    rows: [
      must('H1', '2918 4', 'Sends the whole of a family again when asked for it'),
      must('H2', '2918 4', 'Ignores a ROUTE-REFRESH of a family that was not negotiated'),
      must('H3', '7313 4', 'Puts begin and end markers around the answer', notYet),
      must('H4', '7313 4', 'Drops at the end marker, or after a while, what did not come again', notYet),
      must('H5', '7313 5', 'Ignores unknown subtypes, and answers a marker of wrong length with 7/1', notYet),
      own('H6', 'Answers hundreds of refreshes in one read with a few dumps'),
      must(
        'H7',
        '4271',
        'Applies a changed import policy to what it holds, and asks again for what it refused, without a reset',
      ),
      must('H8', '7911 3', 'Keeps paths by prefix and identifier, per family and direction', notYet),
      must('H9', '7911', 'Takes a missing path identifier for a syntactic error', notYet),
      should('H10', '7911 5', 'Sends stable identifiers, to peers that receive them alone', notYet),
      must('H11', '1997', 'Obeys NO_EXPORT, NO_ADVERTISE and NO_EXPORT_SUBCONFED unasked'),
      must('H12', '1997, 4360, 8092', 'Sends communities sorted and once, and shrugs at repeats'),
      must('H13', '4360', 'Sends no non-transitive extended community out of the AS'),
      should('H14', '8326', 'Prefers routes with GRACEFUL_SHUTDOWN least, and sends it before a drain ends'),
      may('H15', '9234 5', 'Sets and checks Only-to-Customer', noRoles),
      may('H16', '7999', 'Takes BLACKHOLE by policy alone, and keeps it inside the AS'),
    ],
  },
  {
    letter: 'I',
    title: 'BFD',
    rows: [
      must('I1', '5880 6.8.6', 'Drops packets with impossible fields without a word', notYet),
      must('I2', '5881 5', 'Uses UDP 3784, sends and checks a TTL of 255, keeps one source port from 49152 on', notYet),
      must(
        'I3',
        '5880 6.2, 6.8.4',
        'Goes through Down, Init and Up; detects after the multiple of the agreed interval',
        notYet,
      ),
      must(
        'I4',
        '5880 6.8.3',
        'Sends at most once a second until Up, and changes intervals by Poll and Final alone',
        notYet,
      ),
      must('I5', '5880 6.8.7', 'Jitters by up to a quarter, and by a tenth at least where the multiplier is 1', notYet),
      must('I6', '5882 4.3', 'Ends the BGP session at once on Down with 6/10, and not on AdminDown', notYet),
      should('I7', '5882 4.2', 'Holds BGP back before BFD was ever up only where told to', notYet),
      own('I8', 'Takes no stall of the event loop for a failure', notYet),
    ],
  },
  {
    letter: 'J',
    title: 'Operations and security',
    rows: [
      must('J1', '8212 2', 'Takes nothing from and gives nothing to an external peer without a policy, and shows it'),
      should('J2', '7454 6', 'Filters by prefix with lengths, AS path, communities and next hop, both ways'),
      should(
        'J3',
        '7454 8, 4486',
        'Warns at a share of a limit of prefixes, and ends the session with 6/1 beyond it',
        notYet,
      ),
      own('J4', 'Stays within a documented bound under a flood of routes without a limit', notYet),
      should('J5', '5082', 'Sends and demands a TTL of 255 where told to', notYet),
      should('J6', '2385', 'Signs segments with MD5, by peer, and changes one key without harm to others', notYet),
      may('J7', '5925', 'Signs segments with TCP-AO', {
        leftOut:
          'few routers of a fabric speak it, and the kernels that nodes run often do not; MD5 and GTSM come first',
      }),
      own('J8', 'Shows no key in a log, a plan, a finding or a status'),
      own('J9', 'Serves operators on a local socket or loopback, and is not slowed by one who does not read'),
      own('J10', 'Escapes text from the wire wherever people see it'),
      own('J11', 'Takes back none of its own VIPs, pod CIDRs and node addresses'),
      own('J12', 'Leaves announcements as they are while the Kubernetes API is away'),
      own('J13', 'Leaves no half of its kernel routes behind a crash', notYet),
    ],
  },
]

/** What RFC 7606 makes of a path attribute; its tests are titled `C/type cell ...`. */
export interface AttributeRow {
  readonly type: string
  readonly name: string
  readonly flags: string
  readonly length: string
  readonly value: string
  /** Of an external peer, where that makes a difference. */
  readonly external: string
}

export const attributeCells = ['flags', 'length', 'value', 'external'] as const
/** A cell that has nothing to test. */
export const nothingToTest = '-'

const cells = (type: string, name: string, flags: string, length: string, value: string, external = '-') => ({
  type,
  name,
  flags,
  length,
  value,
  external,
})

const opaque = 'passed on as it is'

export const attributeRows: readonly AttributeRow[] = [
  cells('1', 'ORIGIN', 'withdraw', 'withdraw', 'above 2: withdraw'),
  cells(
    '2',
    'AS_PATH',
    'withdraw',
    'withdraw',
    'AS 0, sets, confederations from outside: withdraw; own AS: not used',
    'first AS: withdraw',
  ),
  cells('3', 'NEXT_HOP', 'withdraw', 'withdraw', 'no host, or our own: not used'),
  cells('4', 'MULTI_EXIT_DISC', 'withdraw', 'withdraw', '-'),
  cells('5', 'LOCAL_PREF', 'withdraw', 'withdraw', '-', 'discard'),
  cells('6', 'ATOMIC_AGGREGATE', 'discard', 'discard', '-'),
  cells('7', 'AGGREGATOR', 'discard', 'discard', 'AS 0: discard'),
  cells('8', 'COMMUNITIES', 'withdraw', 'withdraw', '-'),
  cells('9', 'ORIGINATOR_ID', 'withdraw', 'withdraw', '-', 'discard'),
  cells('10', 'CLUSTER_LIST', 'withdraw', 'withdraw', '-', 'discard'),
  cells('14', 'MP_REACH_NLRI', 'reset 3/4', 'reset 3/9', 'prefix: reset 3/10; next hop no host, or our own: not used'),
  cells('15', 'MP_UNREACH_NLRI', 'reset 3/4', 'reset 3/9', 'prefix: reset 3/10'),
  cells('16', 'EXTENDED_COMMUNITIES', 'withdraw', 'withdraw', 'any type is fine'),
  cells('17', 'AS4_PATH', 'withdraw', 'discard', 'discard, sets: withdraw; from a four-octet peer: discard'),
  cells('18', 'AS4_AGGREGATOR', 'withdraw', 'discard', 'AS 0: discard; from a four-octet peer: discard'),
  cells('26', 'AIGP', 'discard', 'discard', 'discard, as without a session that has it on'),
  cells('32', 'LARGE_COMMUNITIES', 'withdraw', 'withdraw', 'repeats removed'),
  cells('opaque', '23, 25, 28, 35, 40, 128: known elsewhere', opaque, opaque, opaque),
  cells('transitive', 'unknown, optional transitive', '-', '-', 'passed on with Partial'),
  cells('non-transitive', 'unknown, optional non-transitive', '-', '-', 'dropped'),
  cells('well-known', 'unknown, well-known', '-', '-', 'reset 3/2'),
]
