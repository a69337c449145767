import { contains, hostPrefix } from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import { ApiError, type ApiRequest } from '../../../controllers/api/client.ts'
import { type Finding, formatFinding } from '../../../controllers/findings.ts'
import type { ServiceView } from '../../../controllers/index.ts'
import { allocate, type LoadBalancerService, loadBalancerService } from '../../../controllers/load-balancer/allocate.ts'
import { Allocator } from '../../../controllers/load-balancer/allocator.ts'
import { parseAddress } from '../../../policy/index.ts'
import { service as serviceView } from '../../support/cluster.ts'
import { prefix } from '../../support/fabric.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const pools = ['203.0.113.0/29', '2001:db8:113::/64'].map(prefix)

function service(name: string, more: Partial<LoadBalancerService> = {}): LoadBalancerService {
  return {
    namespace: 'default',
    name,
    type: 'LoadBalancer',
    loadBalancerClass: 'tandem',
    ipFamilies: ['IPv4', 'IPv6'],
    ipFamilyPolicy: 'PreferDualStack',
    requested: [],
    externalIps: [],
    ingress: [],
    deleting: false,
    ...more,
  }
}

const has = (...ips: string[]) => ({ ingress: ips.map((ip) => ({ ip })) })

function give(services: readonly LoadBalancerService[], ranges = pools, defaultClass = true) {
  const { assignments, findings } = allocate(services, ranges, { defaultClass })
  return {
    given: Object.fromEntries(assignments.map(({ key, ingress }) => [key.replace('default/', ''), ingress])),
    findings: findings.map(formatFinding),
  }
}

describe('load-balancer addresses', () => {
  const v4 = '203.0.113.1'
  const v6 = '2001:db8:113::1'

  const rows: [title: string, more: Partial<LoadBalancerService>, ingress: string[] | undefined][] = [
    ['both families', {}, [v4, v6]],
    ['both families in the order of the service', { ipFamilies: ['IPv6', 'IPv4'] }, [v6, v4]],
    ['IPv4 alone', { ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' }, [v4]],
    ['IPv6 alone', { ipFamilies: ['IPv6'], ipFamilyPolicy: 'SingleStack' }, [v6]],
    ['the IPv6 that is missing', has('203.0.113.5'), ['203.0.113.5', v6]],
    ['the IPv4 that is missing', has('2001:db8:113::9'), ['2001:db8:113::9', v4]],
    ['nothing where nothing is missing', has('203.0.113.5', '2001:db8:113::9'), undefined],
    ['IPv4 released when it is asked for no more', { ipFamilies: ['IPv6'], ...has('203.0.113.5', v6) }, [v6]],
    ['IPv6 released when it is asked for no more', { ipFamilies: ['IPv4'], ...has(v4, '2001:db8:113::9') }, [v4]],
    ['kube-router’s class is ours', { loadBalancerClass: 'kube-router' }, [v4, v6]],
    ['no class is ours by default', { loadBalancerClass: undefined }, [v4, v6]],
    ['an empty class is ours by default', { loadBalancerClass: '' }, [v4, v6]],
    ['class "default" is ours by default', { loadBalancerClass: 'default' }, [v4, v6]],
    ['another class is not', { loadBalancerClass: 'example.com/cloud' }, undefined],
    ['another class keeps its addresses', { loadBalancerClass: 'x', ipFamilies: ['IPv4'], ...has(v6) }, undefined],
    ['other types are not', { type: 'ClusterIP' }, undefined],
    ['a service that is being deleted is left alone', { deleting: true }, undefined],
    ['an entry of a name stays and is no address', { ingress: [{ hostname: 'lb.example' }] }, [v4, v6]],
    ['requested addresses', { requested: ['2001:db8:113::f', '203.0.113.4'] }, ['203.0.113.4', '2001:db8:113::f']],
    ['a request in one family, any in the other', { requested: ['2001:0db8:113:0::f'] }, [v4, '2001:db8:113::f']],
    [
      'a request in place of what it has',
      { requested: ['203.0.113.4'], ...has('203.0.113.5', v6) },
      [v6, '203.0.113.4'],
    ],
    ['a request that it has already', { requested: ['2001:DB8:113:0::1'], ...has(v4, v6) }, undefined],
    ['what lies outside every pool stays', has('192.0.2.1', '2001:db8:9::1'), undefined],
  ]
  for (const [title, more, ingress] of rows) {
    it(`gives ${title}`, () => expect(give([service('a', more)]).given['a']).to.deep.equal(ingress))
  }

  it('needs the class when the default is switched off', () => {
    for (const loadBalancerClass of [undefined, '', 'default']) {
      expect(give([service('a', { loadBalancerClass })], pools, false).given).to.deep.equal({})
    }
    expect(give([service('a')], pools, false).given).to.deep.equal({ a: [v4, v6] })
  })

  it('never gives the network address, nor the broadcast address of IPv4, of a pool of more than two', () => {
    const many = Array.from({ length: 9 }, (_, n) => service(`s${n}`))
    const given = (...ranges: string[]) => Object.values(give(many, ranges.map(prefix)).given).flat()
    expect(given('192.0.2.0/30')).to.deep.equal(['192.0.2.1', '192.0.2.2'])
    expect(given('2001:db8::/126')).to.deep.equal(['2001:db8::1', '2001:db8::2', '2001:db8::3'])
    expect(given('192.0.2.8/31', '2001:db8::8/127').sort()).to.deep.equal([
      '192.0.2.8',
      '192.0.2.9',
      '2001:db8::8',
      '2001:db8::9',
    ])
    expect(given('192.0.2.8/32', '2001:db8::8/128')).to.deep.equal(['192.0.2.8', '2001:db8::8'])
    expect(given('192.0.2.0/30', '192.0.2.4/32')).to.deep.equal(['192.0.2.1', '192.0.2.2', '192.0.2.4'])
  })

  it('gives nothing that any service shows: of another class, of any type, or external', () => {
    const others = [
      service('x', { loadBalancerClass: 'cloud', ...has(v4, v6) }),
      service('y', { type: 'ClusterIP', externalIps: ['203.0.113.2', '2001:db8:113:0::2'] }),
      service('z', { deleting: true, ...has('203.0.113.3', '2001:db8:113::3') }),
    ]
    expect(give([...others, service('a')]).given).to.deep.equal({ a: ['203.0.113.4', '2001:db8:113::4'] })
  })

  it('does not give an address while it is being released', () => {
    const leaving = service('a', { ipFamilies: ['IPv6'], ...has(v4, v6) })
    expect(give([leaving, service('b', { ipFamilies: ['IPv4'] })]).given).to.deep.equal({ a: [v6], b: ['203.0.113.2'] })
  })

  it('keeps what one service asks for from another that takes any', () => {
    expect(give([service('a'), service('b', { requested: [v4, v6] })]).given).to.deep.equal({
      a: ['203.0.113.2', '2001:db8:113::2'],
      b: [v4, v6],
    })
  })

  const wrong: [title: string, more: Partial<LoadBalancerService>, given: string[] | undefined, text: RegExp][] = [
    ['outside every pool', { requested: ['192.0.2.1'] }, [v6], /"192.0.2.1" lies outside --loadbalancer-ip-range/],
    ['outside every pool (IPv6)', { requested: ['2001:db8::1'] }, [v4], /"2001:db8::1" lies outside/],
    ['the network address', { requested: ['2001:db8:113::'] }, [v4], /is the network or broadcast address/],
    ['the broadcast address', { requested: ['203.0.113.7'] }, [v6], /is the network or broadcast address/],
    ['used by another', { requested: ['203.0.113.6'] }, [v6], /is used by service\/default\/other; no IPv4 address/],
    ['used by another (IPv6)', { requested: ['2001:db8:113::6'] }, [v4], /is used by service\/default\/other/],
    ['no address', { requested: ['203.0.113.256'] }, undefined, /is not an IP address/],
    [
      'not of its families',
      { requested: [v6], ipFamilies: ['IPv4'] },
      [v4],
      /is IPv6, which is not in spec.ipFamilies/,
    ],
    ['a second of a family', { requested: [v4, '203.0.113.2'] }, [v4, v6], /"203.0.113.2" is a second IPv4 address/],
    [
      'one that cannot replace what it has',
      { requested: ['203.0.113.6'], ...has('203.0.113.3', v6) },
      undefined,
      /is used by .*; it keeps 203.0.113.3$/,
    ],
    [
      'of one family under RequireDualStack',
      { requested: ['203.0.113.6'], ipFamilyPolicy: 'RequireDualStack' },
      undefined,
      /nothing new is given in the other family/,
    ],
  ]
  for (const [title, more, ingress, text] of wrong) {
    it(`a request is a finding when it is ${title}`, () => {
      const other = service('other', has('203.0.113.6', '2001:db8:113::6'))
      const { given, findings } = give([service('a', more), other])
      expect(given['a']).to.deep.equal(ingress)
      expect(findings).to.have.length(1)
      expect(findings[0]).to.match(/^service\/default\/a tandem.io\/load-balancer-ips or spec.loadBalancerIP: /)
      expect(findings[0]).to.match(text)
    })
  }

  for (const [family, left, range] of [
    ['IPv4', v6, pools[1]!],
    ['IPv6', v4, pools[0]!],
  ] as const) {
    it(`a family without a pool is a finding and leaves the other alone: ${family}`, () => {
      const { given, findings } = give([service('a')], [range])
      expect(given).to.deep.equal({ a: [left] })
      expect(findings).to.deep.equal([
        `service/default/a spec.ipFamilies: "${family}" has no range in --loadbalancer-ip-range; add one, or take the family out of spec.ipFamilies`,
      ])
    })

    it(`RequireDualStack is all or nothing: without ${family}`, () => {
      const { given, findings } = give([service('a', { ipFamilyPolicy: 'RequireDualStack' })], [range])
      expect(given).to.deep.equal({})
      expect(findings[0]).to.include('under RequireDualStack')
    })
  }

  it('a pool that is used up is a finding, in each family', () => {
    const all = [service('a'), service('b')]
    const { given, findings } = give(all, ['192.0.2.1/32', '2001:db8::1/128'].map(prefix))
    expect(given).to.deep.equal({ a: ['192.0.2.1', '2001:db8::1'] })
    expect(findings.map((text) => /"(.*?)" has no free address left/.exec(text)?.[1])).to.deep.equal(['IPv4', 'IPv6'])
  })

  it('says so when two services hold one address, or one lies outside the pools, and changes neither', () => {
    for (const ip of [v4, v6]) {
      const families = { ipFamilies: [ip === v4 ? ('IPv4' as const) : ('IPv6' as const)] }
      const { given, findings } = give([
        service('a', { ...families, ...has(ip) }),
        service('b', { ...families, ...has(ip) }),
      ])
      expect(given).to.deep.equal({})
      expect(findings.join()).to.include(
        `service/default/b status.loadBalancer.ingress: "${ip}" is also held by service/default/a`,
      )
    }
    expect(give([service('a', has('192.0.2.1', '2001:db8:9::1'))]).findings).to.have.length(2)
  })

  it('reads requests from spec.loadBalancerIP and the annotation', () => {
    const made = loadBalancerService(
      serviceView('a', {
        loadBalancerIp: '203.0.113.4',
        annotations: { 'tandem.io/load-balancer-ips': ' 2001:db8:113::4, ,203.0.113.5' },
      }),
    )
    expect(made.requested).to.deep.equal(['203.0.113.4', '2001:db8:113::4', '203.0.113.5'])
  })

  it('steps over what is used, not through the pool', () => {
    const used = Array.from({ length: 3000 }, (_, n) => `2001:db8::${(n + 1).toString(16)}`)
    const all = [
      ...used.map((ip, n) => service(`u${n}`, { ipFamilies: ['IPv6'], ...has(ip) })),
      ...Array.from({ length: 3000 }, (_, n) => service(`v${n}`, { ipFamilies: ['IPv6'] })),
    ]
    const startedAt = performance.now()
    const { given } = give(all, [prefix('2001:db8::/32')])
    expect(given['v0']).to.deep.equal(['2001:db8::bb9'])
    expect(performance.now() - startedAt).to.be.lessThan(2000)
  })

  const ip = fc
    .tuple(fc.boolean(), fc.integer({ min: 0, max: 9 }))
    .map(([six, n]) => (six ? `2001:db8:113::${n.toString(16)}` : `203.0.113.${n}`))
  const made: fc.Arbitrary<LoadBalancerService> = fc.record({
    namespace: fc.constant('default'),
    name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
    type: fc.constantFrom('LoadBalancer', 'LoadBalancer', 'ClusterIP'),
    loadBalancerClass: fc.constantFrom('tandem', 'tandem', undefined, 'other'),
    ipFamilies: fc.constantFrom<LoadBalancerService['ipFamilies'][]>(
      ['IPv4'],
      ['IPv6'],
      ['IPv4', 'IPv6'],
      ['IPv6', 'IPv4'],
    ),
    ipFamilyPolicy: fc.constantFrom('SingleStack', 'PreferDualStack', 'RequireDualStack'),
    requested: fc.array(ip, { maxLength: 2 }),
    externalIps: fc.array(ip, { maxLength: 1 }),
    ingress: fc.array(fc.record({ ip }), { maxLength: 2 }),
    deleting: fc.boolean(),
  })
  const cluster = fc.uniqueArray(made, { selector: ({ name }) => name, maxLength: 8 })
  const ranges = fc.constantFrom(
    pools,
    [prefix('203.0.113.0/30'), prefix('2001:db8:113::/126')],
    [prefix('203.0.113.4/31')],
  )

  it('gives no address twice, only from inside the pools, only of families asked for; and a second run changes nothing', () => {
    fc.assert(
      fc.property(cluster, ranges, fc.boolean(), (services, own, defaultClass) => {
        const first = allocate(services, own, { defaultClass })
        const lists = new Map(first.assignments.map(({ key, ingress }) => [key, ingress]))
        const shown = new Set(
          services.flatMap(({ externalIps, ingress }) => [...externalIps, ...ingress.map(({ ip }) => ip)]),
        )
        const fresh = new Set<string>()
        for (const one of services) {
          const before = one.ingress.map(({ ip }) => ip)
          for (const ip of lists.get(`default/${one.name}`) ?? []) {
            if (before.includes(ip)) continue
            expect(shown.has(ip) && !one.externalIps.includes(ip), `${ip} was used`).to.equal(false)
            expect(fresh.has(ip), `${ip} was given twice`).to.equal(false)
            fresh.add(ip)
            const host = hostPrefix(parseAddress(ip)!)
            expect(
              own.some((range) => contains(range, host)),
              `${ip} is of a pool`,
            ).to.equal(true)
            expect(one.ipFamilies).to.include(host.family === 'ipv4-unicast' ? 'IPv4' : 'IPv6')
          }
        }
        const after = services.map((one) => {
          const list = lists.get(`default/${one.name}`)
          return list ? { ...one, ...has(...list) } : one
        })
        // What was released may be given now; whoever needs nothing is not touched again.
        const released = [...shown].some((ip) => !after.some((one) => one.ingress.some((entry) => entry.ip === ip)))
        if (!released) expect(allocate(after, own, { defaultClass }).assignments).to.deep.equal([])
        expect(allocate([...services].reverse(), own, { defaultClass })).to.deep.equal(first)
      }),
      { numRuns: 500 },
    )
  })
})

/** The services of an API server, and what is asked of it. */
class FakeServer {
  readonly services = new Map<string, ServiceView>()
  readonly log: string[] = []
  /** Called before each request that is none of the list; may throw. */
  before: (request: ApiRequest) => unknown = () => {}
  /** The same, after it was done. */
  after: (request: ApiRequest) => unknown = () => {}
  #uid = 0

  put(name: string, more: Partial<ServiceView> = {}): void {
    const uid = more.uid ?? this.services.get(`default/${name}`)?.uid ?? `uid-${this.#uid++}`
    const common = { type: 'LoadBalancer', loadBalancerClass: 'tandem' }
    this.services.set(`default/${name}`, serviceView(name, { ...common, ...more, uid }))
  }

  ips(name: string): string[] | undefined {
    return this.services.get(`default/${name}`)?.ingress.flatMap(({ ip }) => ip ?? [])
  }

  request = async (request: ApiRequest): Promise<unknown> => {
    const { method = 'GET', path } = request
    this.log.push(`${method} ${path.replace('/api/v1/', '')}`)
    await Promise.resolve()
    if (path === '/api/v1/services') {
      await this.before(request)
      return this.#page(request)
    }
    await this.before(request)
    const key = /namespaces\/([^/]+\/)services\/([^/]+)/.exec(path)!.slice(1).join('')
    const found = this.services.get(key)
    if (!found) throw new ApiError(404, 'NotFound', `services "${key}" not found`)
    if (method === 'PATCH') this.services.set(key, patched(found, request.body as Operation[]))
    await this.after(request)
    return objectOf(this.services.get(key)!)
  }

  stream = (): never => {
    throw new Error('not expected')
  }

  /** One service a page. */
  #page({ query }: ApiRequest): unknown {
    const at = Number(query?.['continue'] ?? 0)
    const all = [...this.services.values()]
    const metadata = at + 1 < all.length ? { continue: String(at + 1) } : {}
    return { metadata, items: all.slice(at, at + 1).map(objectOf) }
  }
}

interface Operation {
  readonly op: string
  readonly path: string
  readonly value?: unknown
}

function objectOf({ namespace, name, uid, ingress, ...view }: ServiceView): unknown {
  return {
    metadata: { namespace, name, uid, annotations: view.annotations },
    spec: {
      type: view.type,
      loadBalancerClass: view.loadBalancerClass,
      ipFamilies: view.ipFamilies,
      ipFamilyPolicy: view.ipFamilyPolicy,
      externalIPs: view.externalIps,
      clusterIPs: view.clusterIps,
    },
    status: { loadBalancer: ingress.length > 0 ? { ingress: structuredClone(ingress) } : {} },
  }
}

/** As much of RFC 6902 as is needed, told apart from what is sent. */
function patched(view: ServiceView, operations: readonly Operation[]): ServiceView {
  const object = objectOf(view) as Record<string, unknown>
  for (const { op, path, value } of operations) {
    const parts = path.slice(1).split('/')
    const last = parts.pop()!
    const parent = parts.reduce<unknown>((inner, part) => (inner as Record<string, unknown>)?.[part], object)
    const slot = parent as Record<string, unknown>
    const refuse = () => new ApiError(422, 'Invalid', 'the server rejected our request due to an error in our request')
    if (!slot) throw refuse()
    if (op === 'test' && JSON.stringify(slot[last]) !== JSON.stringify(value)) throw refuse()
    if (op === 'add' && Array.isArray(parent)) parent.splice(last === '-' ? parent.length : Number(last), 0, value)
    else if (op === 'add') slot[last] = value
    if (op === 'remove' && Array.isArray(parent)) parent.splice(Number(last), 1)
  }
  const status = object['status'] as { loadBalancer: { ingress?: ServiceView['ingress'] } }
  return { ...view, ingress: status.loadBalancer.ingress ?? [] }
}

describe('the allocator', () => {
  let clock: VirtualClock
  let server: FakeServer
  let allocator: Allocator
  let told: (readonly Finding[])[]
  let isLeader: boolean
  const log = { debug() {}, info() {}, warn() {}, error() {} }

  beforeEach(() => {
    clock = new VirtualClock()
    server = new FakeServer()
    told = []
    isLeader = true
    const world = { clock, random: () => 0.5, api: server, log, isLeader: () => isLeader }
    allocator = new Allocator(world, { pools, defaultClass: true }, (findings) => told.push(findings))
  })
  afterEach(() => {
    allocator.stop()
    expect(clock.pending).to.equal(0)
  })

  const pass = async (milliseconds: number) => {
    for (let gone = 0; gone < milliseconds; gone += 50) {
      clock.pass(50)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  /** The watch catches up. */
  const show = () => allocator.take(new Map(server.services))
  const patches = () => server.log.filter((line) => line.startsWith('PATCH'))

  const started = async () => {
    show()
    allocator.lead(true)
    await pass(1000)
  }

  it('writes what services lack, in both families, once', async () => {
    server.put('a')
    server.put('b', { ipFamilies: ['IPv6'], ipFamilyPolicy: 'SingleStack' })
    await started()
    expect(server.ips('a')).to.deep.equal(['203.0.113.1', '2001:db8:113::1'])
    expect(server.ips('b')).to.deep.equal(['2001:db8:113::2'])
    show()
    await pass(60_000)
    expect(patches()).to.have.length(2)
  })

  it('asks only to follow: nothing is written without the lead', async () => {
    server.put('a')
    show()
    await pass(5000)
    expect(server.log).to.deep.equal([])
    allocator.lead(true)
    isLeader = false
    await pass(5000)
    expect(patches()).to.deep.equal([])
  })

  it('touches only the entries that change', async () => {
    const ingress = [
      { hostname: 'lb.example' },
      { ip: '203.0.113.5', ipMode: 'Proxy' },
      { ip: '2001:db8:113::5', ipMode: 'VIP' },
    ]
    server.put('a', { ipFamilies: ['IPv6'], ingress })
    server.put('b', { ipFamilies: ['IPv4', 'IPv6'], ingress: [{ ip: '2001:db8:113::6', ipMode: 'Proxy' }] })
    server.put('c', {
      annotations: { 'tandem.io/load-balancer-ips': '203.0.113.4' },
      ingress: ['203.0.113.2', '2001:db8:113::7', '203.0.113.3'].map((ip) => ({ ip })),
    })
    await started()
    expect(server.services.get('default/a')?.ingress).to.deep.equal([ingress[0], ingress[2]])
    expect(server.ips('c')).to.deep.equal(['2001:db8:113::7', '203.0.113.4'])
    expect(server.services.get('default/b')?.ingress).to.deep.equal([
      { ip: '2001:db8:113::6', ipMode: 'Proxy' },
      { ip: '203.0.113.1' },
    ])
  })

  it('does not remove by place what has moved meanwhile', async () => {
    server.put('a', { ipFamilies: ['IPv6'], ingress: [{ ip: '203.0.113.5' }, { ip: '2001:db8:113::5' }] })
    show()
    allocator.lead(true)
    await pass(50)
    server.put('a', { ipFamilies: ['IPv6'], ingress: [{ ip: '2001:db8:113::5' }, { ip: '203.0.113.5' }] })
    await pass(5000)
    expect(server.ips('a')).to.deep.equal(['2001:db8:113::5'])
  })

  it('gives an address to another only after its release was seen', async () => {
    server.put('a', { ipFamilies: ['IPv6'], ingress: [{ ip: '203.0.113.1' }, { ip: '2001:db8:113::1' }] })
    let release = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    server.before = ({ method, path }) => (method === 'PATCH' && path.includes('/a/') ? released : undefined)
    await started()
    server.put('b', { ipFamilies: ['IPv4'] })
    show()
    await pass(1000)
    expect(server.ips('b')).to.deep.equal(['203.0.113.2'])
    release()
    await pass(1000)
    show()
    server.put('c', { ipFamilies: ['IPv4'] })
    show()
    await pass(1000)
    expect(server.ips('c')).to.deep.equal(['203.0.113.1'])
  })

  it('gives no address twice between the write and the watch', async () => {
    server.put('a')
    await started()
    const behind = serviceView('a', { type: 'LoadBalancer', loadBalancerClass: 'tandem', uid: 'uid-0' })
    server.put('b')
    allocator.take(new Map([...server.services, ['default/a', behind]]))
    await pass(1000)
    expect(server.ips('b')).to.deep.equal(['203.0.113.2', '2001:db8:113::2'])
    expect(patches()).to.have.length(2)
  })

  it('knows what the leader before it wrote, though the watch does not show it', async () => {
    server.put('a')
    server.put('b')
    show()
    server.put('a', { ingress: [{ ip: '203.0.113.1' }, { ip: '2001:db8:113::1' }] })
    server.put('new', { ingress: [{ ip: '203.0.113.2' }, { ip: '2001:db8:113::2' }] })
    allocator.lead(true)
    await pass(1000)
    expect(server.ips('b')).to.deep.equal(['203.0.113.3', '2001:db8:113::3'])
    expect(patches()).to.have.length(1)
    show()
    await pass(60_000)
    expect(patches()).to.have.length(1)
  })

  it('frees the addresses of a service that is gone', async () => {
    server.put('a')
    await started()
    server.services.delete('default/a')
    server.put('b')
    show()
    await pass(1000)
    expect(server.ips('b')).to.deep.equal(['203.0.113.1', '2001:db8:113::1'])
  })

  it('gives a service that was made anew its addresses at once', async () => {
    server.put('a')
    await started()
    server.put('a', { uid: 'another' })
    show()
    await pass(1000)
    expect(server.ips('a')).to.deep.equal(['203.0.113.1', '2001:db8:113::1'])
  })

  it('does not write to another service of the same name', async () => {
    server.put('a')
    show()
    allocator.lead(true)
    server.put('a', { uid: 'another' })
    await pass(500)
    expect(server.ips('a')).to.deep.equal([])
    show()
    await pass(1000)
    expect(server.ips('a')).to.deep.equal(['203.0.113.1', '2001:db8:113::1'])
  })

  it('does not overwrite what somebody else has written meanwhile, and judges it anew', async () => {
    server.put('a')
    show()
    allocator.lead(true)
    await pass(50)
    server.put('a', { ingress: [{ ip: '203.0.113.6' }] })
    await pass(5000)
    expect(server.ips('a')).to.deep.equal(['203.0.113.6', '2001:db8:113::1'])
  })

  it('tries a failed write again, ever more slowly, and says so until it is mended', async () => {
    server.put('a')
    server.before = ({ method }) => {
      if (method === 'PATCH') throw new ApiError(403, 'Forbidden', 'not allowed')
    }
    await started()
    const first = patches().length
    await pass(300_000)
    expect(patches().length).to.be.within(first + 4, 14)
    const texts = told.flat().map(formatFinding)
    expect(new Set(texts).size).to.equal(1)
    expect(texts[0]).to.equal(
      'service/default/a status.loadBalancer.ingress: "203.0.113.1, 2001:db8:113::1" cannot be written: not allowed; it is tried again',
    )
    server.before = () => {}
    await pass(61_000)
    expect(server.ips('a')).to.deep.equal(['203.0.113.1', '2001:db8:113::1'])
    expect(allocator.findings).to.deep.equal([])
    expect(told.map(({ length }) => length)).to.deep.equal([1, 0])
  })

  it('keeps an address from others while it is unknown whether it was written', async () => {
    server.put('a')
    let lost = true
    server.after = ({ path }) => {
      if (lost && path.includes('/a')) throw new Error('socket hang up')
    }
    await started()
    server.put('b')
    const behind = serviceView('a', { type: 'LoadBalancer', loadBalancerClass: 'tandem', uid: 'uid-0' })
    allocator.take(new Map([...server.services, ['default/a', behind]]))
    await pass(3000)
    lost = false
    await pass(61_000)
    expect(server.ips('a')).to.deep.equal(['203.0.113.1', '2001:db8:113::1'])
    expect(server.ips('b')).to.deep.equal(['203.0.113.2', '2001:db8:113::2'])
    expect(patches().filter((line) => line.includes('/a/'))).to.have.length(1)
  })

  it('asks again when the watch never shows a write, and writes again what somebody has taken away', async () => {
    server.put('a')
    await started()
    server.put('a', { ingress: [] })
    show()
    await pass(10_000)
    expect(server.ips('a')).to.deep.equal([])
    await pass(31_000)
    expect(server.ips('a')).to.deep.equal(['203.0.113.1', '2001:db8:113::1'])
  })

  it('gives nothing before it could list the services, and tries that again', async () => {
    server.put('a')
    server.before = () => {
      throw new Error('connect ECONNREFUSED')
    }
    await started()
    expect(patches()).to.deep.equal([])
    expect(allocator.findings.map(formatFinding).join()).to.include('cannot be listed: connect ECONNREFUSED')
    server.before = () => {}
    await pass(61_000)
    expect(server.ips('a')).to.deep.equal(['203.0.113.1', '2001:db8:113::1'])
    expect(allocator.findings).to.deep.equal([])
  })

  it('ends at once with the lead: requests are aborted, and nothing more is written', async () => {
    for (const name of 'abcdef') server.put(name)
    const signals: AbortSignal[] = []
    server.before = (request) => {
      if (request.method !== 'PATCH') return
      signals.push(request.signal!)
      return new Promise((_, reject) => {
        request.signal?.addEventListener('abort', () => reject(request.signal?.reason as Error))
      })
    }
    await started()
    expect(signals).to.have.length(4)
    allocator.lead(false)
    expect(signals.every(({ aborted }) => aborted)).to.equal(true)
    await pass(60_000)
    expect(signals).to.have.length(4)
    expect(allocator.findings).to.deep.equal([])
  })

  it('under any order of writes, answers, losses and watch events no address is held twice', async () => {
    const step = fc.record({
      put: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      gone: fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')),
      both: fc.boolean(),
      loses: fc.boolean(),
      shows: fc.boolean(),
      releads: fc.boolean(),
      wait: fc.integer({ min: 0, max: 3000 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        allocator.stop()
        clock = new VirtualClock()
        server = new FakeServer()
        const ranges = ['203.0.113.0/28', '2001:db8:113::/124'].map(prefix)
        allocator = new Allocator({ clock, random: () => 0.5, api: server, log }, { pools: ranges, defaultClass: true })
        allocator.lead(true)
        const unique = () => {
          const ips = [...server.services.values()].flatMap(({ ingress }) => ingress.map(({ ip }) => ip))
          expect(new Set(ips).size, ips.join()).to.equal(ips.length)
        }
        for (const { put, gone, both, loses, shows, releads, wait } of steps) {
          server.after = () => {
            unique()
            if (loses) throw new Error('socket hang up')
          }
          server.put(put, { ...server.services.get(`default/${put}`), ipFamilies: both ? ['IPv4', 'IPv6'] : ['IPv6'] })
          if (gone !== null) server.services.delete(`default/${gone}`)
          if (shows) show()
          if (releads) allocator.lead(false)
          allocator.lead(true)
          await pass(wait)
        }
        server.after = unique
        for (let turn = 0; turn < 4; turn++) {
          show()
          await pass(65_000)
        }
        for (const { ingress, ipFamilies } of server.services.values()) {
          expect(ingress).to.have.length(ipFamilies.length)
        }
      }),
      { numRuns: 20 },
    )
  })
})
