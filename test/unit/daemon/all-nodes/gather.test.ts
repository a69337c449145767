import { expect } from 'chai'
import type { ExecAnswer, ExecRequest } from '../../../../controllers/index.ts'
import { askInPod, gather } from '../../../../daemon/all-nodes/gather.ts'
import type { Target } from '../../../../daemon/all-nodes/whom.ts'

const target = (number: number, doubt?: string): Target => ({
  node: `node-${number}`,
  pod: `pod-${number}`,
  container: 'tandem',
  ...(doubt !== undefined && { doubt }),
})
const targets = (count: number) => Array.from({ length: count }, (_, index) => target(index))
const turn = () => new Promise<void>((go) => setImmediate(go))

describe('asking all nodes', () => {
  it('asks so many at a time and no more, and answers in their order', async () => {
    let [now, most] = [0, 0]
    const ask = async ({ node }: Target) => {
      now++
      most = Math.max(most, now)
      // The first ones take longest.
      for (let left = 20 - Number(node.slice(5)); left > 0; left--) await turn()
      now--
      return node.toUpperCase()
    }
    const { answered, missing } = await gather(targets(20), ask, { atOnce: 4, timeoutMs: 5000 })
    expect(most).to.equal(4)
    expect(missing).to.deep.equal([])
    expect(answered.map(({ answer }) => answer)).to.deep.equal(targets(20).map(({ node }) => node.toUpperCase()))
  })

  it('has each node in one of two lists, with the reason and what else is not well there', async () => {
    const ask = async ({ node }: Target) => {
      if (node === 'node-2') throw new Error('connection refused')
      return node
    }
    const some = [target(1, 'pod pod-1 is not ready'), target(2, 'the Node is not ready'), target(3)]
    expect(await gather(some, ask, { atOnce: 9, timeoutMs: 5000 })).to.deep.equal({
      answered: [
        { node: 'node-1', answer: 'node-1', doubt: 'pod pod-1 is not ready' },
        { node: 'node-3', answer: 'node-3' },
      ],
      missing: [{ node: 'node-2', reason: 'connection refused; the Node is not ready' }],
    })
  })

  it('goes on when one is silent, even if it does not listen when it is given up', async () => {
    const given: AbortSignal[] = []
    const ask = ({ node }: Target, signal: AbortSignal) => {
      given.push(signal)
      return node === 'node-0' ? new Promise<string>(() => {}) : Promise.resolve(node)
    }
    const { answered, missing } = await gather(targets(3), ask, { atOnce: 1, timeoutMs: 20 })
    expect(answered.map(({ node }) => node)).to.deep.equal(['node-1', 'node-2'])
    expect(missing).to.deep.equal([{ node: 'node-0', reason: 'pod pod-0 gave no answer within 0.02 s' }])
    expect(given.map(({ aborted }) => aborted)).to.deep.equal([true, false, false])
  })
})

describe('asking in a pod', () => {
  const isList = (value: unknown): value is string[] => Array.isArray(value)
  const asked = async (answer: Partial<ExecAnswer>) => {
    const requests: ExecRequest[] = []
    const exec = async (request: ExecRequest) => {
      requests.push(request)
      return { stdout: '', stderr: '', exitCode: 0, ...answer }
    }
    const ask = askInPod(exec, 'bgp', ['routes', 'out'], isList)
    const said = await ask(target(1), AbortSignal.timeout(1000)).catch((error: Error) => error.message)
    return { said, requests }
  }

  it('runs the command that is beside the daemon', async () => {
    const { said, requests } = await asked({ stdout: '["fd00::/64"]' })
    expect(said).to.deep.equal(['fd00::/64'])
    expect(requests).to.deep.equal([
      { namespace: 'bgp', pod: 'pod-1', container: 'tandem', command: ['tandem', 'routes', 'out', '-o', 'json'] },
    ])
  })

  const failures: readonly [title: string, answer: Partial<ExecAnswer>, reason: string][] = [
    [
      'the daemon',
      { exitCode: 2, stderr: 'tandem: --admin-socket: "x" is not answered\nmore' },
      '--admin-socket: "x" is not answered',
    ],
    ['the runtime', { exitCode: undefined as never, problem: 'no tandem in $PATH' }, 'no tandem in $PATH'],
    ['nobody', { exitCode: 137 }, 'it failed'],
    ['half an answer', { stdout: '["fd00' }, 'its answer is no JSON of tandem routes'],
    ['an answer of another kind', { stdout: '{}' }, 'its answer is no JSON of tandem routes'],
    ['somebody who moves the cursor', { exitCode: 1, stderr: 'a\u001b[2Jb' }, 'a [2Jb'],
  ]
  for (const [title, answer, reason] of failures)
    it(`says the reason of ${title}`, async () => expect((await asked(answer)).said).to.equal(`pod pod-1: ${reason}`))

  it('shows nothing of an answer that could move the cursor', async () => {
    expect((await asked({ stdout: JSON.stringify(['\u001b]0;title\u0007', 'a\u009bb']) })).said).to.deep.equal([
      ' ]0;title ',
      'a b',
    ])
  })
})
