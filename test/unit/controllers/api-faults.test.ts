/**
 * An API server that does everything wrong in turn, while objects change: whatever it does, objects that nobody touched never leave the view,
 * and in the end the view is what the server has. Random, by a seed that a failure names.
 */

import { expect } from 'chai'
import fc from 'fast-check'
import { ApiConnection, ApiSource, type View } from '../../../controllers/index.ts'
import type { Clock } from '../../../speaker/index.ts'
import { nodeClock } from '../../../speaker/index.ts'
import { FakeApiServer } from '../../support/api-server/api-server.ts'
import { nodeObject, service, sliceObject } from '../../support/kube-objects.ts'
import { eventually } from '../../topology/runner.ts'

/** Time that passes a hundred times as fast, so that a watch that hangs is found while somebody waits. */
const fast: Clock = {
  now: () => nodeClock.now() * 100,
  after: (delayMs, run) => nodeClock.after(delayMs / 100, run),
}

type Step =
  | { readonly kind: 'set' | 'remove'; readonly index: number; readonly ready: boolean }
  | { readonly kind: 'break'; readonly how: 'close' | 'reset' | 'garbage' | 'hang' }
  | { readonly kind: 'answer'; readonly status: number }
  | { readonly kind: 'compact' | 'restart' | 'bookmark' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('set' as const, 'remove' as const),
      index: fc.nat(3),
      ready: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('break' as const),
      how: fc.constantFrom('close', 'reset', 'garbage', 'hang'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      status: fc.constantFrom(401, 403, 410, 429, 500, 503),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('compact', 'restart', 'bookmark') }) },
)

const steady = ['steady-1', 'steady-2']

describe('the API source, of a server that does everything wrong', () => {
  for (const watchList of [true, false]) {
    it(`loses nothing and ends with what there is, ${watchList ? 'with' : 'without'} streamed lists`, async function () {
      this.timeout(60_000)
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 20 }), (steps) => play(steps, watchList)),
        { numRuns: 20 },
      )
    })
  }
})

async function play(steps: readonly Step[], watchList: boolean): Promise<void> {
  const fake = await FakeApiServer.start({ watchList })
  const api = await ApiConnection.open({ kubeconfig: '', master: fake.url })
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const source = new ApiSource({ clock: fast, random: () => 0.5, log: silent, api }, {})
  const missing: string[] = []
  let view: View | undefined
  try {
    fake.apply(nodeObject())
    for (const name of steady) for (const object of objectsOf(name, true)) fake.apply(object)
    source.start((now) => {
      view = now
      for (const name of steady) {
        if (!now.services.has(`default/${name}`) || !now.endpointSlices.has(`default/${name}-ipv6`)) missing.push(name)
      }
    })
    await eventually('the first view', 10_000, async () => view !== undefined)
    for (const one of steps) {
      await take(fake, one)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await eventually('the view is what the server has', 10_000, async () => inWords(view!) === serverInWords(fake))
    expect(missing).to.deep.equal([])
  } finally {
    source.stop()
    api.close()
    await fake.stop()
  }
}

function objectsOf(name: string, ready: boolean) {
  const families = ['IPv4', 'IPv6'] as const
  return [service(name), ...families.map((family) => sliceObject(name, family, [{ on: 'node-1', ready }]))]
}

async function take(fake: FakeApiServer, one: Step): Promise<void> {
  if (one.kind === 'set') for (const object of objectsOf(`s${one.index}`, one.ready)) fake.apply(object)
  else if (one.kind === 'remove') fake.remove('Service', 'default', `s${one.index}`)
  else if (one.kind === 'break') fake.breakWatches(one.how)
  else if (one.kind === 'answer') fake.answer(one.status, { times: 2 })
  else if (one.kind === 'compact') fake.compact()
  else if (one.kind === 'bookmark') fake.bookmark()
  else await fake.restart()
}

/** Services by name, and how many endpoints of each slice are ready. */
function inWords({ services, endpointSlices }: View): string {
  const slices = [...endpointSlices].map(
    ([key, { endpoints }]) => `${key} ${endpoints.filter(({ ready }) => ready).length}`,
  )
  return [...services.keys(), ...slices].sort().join('\n')
}

function serverInWords(fake: FakeApiServer): string {
  const keyOf = ({ metadata }: { metadata: { name: string; namespace?: string } }) =>
    `${metadata.namespace}/${metadata.name}`
  const slices = fake.list('EndpointSlice').map((object) => {
    const endpoints = (object['endpoints'] ?? []) as { conditions: { ready: boolean } }[]
    return `${keyOf(object)} ${endpoints.filter(({ conditions }) => conditions.ready).length}`
  })
  return [...fake.list('Service').map(keyOf), ...slices].sort().join('\n')
}
