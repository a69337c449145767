import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { plan, toDesired } from '../../../controllers/index.ts'
import { ask } from '../../../daemon/admin/client.ts'
import { type AdminServer, serveAdmin } from '../../../daemon/admin/server.ts'
import { alwaysSynced, type Backend } from '../../../daemon/backend.ts'
import { ConfigError } from '../../../daemon/config/flag.ts'
import { type Explanation, explain } from '../../../daemon/explain.ts'
import { endpoint, node, options, service, slice, view } from '../../support/cluster.ts'
import { Fabric, peerTo } from '../../support/fabric.ts'
import { eventually } from '../../topology/runner.ts'

describe('the admin socket', () => {
  let folder: string
  let fabric: Fabric
  let backend: Backend
  let server: AdminServer | undefined
  const path = () => join(folder, 'run', 'tandem.sock')

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tandem-admin-'))
    fabric = new Fabric()
    const cluster = view(
      node('n1', { ips: ['10.0.0.2', 'fd00::2'] }),
      service('web', {
        type: 'LoadBalancer',
        externalTrafficPolicy: 'Local',
        ingress: [{ ip: '203.0.113.1' }, { ip: '2001:db8:113::1' }],
      }),
      slice('web', 'IPv4', endpoint('n1')),
    )
    const made = plan(cluster, { ...options, enableIbgp: false })
    const machine = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [])
    fabric.machine(65001, ['10.0.0.1', 'fd00::1'], [peerTo('10.0.0.2', 64512)])
    const desired = toDesired(made, options)!
    machine.speaker.apply({
      ...desired,
      routes: made.routes,
      local: { ...desired.local, listen: machine.desired.local.listen },
      peers: [peerTo('10.0.0.1', 65001, { exportPolicy: made.exportPolicy })],
    })
    await fabric.pass(10_000)
    backend = {
      speaker: machine.speaker,
      plan: made,
      view: cluster,
      findings: [],
      source: 'a test',
      sync: alwaysSynced,
    }
  })

  afterEach(async () => {
    await server?.close()
    server = undefined
    await fabric.stop()
    rmSync(folder, { recursive: true })
  })

  const explained = async (subject: string) => {
    const answer = await ask<Explanation>(path(), `/v1/explain?${new URLSearchParams({ subject })}`)
    return answer.lines
  }

  it("tells a router's own configuration, and refuses what is no router", async () => {
    server = await serveAdmin(backend, path())
    const ofRouter = (router: string) =>
      ask<Explanation>(path(), `/v1/explain?${new URLSearchParams({ subject: 'peer/10.0.0.1', router })}`)
    const { kind, lines, data } = await ofRouter('bird')
    expect(kind).to.equal('peer')
    expect(lines).to.include('  neighbor 10.0.0.2 as 64512;')
    expect(data).to.include({ router: 'bird', config: lines.join('\n') })
    const refusal = await ofRouter('junos').catch((error: unknown) => String(error))
    expect(refusal).to.include('--router: "junos" is not one of frr, bird')
  })

  it('J9 is for its owner alone', async () => {
    server = await serveAdmin(backend, path())
    expect(statSync(path()).mode & 0o777).to.equal(0o600)
  })

  it('takes the place of a socket that nobody answers on, and not of one in use', async () => {
    server = await serveAdmin(backend, path())
    const second = await serveAdmin(backend, path()).then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(second).to.be.instanceOf(ConfigError)
    expect(String(second)).to.include('is in use by another tandem')
    await server.close()
    await leaveDeadSocket()
    server = await serveAdmin(backend, path())
    expect((await explained('node/n1')).length).to.be.above(1)
    expect(statSync(path()).mode & 0o777).to.equal(0o600)
  })

  /** What a daemon that was killed leaves at the path. */
  async function leaveDeadSocket(): Promise<void> {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(join(folder, 'other'), resolve))
    linkSync(join(folder, 'other'), path())
    await new Promise<void>((resolve) => other.close(() => resolve()))
  }

  it('J9 has its mode from the first moment on', async () => {
    const before = process.umask(0)
    const modes: number[] = []
    mkdirSync(join(folder, 'run'))
    const watcher = watch(join(folder, 'run'), () => {
      if (existsSync(path())) modes.push(statSync(path()).mode & 0o777)
    })
    try {
      server = await serveAdmin(backend, path())
      expect(process.umask()).to.equal(0)
      await eventually('the socket in its folder', 5000, async () => modes.length > 0)
      expect(new Set([...modes, statSync(path()).mode & 0o777])).to.deep.equal(new Set([0o600]))
    } finally {
      watcher.close()
      process.umask(before)
    }
  })

  const obstacles: readonly [what: string, put: () => void][] = [
    ['a file', () => writeFileSync(path(), 'of somebody')],
    ['a folder', () => mkdirSync(path())],
    ['a link to a file', () => symlinkSync(join(folder, 'target'), path())],
    ['a link to nothing', () => symlinkSync(join(folder, 'nothing'), path())],
  ]
  for (const [what, put] of obstacles)
    it(`J9 does not take the place of ${what}`, async () => {
      mkdirSync(join(folder, 'run'))
      writeFileSync(join(folder, 'target'), 'of somebody')
      put()
      const before = lstatSync(path()).ino
      const error = await serveAdmin(backend, path()).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(error).to.be.instanceOf(ConfigError)
      expect(String(error)).to.match(/is (a link|there and no socket)$/)
      expect(lstatSync(path()).ino).to.equal(before)
      expect(readFileSync(join(folder, 'target'), 'utf8')).to.equal('of somebody')
      expect(existsSync(join(folder, 'nothing'))).to.equal(false)
    })

  /** A connection that has said this much and waits. */
  async function halfAsked(text: string): Promise<Socket> {
    const socket = connect(path())
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write(text)
    return socket
  }

  it('J9 answers others while one does not finish what it asks or gives, and takes one configuration at a time', async () => {
    let received = 0
    const apply = () => {
      received++
      return {
        peers: { added: [], removed: [], reset: [], changed: [] },
        routes: { added: 0, withdrawn: 0, changed: 0 },
      }
    }
    server = await serveAdmin({ ...backend, apply }, path())
    const slow = [
      await halfAsked('GET /v1/pe'),
      await halfAsked('POST /v1/apply HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc'),
    ]
    expect((await explained('node/n1')).length).to.be.above(1)
    const refused = await eventually('the refusal of a second one', 5000, () =>
      ask(path(), '/v1/apply', 'second').then(
        () => undefined,
        (reason: unknown) => String(reason),
      ),
    )
    expect(refused).to.include('another configuration is on its way')
    received = 0
    slow[1]!.write('defghij')
    await once(slow[1]!, 'data')
    expect(received).to.equal(1)
    await ask(path(), '/v1/apply', 'third')
    for (const socket of slow) socket.destroy()
  })

  it('J9 does not wait for a configuration that says that it is too large', async () => {
    server = await serveAdmin({ ...backend, apply: () => expect.fail('it was taken') }, path())
    const socket = await halfAsked(`POST /v1/apply HTTP/1.1\r\nhost: x\r\ncontent-length: ${2 ** 40}\r\n\r\nabc`)
    let text = ''
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    await once(socket, 'close')
    expect(text)
      .to.match(/^HTTP\/1\.1 413 /)
      .and.include('the configuration is too large')
  })

  it('says so when nobody answers', async () => {
    const error = await ask(join(folder, 'nobody'), '/v1/peers').then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(String(error)).to.include('is not answered: is tandem running there?')
  })

  it('J9 says that the socket is for its owner, where it may not be opened', async () => {
    server = await serveAdmin(backend, path())
    chmodSync(path(), 0)
    chmodSync(folder, 0o755)
    const isRoot = process.geteuid?.() === 0
    // Root may open what nobody may.
    if (isRoot) process.seteuid?.(65_432)
    const error = await ask(path(), '/v1/peers')
      .catch((reason: unknown) => String(reason))
      .finally(() => isRoot && process.seteuid?.(0))
    expect(error).to.include('may be opened by its owner alone: ask as the user that tandem runs as')
  })

  it('answers what it does not know with the reason', async () => {
    server = await serveAdmin(backend, path())
    const why = (asked: string, body?: string) =>
      ask(path(), asked, body).then(
        () => 'answered',
        (reason: unknown) => String(reason),
      )
    expect(await why('/v1/nothing')).to.include('no such thing: GET /v1/nothing')
    expect(await why('/v1/routes?view=up')).to.include('view "up" is not in, best or out')
    expect(await why('/v1/routes?prefix=10.0.0.0/40')).to.include('"10.0.0.0/40" is no prefix')
    expect(await why('/v1/apply', 'asn: 1')).to.include('the source is a test: change it there')
  })

  it('explains a prefix from object to peer, in both families', async () => {
    server = await serveAdmin(backend, path())
    expect(await explained('203.0.113.1')).to.deep.equal([
      '203.0.113.1/32',
      '  advertised because of service/default/web status.loadBalancer.ingress[0].ip: --advertise-loadbalancer-ip; spec.externalTrafficPolicy: Local, and an endpoint is here',
      '  sent to 10.0.0.1 with next hop 10.0.0.2: service VIPs to external peers, policy "default export"',
    ])
    expect(await explained('2001:db8:113::1')).to.deep.equal([
      '2001:db8:113::1/128',
      '  withheld: service/default/web status.loadBalancer.ingress[1].ip: no ready IPv6 endpoint is on any node, and spec.externalTrafficPolicy: Local asks for one. To change it: a ready IPv6 endpoint, or spec.externalTrafficPolicy: Cluster',
    ])
  })

  it('explains a service, a node, a peer, and what it does not know', async () => {
    server = await serveAdmin(backend, path())
    const web = await explained('default/web')
    expect(web.slice(0, 3)).to.deep.equal([
      'service/default/web (LoadBalancer)',
      '  endpoints of ipv4-unicast: 1 ready, 1 of them on n1',
      '  endpoints of ipv6-unicast: 0 ready, 0 of them on n1',
    ])
    expect((await explained('node/n1'))[1]).to.equal(
      '  10.244.1.0/24 is advertised: pod CIDR of this node, spec.podCIDRs[0]',
    )
    expect((await explained('peer/10.0.0.1'))[0]).to.match(/^peer\/10\.0\.0\.1: external, AS 65001, Established for /)
    expect((await explained('nonsense'))[0]).to.equal('nonsense is nothing that this daemon knows.')
    expect(await explained('192.0.2.77')).to.deep.equal([
      '192.0.2.77/32',
      '  no object of the plan has it, no peer sent it, and none was refused it',
    ])
  })

  it('calls a peer or node that is not there unknown, and names the peers and services that are', async () => {
    server = await serveAdmin(backend, path())
    for (const [subject, ...lines] of [
      ['peer/10.0.0.9', 'peer/10.0.0.9 is no peer of this speaker.', 'Its peers: 10.0.0.1.'],
      ['peer/fd00::9', 'peer/fd00::9 is no peer of this speaker.', 'Its peers: 10.0.0.1.'],
      ['node/n9', 'node/n9 is no Node that this daemon knows.'],
      [
        'prod/web',
        'prod/web is nothing that this daemon knows.',
        'There is default/web.',
        'Ask for a prefix or address, NAMESPACE/SERVICE, node/NAME or peer/ADDRESS.',
      ],
    ]) {
      const answer = await ask<Explanation>(path(), `/v1/explain?${new URLSearchParams({ subject: subject! })}`)
      expect(answer).to.deep.include({ kind: 'unknown', lines })
    }
  })

  it('names the route around an address that has none of its own, in both families', async () => {
    server = await serveAdmin(backend, path())
    for (const [pod, cidr, field] of [
      ['10.244.1.5', '10.244.1.0/24', 'spec.podCIDRs[0]'],
      ['fd00:244:1::5', 'fd00:244:1::/64', 'spec.podCIDRs[1]'],
    ] as const) {
      expect((await explained(pod)).at(-1)).to.equal(
        `  lies in ${cidr}, which is advertised because of node/n1 ${field}: ask for that one`,
      )
    }
  })

  it('says of a service what is wrong beside the plan, and that nobody gave it an address', () => {
    const range = 'has no free address left in 203.0.113.0/24; add a range, or delete services that need none'
    const told = explain(
      {
        ...backend,
        view: view(node('n1'), service('pending', { type: 'LoadBalancer' }), service('inner')),
        findings: [
          {
            severity: 'error',
            object: 'service/default/pending',
            field: 'spec.ipFamilies',
            value: 'IPv4',
            message: range,
          },
        ],
      },
      'default/pending',
    ).lines.join('\n')
    expect(told).to.include('status.loadBalancer.ingress is empty').and.to.include(range)
    expect(explain({ ...backend, view: view(service('inner')) }, 'default/inner').lines.join()).to.not.include(
      'is empty',
    )
  })

  it('names a family or limit that is none', async () => {
    server = await serveAdmin(backend, path())
    for (const [query, problem] of [
      ['family=ipv4', 'family "ipv4" is not ipv4-unicast or ipv6-unicast'],
      ['limit=some', 'limit "some" is no number of routes'],
      ['limit=0', 'limit "0" is no number of routes'],
    ] as const) {
      const why = await ask(path(), `/v1/routes?${query}`).catch((reason: unknown) => String(reason))
      expect(why).to.include(problem)
    }
  })

  it('lists routes by view, family and prefix', async () => {
    server = await serveAdmin(backend, path())
    const list = async (query: string) =>
      (await ask<{ routes: { prefix: string }[] }>(path(), `/v1/routes?${query}`)).routes.map(({ prefix }) => prefix)
    expect(await list('view=out&family=ipv6-unicast')).to.include.members(['fd00:244:1::/64', 'fd00:96::10/128'])
    expect(await list('view=best&prefix=203.0.113.1')).to.deep.equal(['203.0.113.1/32'])
    expect(await list('view=best&limit=2')).to.have.lengthOf(2)
  })
})
