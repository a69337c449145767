/** The pages of reference are what the code's own tables say; every row of those tables is used, says something, and says it truly. */

import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { families } from 'bgp-ts'
import { expect } from 'chai'
import {
  eventReasons,
  finding,
  findingGroups,
  findingKinds,
  plan,
  toDesired,
  withheldRules,
} from '../../../controllers/index.ts'
import { ask, RefusedError } from '../../../daemon/admin/client.ts'
import { type AdminRoute, adminRoutes } from '../../../daemon/admin/routes.ts'
import { type AdminServer, serveAdmin } from '../../../daemon/admin/server.ts'
import { alwaysSynced, type Backend } from '../../../daemon/backend.ts'
import { EventLog, type EventsAnswer, eventKinds } from '../../../daemon/events.ts'
import { pages } from '../../../daemon/reference/pages.ts'
import { misfits, shapeRows } from '../../../daemon/reference/shape.ts'
import { wordNames } from '../../../daemon/reference/words.ts'
import type { HeldBack, PeerEvent, Speaker } from '../../../speaker/index.ts'
import { endpoint, node, options, service, slice, view } from '../../support/cluster.ts'
import { Fabric, peerTo, prefix } from '../../support/fabric.ts'

const root = join(import.meta.dirname, '../../..')
const sources = globSync('{controllers,daemon}/**/*.ts', { cwd: root })
  .map((file) => [file, readFileSync(join(root, file), 'utf8')] as const)
  .filter(([file]) => !file.startsWith('daemon/reference/'))

/** Files other than its own table that name a row. */
const users = (name: string, table: string) =>
  sources.filter(([file, text]) => file !== table && text.includes(`'${name}'`)).map(([file]) => file)

type Says = (words: typeof wordNames) => string

describe('the pages of reference', () => {
  for (const [name, page] of Object.entries(pages))
    it(`docs/${name} is what the code says`, () => {
      expect(readFileSync(join(root, 'docs', name), 'utf8'), 'run npm run docs').to.equal(page())
    })

  it('have every finding, each in one part, with what it says, when, and what to do', () => {
    const grouped = Object.values(findingGroups).flatMap((rows) => Object.keys(rows))
    expect(grouped.sort()).to.deep.equal(Object.keys(findingKinds).sort())
    for (const [name, { says, when, mend }] of Object.entries(findingKinds)) {
      for (const text of [(says as Says)(wordNames), when, mend]) expect(text.trim(), name).to.not.equal('')
      expect(users(name, 'controllers/finding-kinds.ts'), `nothing finds ${name}`).to.not.deep.equal([])
    }
  })

  it('have every rule that withholds a route, with its reason, its mend and when', () => {
    for (const [name, { reason, mend, when }] of Object.entries(withheldRules)) {
      for (const text of [(reason as Says)(wordNames), (mend as Says)(wordNames), when])
        expect(text.trim(), name).to.not.equal('')
      expect(users(name, 'controllers/plan/withheld-rules.ts'), `nothing asks ${name}`).to.not.deep.equal([])
    }
  })

  it('miss no finding: nobody makes one but from the table', () => {
    const byHand = sources.filter(([, text]) => /severity: ('\w+'[,}]|\w+ \?)/.test(text)).map(([file]) => file)
    expect(byHand).to.deep.equal(['controllers/finding-kinds.ts'])
  })

  it('have every reason of a Kubernetes event, with what it says and when', () => {
    for (const [name, { says, when }] of Object.entries(eventReasons)) {
      for (const text of [(says as Says)(wordNames), when]) expect(text.trim(), name).to.not.equal('')
      expect(users(name, 'controllers/report/event-reasons.ts'), `nothing writes ${name}`).to.not.deep.equal([])
    }
  })

  it('show the words of a text by their names', () => {
    expect((findingKinds['family-without-address'].says as unknown as Says)(wordNames)).to.equal(
      'has no address of FAMILY, which FLAG=true asks for',
    )
  })
})

/** A speaker of which only what it tells is there. */
function teller() {
  const told: { event?: (event: PeerEvent) => void; held?: (held: HeldBack) => void } = {}
  const speaker = {
    onEvent: (listener: (event: PeerEvent) => void) => {
      told.event = listener
    },
    onHeldBack: (listener: (held: HeldBack) => void) => {
      told.held = listener
    },
  }
  return { told, speaker: speaker as unknown as Speaker }
}

describe('the examples of docs/events.md', () => {
  it('are what the log of events says', () => {
    const log = new EventLog(100, () => new Date(0))
    const { told, speaker } = teller()
    log.watchSpeaker(speaker)
    told.event!({ kind: 'up', peer: 'p', negotiated: { families } } as unknown as PeerEvent)
    const why = 'peer sent administrative shutdown (6/2), "maintenance"'
    told.event!({ kind: 'down', peer: 'p', established: true, why } as unknown as PeerEvent)
    for (const [family, held] of [...families.map((one) => [one, 3] as const), ['ipv4-unicast', 0] as const])
      told.held!({ peer: 'p', family, held, limit: 500 } as HeldBack)
    const both = ['192.0.2.1/32', '2001:db8::1/128'].map(prefix)
    const peers = { added: [], removed: [], reset: [], changed: [] }
    const none = { added: 0, changed: 0, withdrawn: 0 }
    const times = { beganAt: 0, plannedAt: 0, withdrawn: [] }
    log.applied({ ...times, report: { peers, routes: { ...none, added: 2 } }, set: both })
    log.applied({ ...times, report: { peers, routes: { ...none, changed: 2 } }, set: both })
    log.applied({ ...times, report: { peers, routes: { ...none, withdrawn: 9 } }, set: [] })
    const reset = [{ name: 'p', why: 'hold time changed' }]
    log.peersChanged({ peers: { added: ['p'], removed: ['p'], reset, changed: [] }, routes: none })
    const words = { expected: 'is no ASN that a node may have' }
    const wrong = finding('annotation-unused', 'node/node-1', 'kube-router.io/node.asn', 'x', words)
    log.found([wrong], [wrong])
    const said = Object.entries(eventKinds)
      // Said where a configuration is taken: test/unit/docs-commands.test.ts applies one.
      .filter(([kind]) => kind !== 'configuration')
      .flatMap(([kind, { examples }]) => examples.map((text) => `${kind}: ${text}`))
    expect(
      log
        .after(0)
        .map(({ kind, text }) => `${kind}: ${text}`)
        .sort(),
    ).to.deep.equal(said.sort())
  })
})

describe('docs/admin-api.md', () => {
  let folder: string
  let fabric: Fabric
  let backend: Backend
  let server: AdminServer
  const path = () => join(folder, 'tandem.sock')

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tandem-reference-'))
    fabric = new Fabric()
    const cluster = view(
      node('n1', { ips: ['10.0.0.2', 'fd00::2'], annotations: { 'kube-router.io/node.asn': 'x' } }),
      service('web', {
        type: 'LoadBalancer',
        externalTrafficPolicy: 'Local',
        ingress: [{ ip: '203.0.113.1' }, { ip: '2001:db8:113::1' }],
      }),
      slice('web', 'IPv4', endpoint('n1')),
    )
    const made = plan(cluster, { ...options, enableIbgp: false })
    const machine = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [])
    const router = fabric.machine(65001, ['10.0.0.1', 'fd00::1'], [peerTo('10.0.0.2', 64512)])
    const desired = toDesired(made, options)!
    const { importPolicy, exportPolicy } = made
    machine.speaker.apply({
      ...desired,
      routes: made.routes,
      local: { ...desired.local, listen: machine.desired.local.listen },
      peers: [
        peerTo('10.0.0.1', 65001, { importPolicy, exportPolicy, maximumOut: { 'ipv4-unicast': 1, 'ipv6-unicast': 1 } }),
      ],
    })
    const events = new EventLog(10, () => new Date(0))
    events.watchSpeaker(machine.speaker)
    await fabric.pass(10_000)
    // A session that has ended has more to tell.
    await router.speaker.stop({ reason: 'maintenance' })
    await fabric.pass(100)
    const apply = () => machine.speaker.apply(machine.desired)
    const { findings } = made
    const { speaker } = machine
    backend = { speaker, plan: made, view: cluster, findings, source: 'a test', events, sync: alwaysSynced, apply }
    server = await serveAdmin(backend, path())
  })

  after(async () => {
    await server.close()
    await fabric.stop()
    rmSync(folder, { recursive: true })
  })

  const asked = ({ method, path: at, example }: AdminRoute, query = example) =>
    ask<object>(path(), `${at}?${query}`, method === 'POST' ? 'asn: 1' : undefined)

  for (const route of adminRoutes)
    it(`${route.method} ${route.path} answers the fields that it says, as what it says that they are`, async () => {
      const answer = await asked(route)
      expect(misfits(answer, route.shape)).to.deep.equal([])
      const needed = Object.entries(route.shape).filter(([, [kind]]) => kind === 'list' || kind === 'by family')
      for (const [field] of needed) expect(answer, field).to.have.property(field)
    })

  it('tells a field that is not described, and one that is something else', () => {
    const fields = { a: ['list', '', { b: ['number', ''] }] } as const
    expect(misfits({ a: [{ b: 1 }] }, fields)).to.deep.equal([])
    expect(misfits({ a: [{ b: '1', c: 2 }], d: 1 }, fields)).to.deep.equal([
      'a.b is no number: "1"',
      'a.c is not described',
      'd is not described',
    ])
    expect(shapeRows(fields)).to.deep.equal(['| `a` | list |  |', '| `a[].b` | number |  |'])
  })

  const refusals: readonly [status: number, path: string, query: string, without: Partial<Backend>][] = [
    [400, '/v1/routes', 'view=up', {}],
    [400, '/v1/events', 'after=x', {}],
    [404, '/v1/plan', '', { plan: undefined }],
    [409, '/v1/apply', '', { apply: undefined as never }],
  ]
  for (const [status, at, query, without] of refusals)
    it(`${at} refuses with ${status} where it says so`, async () => {
      const route = adminRoutes.find((one) => one.path === at)!
      expect(route.refuses, at).to.have.property(String(status))
      const request = { query: new URLSearchParams(query), body: () => Promise.resolve('') }
      const refused = await Promise.resolve()
        .then(() => route.answer({ ...backend, ...without }, request))
        .then(
          () => undefined,
          (error: unknown) => error,
        )
      expect(refused).to.have.property('status', status)
    })

  it('has events as docs/events.md shows them', async () => {
    const { events } = await ask<EventsAnswer>(path(), '/v1/events?after=0')
    expect(events.map(({ kind }) => kind)).to.include.members(['session-up', 'session-down'])
    for (const { kind, text } of events.filter((one) => one.kind !== 'held-back'))
      expect(eventKinds[kind].examples, `${kind}: ${text}`).to.include(text)
  })

  it('has a path for nothing else', async () => {
    const error = await ask(path(), '/v1/other').then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).to.be.instanceOf(RefusedError)
  })
})
