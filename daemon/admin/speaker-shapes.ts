/** What the admin socket says of the speaker and its peers. The compiler asks for every field; docs/admin-api.md shows them all. */

import type {
  BfdSnapshot,
  FamilySnapshot,
  KernelSnapshot,
  NotificationSnapshot,
  PeerSnapshot,
  PolicySnapshot,
  SpeakerSnapshot,
} from '../../speaker/index.ts'
import type { Fields } from '../reference/shape.ts'

const notification: Fields<NotificationSnapshot> = {
  ageMs: ['number', 'How long ago.'],
  code: ['number', 'Of the NOTIFICATION (RFC 4271 section 4.5).'],
  subcode: ['number', 'Its subcode.'],
  text: ['text', 'Both in words, with what was said beside them.'],
}

const familyOfPeer: Fields<FamilySnapshot> = {
  received: ['number', 'Announcements since the session came up.'],
  accepted: ['number', 'Routes held now.'],
  rejected: ['number', 'Announcements refused since the session came up.'],
  rejectedBy: ['numbers by name', 'The same by the statement or rule that refused.'],
  advertised: ['number', 'Routes that the peer has from us now.'],
  heldBack: ['number', 'Routes that it is not sent, because it has as many as it may be sent.'],
  maximumOut: ['number', 'As many as it may be sent; absent for no limit.'],
  endOfRibReceived: ['boolean', 'Whether End-of-RIB has come.'],
  endOfRibSent: ['boolean', 'Whether it was sent.'],
  prefixes: ['number', 'Different prefixes that count towards `maxPrefixes`.'],
  maxPrefixes: ['number', 'The limit; absent for none.'],
}

const policy: Fields<PolicySnapshot> = {
  name: ['text', 'Its name.'],
  declared: ['boolean', 'False where there is none: nothing passes in this direction (RFC 8212).'],
  statements: [
    'list',
    'In the order in which they are asked.',
    {
      policy: ['text', 'The policy of a list that it stands in.'],
      statement: ['text', 'Its name there.'],
      place: ['text', 'File, line and column, where it comes from a file.'],
      action: ['text', '`accept`, `reject` or `next`.'],
      matched: ['number', 'Routes that it matched.'],
    },
  ],
}

const timers = {
  minTx: ['number', 'Milliseconds between packets that it wants to send.'],
  minRx: ['number', 'Milliseconds between packets that it can take.'],
  multiplier: ['number', 'Packets that may be missed.'],
} as const

const bfd: Fields<BfdSnapshot> = {
  state: ['text', '`AdminDown`, `Down`, `Init` or `Up` (RFC 5880).'],
  remoteState: ['text', 'The same, as the peer says.'],
  sinceMs: ['number', 'How long it has been up, or not up.'],
  multihop: ['boolean', 'RFC 5883.'],
  strict: ['boolean', 'No BGP session before the path is up.'],
  diagnostic: ['text', 'Why the state changed last.'],
  remoteDiagnostic: ['text', 'The same, as the peer says.'],
  local: ['object', 'What we ask for.', timers],
  remote: ['object', 'What the peer asks for.', timers],
  transmitInterval: ['number', 'Milliseconds between packets as agreed.'],
  detectionTime: ['number', 'Milliseconds of silence that end the session.'],
  flaps: ['number', 'How often it was up and went down.'],
  lastDown: ['object', 'When it last went down.', { ageMs: ['number', 'How long ago.'], why: ['text', 'In words.'] }],
  packets: [
    'object',
    'Counted since the session was declared.',
    {
      in: ['number', 'Received.'],
      out: ['number', 'Sent.'],
      discarded: ['number', 'Received and not used.'],
    },
  ],
  lastDiscard: ['text', 'Why one was last not used.'],
  worstLateness: ['number', 'Milliseconds that a packet was late at most.'],
  lateness: ['numbers by name', 'Packets by how late they were, e.g. `<1` and `>=100`.'],
  problem: ['text', 'Why nothing can be sent or received.'],
  holdsSession: ['text', 'Why the BGP session may not come up.'],
}

const peer: Fields<PeerSnapshot> = {
  name: ['text', 'What the commands call it: its address, or a name of the configuration file.'],
  address: ['text', 'With the interface of a link-local one.'],
  port: ['number', 'TCP port.'],
  asn: ['number', 'Its ASN.'],
  localAsn: ['number', 'Ours towards it.'],
  type: ['text', '`external` or `internal`.'],
  reflectorClient: ['boolean', 'Routes of other internal peers are reflected to it.'],
  state: ['text', 'Of the state machine: `Idle`, `Connect`, `Active`, `OpenSent`, `OpenConfirm`, `Established`.'],
  sinceMs: ['number', 'How long the session has been up or down.'],
  blocked: ['text', 'Why it is held down.'],
  localAddress: ['text', 'Ours on this session.'],
  routerId: ['text', 'That of the peer, once it is known.'],
  holdTime: ['number', 'Seconds, as agreed.'],
  keepalive: ['number', 'Seconds; 0 for none.'],
  families: ['list', 'Those that the session carries.'],
  offered: ['object', 'Families that were offered.', { byUs: ['list', 'By us.'], byPeer: ['list', 'By the peer.'] }],
  capabilities: ['list', 'Of the peer, in words.'],
  flaps: ['number', 'How often the session was up and went down.'],
  lastDown: ['object', 'When it last went down.', { ageMs: ['number', 'How long ago.'], why: ['text', 'In words.'] }],
  lastNotificationSent: ['object', 'The last NOTIFICATION that we sent.', notification],
  lastNotificationReceived: ['object', 'The last one that came.', notification],
  messages: [
    'object',
    'Messages by kind, since the peer was declared.',
    { in: ['numbers by name', 'Received.'], out: ['numbers by name', 'Sent.'] },
  ],
  routes: ['by family', 'Both are always there.', familyOfPeer],
  policies: [
    'object',
    'What routes are judged by.',
    { import: ['object', 'Those that come in.', policy], export: ['object', 'Those that go out.', policy] },
  ],
  malformed: ['numbers by name', 'Malformed messages by kind, or by what was done about them (RFC 7606).'],
  lastMalformed: [
    'object',
    'The last one.',
    {
      ageMs: ['number', 'How long ago.'],
      text: ['text', 'What is wrong with it.'],
      octets: ['text', 'Itself, in hexadecimal.'],
    },
  ],
  queuedBytes: ['number', 'Octets that the socket has not taken yet.'],
  memory: [
    'object',
    'Octets of tables that are there for its routes.',
    { routes: ['number', 'Prefixes and paths.'], attributes: ['number', 'Attribute sets.'] },
  ],
  security: [
    'object',
    'How the session is protected.',
    { md5: ['boolean', 'By TCP MD5 (RFC 2385).'], ttlSecurity: ['number', 'Hops that it may be away (RFC 5082).'] },
  ],
  gracefulRestart: [
    'object',
    'What two restarts mean (RFC 4724, 8538, 9494); absent where it was not agreed on.',
    {
      restarting: ['boolean', 'It has just restarted itself.'],
      notification: ['boolean', 'Routes stay after a NOTIFICATION, too.'],
      restartTime: ['number', 'Seconds.'],
      families: [
        'list',
        'Those whose routes stay.',
        { family: ['text', 'The family.'], forwarding: ['boolean', 'It went on forwarding while it restarted.'] },
      ],
      longLived: ['by family', 'Seconds beyond that for which routes stay as a last resort.'],
    },
  ],
  kept: [
    'object',
    'Routes that the last session left.',
    {
      phase: ['text', '`restarting`, `long-lived` or `resending`.'],
      families: ['list', 'Of these families.'],
      leftMs: ['number', 'How long they stay.'],
    },
  ],
  bfd: ['object', 'Its BFD session, where one is declared. Times in milliseconds.', bfd],
}

const kernel: Fields<KernelSnapshot> = {
  table: ['number', 'The table that is written.'],
  protocol: ['number', 'The mark of our routes in it.'],
  metric: ['number', 'Of our routes.'],
  maximumPaths: ['number', 'Next hops of one route at most.'],
  families: [
    'by family',
    'Both are always there.',
    {
      phase: ['text', '`reading`, `settling` or `synced`.'],
      installed: ['number', 'Routes of ours in the kernel.'],
      stale: ['number', 'Of those, left by an earlier run and not announced again yet.'],
      pending: ['number', 'Prefixes still to be looked at.'],
      repaired: ['number', 'Times that a route was put back which others had changed.'],
      problems: [
        'list',
        'Why routes are not installed.',
        {
          kind: ['text', '`trouble`, `unreachable`, `covers`, `link`, `occupied` or `refused`.'],
          count: ['number', 'How many routes it keeps out.'],
          example: ['text', 'One of them.'],
          reason: ['text', 'Why that one is not there.'],
        },
      ],
    },
  ],
}

export const speaker: Fields<SpeakerSnapshot> = {
  asn: ['number', 'Ours; 0 while nothing is declared.'],
  routerId: ['text', 'Ours.'],
  clusterId: ['text', 'While this speaker is a route reflector.'],
  addresses: ['by family', 'Next hops of what is originated.'],
  listening: [
    'list',
    'Where connections are taken.',
    {
      address: ['text', 'The address.'],
      port: ['number', 'The port.'],
      problem: ['text', 'Why it cannot be listened on.'],
    },
  ],
  routes: [
    'by family',
    'What the tables hold.',
    {
      prefixes: ['number', 'Different prefixes.'],
      paths: ['number', 'Ways to them, from all peers and our own.'],
      originated: ['number', 'Our own.'],
    },
  ],
  dynamic: [
    'list',
    'Neighbours that are declared by a prefix.',
    {
      name: ['text', 'Of the declaration.'],
      prefix: ['text', 'Neighbours in it may connect.'],
      limit: ['number', 'So many at most.'],
      peers: ['number', 'So many there are.'],
      refused: ['number', 'Connections that the limit refused.'],
    },
  ],
  attributeSets: ['number', 'Different sets of attributes.'],
  memory: [
    'object',
    'Octets of the tables.',
    { routes: ['number', 'Prefixes and paths of both families.'], attributes: ['number', 'Attribute sets.'] },
  ],
  peers: ['list', 'All that are declared.', peer],
  kernel: ['object', 'With `--install-routes`.', kernel],
  collectors: [
    'list',
    'Collectors of BMP.',
    {
      address: ['text', 'Its address.'],
      port: ['number', 'Its port.'],
      state: ['text', '`connecting`, `up`, or `waiting` for the next attempt.'],
      sinceMs: ['number', 'How long it has been so.'],
      lastError: ['text', 'Why the last connection, or the last attempt, ended.'],
      connects: ['number', 'Connections that were opened.'],
      messages: ['number', 'Messages that it was sent, over all connections.'],
      octets: ['number', 'Their octets.'],
      waiting: ['number', 'Routes that it has yet to hear of.'],
    },
  ],
}
