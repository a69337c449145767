import { expect } from 'chai'
import fc from 'fast-check'
import { Fabric, peerTo, route } from '../support/fabric.ts'
import { FakeKernel } from '../support/fake-kernel.ts'

/** One prefix of each family a number. */
const prefixes = [1, 2, 3].map((index) => [`198.18.${index}.0/24`, `2001:db8:${index}::/48`] as const)
const routers = [
  { addresses: ['10.0.0.1', 'fd00::1'] },
  { addresses: ['10.0.0.3', 'fd00::3'] },
  { addresses: ['10.0.0.5', 'fd00::5'] },
] as const

const moods = [
  'deny',
  'allow',
  'break',
  'mend',
  'unplug',
  'plug',
  'crash',
  'mute',
  'hold',
  'release',
  'delay',
  'deliver',
  'kill',
  'wait',
] as const

type Step =
  | { readonly kind: 'announce'; readonly router: number; readonly prefix: number; readonly med: number }
  | { readonly kind: 'withdraw'; readonly router: number; readonly prefix: number }
  | { readonly kind: 'steal' | 'spoil' | 'refuse' | 'occupy' | 'free'; readonly prefix: number }
  | { readonly kind: (typeof moods)[number] }

const prefix = fc.nat({ max: prefixes.length - 1 })
const router = fc.nat({ max: routers.length - 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('announce' as const), router, prefix, med: fc.nat({ max: 2 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), router, prefix }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('steal', 'spoil', 'refuse', 'occupy', 'free'), prefix }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom(...moods) }),
  },
)

/** What a kernel goes through, and what it should have when all is well again. */
class History {
  readonly fabric = new Fabric()
  readonly kernel = new FakeKernel('10.0.0.0/24 eth1', 'fd00::/64 eth1')
  readonly #announced = routers.map(() => new Map<number, number>())
  readonly #occupied = new Set<number>()
  readonly #tors = routers.map(({ addresses }) =>
    this.fabric.machine(65001, addresses, [peerTo('10.0.0.2', 64512, { connectRetry: 1 })]),
  )
  #node = this.#start()

  #start() {
    const peers = routers.map(({ addresses }) => peerTo(addresses[0], 65001, { connectRetry: 1 }))
    return this.fabric.machine(64512, ['10.0.0.2', 'fd00::2'], peers, { kernel: { waitMs: 20_000 } }, this.kernel)
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const one of steps) {
      await this.#take(one)
      await this.pass(100)
    }
    this.kernel.isDenied = false
    this.kernel.broken = undefined
    this.kernel.isMute = false
    this.kernel.refusing.clear()
    this.kernel.release()
    this.kernel.deliver()
    this.kernel.link('eth1', false)
    for (const family of ['ipv4-unicast', 'ipv6-unicast'] as const) this.kernel.lose(family)
    await this.pass(700_000, 2000)
  }

  async pass(milliseconds: number, step = 50): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += step) await this.fabric.pass(step)
  }

  /** By the rules of the decision process, from what was announced alone. */
  get wanted(): string[] {
    return prefixes.flatMap((both, index) => {
      const meds = this.#announced.map((one) => one.get(index))
      const best = Math.min(...meds.map((med) => med ?? Number.POSITIVE_INFINITY))
      if (!Number.isFinite(best) || this.#occupied.has(index)) return []
      return both.map((one, family) => {
        const hops = routers.filter((_, at) => meds[at] === best).map(({ addresses }) => addresses[family]!)
        return `${one} via ${hops.toSorted((a, b) => (a < b ? -1 : 1)).join(' ')}`
      })
    })
  }

  async #take(one: Step): Promise<void> {
    const { kernel } = this
    switch (one.kind) {
      case 'announce':
        this.#announced[one.router]!.set(one.prefix, one.med)
        return this.#apply(one.router)
      case 'withdraw':
        this.#announced[one.router]!.delete(one.prefix)
        return this.#apply(one.router)
      case 'steal':
        for (const line of kernel.ours) if (this.#isOf(line, one.prefix)) kernel.take(line.split(' ')[0]!)
        return
      case 'spoil':
        for (const line of kernel.ours) {
          const to = line.split(' ')[0]!
          if (this.#isOf(line, one.prefix)) kernel.put(to, { via: [to.includes(':') ? 'fd00::77' : '10.0.0.77'] })
        }
        return
      case 'refuse':
        for (const to of prefixes[one.prefix]!) kernel.refusing.set(to, { kind: 'refused', text: 'Invalid argument' })
        return
      case 'occupy':
        if (kernel.ours.some((line) => this.#isOf(line, one.prefix)) || this.#occupied.has(one.prefix)) return
        this.#occupied.add(one.prefix)
        for (const to of prefixes[one.prefix]!)
          kernel.put(to, { protocol: 4, via: [to.includes(':') ? 'fd00::9' : '10.0.0.9'] })
        return
      case 'free':
        if (this.#occupied.delete(one.prefix)) for (const to of prefixes[one.prefix]!) kernel.take(to)
        return
      case 'deny':
      case 'allow':
        kernel.isDenied = one.kind === 'deny'
        return
      case 'break':
        kernel.broken = 'ip was killed'
        return
      case 'crash':
        kernel.isCrashing = true
        return
      case 'mend':
        kernel.broken = undefined
        return
      case 'unplug':
      case 'plug':
        return kernel.link('eth1', one.kind === 'unplug')
      case 'hold':
        return kernel.hold()
      case 'release':
        return kernel.release()
      case 'delay':
        return kernel.delay()
      case 'deliver':
        return kernel.deliver()
      case 'mute':
        kernel.isMute = !kernel.isMute
        return
      case 'kill':
        // What it had on its way lands later, as it would; nothing but the kernel remembers what was.
        void this.#node.speaker.stop()
        this.#node = this.#start()
        return
      case 'wait':
        return this.pass(5000)
    }
  }

  #isOf(line: string, index: number): boolean {
    return prefixes[index]!.some((to) => line.startsWith(`${to} `))
  }

  #apply(index: number): void {
    const routes = [...this.#announced[index]!].flatMap(([at, med]) =>
      prefixes[at]!.map((to) => route(to, { attributes: { med } })),
    )
    this.#tors[index]!.apply({ routes })
  }
}

describe('kernel routes, whatever happened', () => {
  it('J13 end as the peers want them, with every route of others as it was', async function () {
    this.timeout(120_000)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        const history = new History()
        await history.run(steps)
        expect(history.kernel.ours).to.deep.equal([...history.wanted].sort())
        await history.fabric.stop()
        expect(history.fabric.clock.pending, 'timers left behind').to.equal(0)
      }),
      { numRuns: 300 },
    )
  })
})
