/** What the answers of the admin socket hold. The compiler asks for every field of them; docs/admin-api.md shows them all. */

import type { Finding, Plan, Withheld } from '../../controllers/index.ts'
import type { ApplyReport, RouteRow, SpeakerSnapshot } from '../../speaker/index.ts'
import type { DaemonEvent, EventsAnswer } from '../events.ts'
import type { Explanation } from '../explain.ts'
import type { Fields } from '../reference/shape.ts'
import { speaker } from './speaker-shapes.ts'

const finding: Fields<Finding> = {
  severity: ['text', '`warning` or `error`.'],
  object: ['text', 'e.g. `node/node-1`, `service/default/web`, or a file with its line.'],
  field: ['text', 'Path of the field, or key of the annotation.'],
  value: ['text', 'What stands there.'],
  message: ['text', 'What is wrong, and what would be right.'],
}

export const status: Fields<SpeakerSnapshot & { source: string; findings: readonly Finding[] }> = {
  source: ['text', 'Where objects or configuration come from.'],
  findings: ['list', 'All that there are now ([findings.md](findings.md)).', finding],
  ...speaker,
}

const origin = {
  kind: ['text', '`pod-cidr`, `cluster-ip`, `external-ip`, `load-balancer-ip`, `aggregate` or `static`.'],
  object: ['text', 'e.g. `service/default/web`.'],
  field: ['text', 'e.g. `spec.clusterIPs[1]`.'],
  rule: ['text', 'The rule, in words.'],
} as const

const route: Fields<RouteRow> = {
  prefix: ['text', 'The prefix.'],
  family: ['text', '`ipv4-unicast` or `ipv6-unicast`.'],
  source: ['text', 'The peer that it comes from, or `originated`.'],
  peer: ['text', 'In the view `out`: to whom.'],
  nextHop: ['text', 'An address, or `self`.'],
  attributes: ['text', 'In words.'],
  best: ['boolean', 'Whether it is the best one of its prefix.'],
  reason: ['text', 'Why it is not.'],
  origin: ['object', 'Of our own: why it exists.', origin],
  acceptedBy: [
    'object',
    'In the answer of `explain`: the statement that let it in.',
    {
      policy: ['text', 'Its policy.'],
      statement: ['text', 'Its name there.'],
      place: ['text', 'File, line and column.'],
    },
  ],
  changedBy: ['list', 'In the answer of `explain`: rules of the standard that changed it.'],
}

export const routes: Fields<{ routes: readonly RouteRow[] }> = { routes: ['list', 'One a row.', route] }

export const event: Fields<DaemonEvent> = {
  id: ['number', 'Counts up from 1; a gap means that older ones have made room.'],
  at: ['text', 'When, as RFC 3339 writes it.'],
  kind: ['text', 'See [events.md](events.md).'],
  subject: ['text', 'A peer, an object, a file, or `plan`.'],
  text: ['text', 'What happened.'],
}

export const events: Fields<EventsAnswer> = {
  events: ['list', 'Oldest first.', event],
  last: ['number', 'The latest id that was given out: a smaller one than before means that the daemon has begun anew.'],
}

export const explanation: Fields<Explanation> = {
  subject: ['text', 'What was asked for, as it is written.'],
  kind: ['text', '`prefix`, `service`, `node`, `peer` or `unknown`.'],
  lines: ['list', 'The answer for people, in order.'],
  data: [
    'anything',
    'The same for programs. Of a prefix: `candidates` (rows as in `/v1/routes`), `peers` (whom it is sent to or not, and why), `refused`, `withheld`, `aggregates`; of a service or node: `routes`, `withheld`, `findings`; of a peer: an entry of `/v1/peers`.',
  ],
}

const withheld: Fields<Withheld> = {
  prefix: ['text', 'As the object has it.'],
  kind: ['text', 'As of a route.'],
  object: ['text', 'The object that has it.'],
  field: ['text', 'And the field.'],
  reason: ['text', 'The one rule that holds it back ([findings.md](findings.md)).'],
  mend: ['text', 'Which field or flag to change.'],
}

/** With what is as the configuration has it, or only for the next plan, as one field. */
type Shown<Value, Whole extends keyof Value> = {
  readonly [Key in keyof Value]: Key extends Whole ? unknown : Value[Key]
}
type Inner = 'importPolicy' | 'exportPolicy' | 'routerExportPolicy' | 'settings' | 'serviceSettings' | 'neighbours'
type ShownPlan = Omit<Shown<Plan, Inner>, 'peers' | 'routes'> & {
  readonly peers: readonly Shown<Plan['peers'][number], 'session' | 'password'>[]
  readonly routes: readonly Shown<Plan['routes'][number], 'attributes' | 'to' | 'towards'>[]
}

export const plan: Fields<ShownPlan> = {
  node: ['text', 'The name of the Node.'],
  local: [
    'object',
    'Absent while nothing is said to anybody; a finding says why.',
    {
      asn: ['number', 'Of this node.'],
      routerId: ['number', 'As a number.'],
      clusterId: ['number', 'While it is a route reflector.'],
      addresses: ['by family', 'Next hops.'],
      families: ['list', 'Those that it has an address of.'],
    },
  ],
  peers: [
    'list',
    'Whom it peers with.',
    {
      name: ['text', 'What the commands call it.'],
      address: ['text', 'Its address.'],
      asn: ['number', 'Its ASN.'],
      port: ['number', 'TCP port.'],
      type: ['text', '`external` or `internal`.'],
      role: ['text', '`node` or `router`.'],
      labels: ['list', 'Of `kube-router.io/peers`.'],
      reflectorClient: ['boolean', 'Routes of other internal peers are reflected to it.'],
      localAddress: ['text', 'Ours towards it.'],
      zone: ['text', 'Interface of a link-local address.'],
      password: ['anything', 'Whether there is one; never itself.'],
      session: ['anything', 'Timers and options of the session ([sessions.md](sessions.md)).'],
      families: ['list', 'What it is offered.'],
      origin: ['text', 'The flag, annotation or Node that it comes from.'],
      blocked: ['text', 'Why it is held down.'],
    },
  ],
  routes: [
    'list',
    'What is advertised.',
    {
      prefix: ['text', 'The prefix.'],
      nextHop: ['text', 'The next hop.'],
      attributes: ['anything', 'For all peers.'],
      to: ['anything', 'The peers that it is for; absent for all that the export policy lets it go to.'],
      towards: ['anything', 'What some peers are sent in place of `attributes`.'],
      origin: ['object', 'Why it exists.', origin],
    },
  ],
  withheld: ['list', 'What is not advertised.', withheld],
  aggregates: [
    'list',
    'Those that are advertised.',
    {
      prefix: ['text', 'The aggregate.'],
      parts: [
        'list',
        'What it stands for.',
        {
          prefix: ['text', 'The VIP.'],
          object: ['text', 'The object that has it.'],
          field: ['text', 'And the field.'],
        },
      ],
    },
  ],
  findings: ['list', 'What is wrong with objects.', finding],
  importPolicy: ['anything', 'What routes of peers are judged by.'],
  exportPolicy: ['anything', 'What routes to peers are judged by.'],
  routerExportPolicy: ['anything', 'The same to routers of our own AS.'],
  settings: ['anything', 'What the annotations of the Node say.'],
  serviceSettings: ['anything', 'Empty in JSON.'],
  neighbours: ['anything', 'ASN and part in reflection of other Nodes, by name.'],
  drain: [
    'object',
    'What drains the node.',
    {
      signal: ['text', 'In words.'],
      field: ['text', 'Field of the Node.'],
      value: ['text', 'What stands there.'],
      mend: ['text', 'What ends it.'],
    },
  ],
}

export const report: Fields<ApplyReport> = {
  peers: [
    'object',
    'By their names.',
    {
      added: ['list', 'New ones.'],
      removed: ['list', 'Those that are gone.'],
      reset: [
        'list',
        'Those whose session had to be ended.',
        { name: ['text', 'The peer.'], why: ['text', 'What BGP cannot change on a live session.'] },
      ],
      changed: ['list', 'Those that were changed live.'],
    },
  ],
  routes: [
    'object',
    'How many.',
    {
      added: ['number', 'New ones.'],
      withdrawn: ['number', 'Those that are gone.'],
      changed: ['number', 'Those with other attributes.'],
    },
  ],
}
