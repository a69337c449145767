/** Commands in pods, over a real WebSocket against the fake API server: what comes back, what is refused, and that nothing stays open. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { expect } from 'chai'
import { ApiConnection, ApiError } from '../../../controllers/index.ts'
import { FakeApiServer } from '../../support/api-server/api-server.ts'
import type { Play } from '../../support/api-server/exec.ts'
import { daemonPod } from '../../support/kube-objects.ts'

const where = { namespace: 'tandem-system', pod: 'tandem-node-1', container: 'tandem' }
const command = ['tandem', 'explain', 'a b&c=d', 'fd00::/64']

describe('a command in a pod', () => {
  let server: FakeApiServer
  let api: ApiConnection

  beforeEach(async () => {
    server = await FakeApiServer.start()
    server.apply(daemonPod('node-1'))
    api = await ApiConnection.open({ kubeconfig: '', master: `${server.url}/` })
  })

  afterEach(async () => {
    api.close()
    await server.stop()
  })

  const run = (play: Play = {}, more: Partial<typeof where> = {}, signal = AbortSignal.timeout(5000)) => {
    server.exec.plays = () => play
    return api.exec({ ...where, ...more, command }, signal)
  }
  const failure = (promise: Promise<unknown>) =>
    promise.then(
      () => expect.fail('it was answered'),
      (error: unknown) => error as Error,
    )
  const nothingOpen = async () => {
    for (let left = 100; server.exec.openCount > 0 && left > 0; left--) await new Promise((go) => setTimeout(go, 10))
    expect(server.exec.openCount).to.equal(0)
  }

  for (const protocol of ['v5.channel.k8s.io', 'v4.channel.k8s.io']) {
    it(`says both streams and the status over ${protocol}, in many frames or few`, async () => {
      server.exec.protocols = [protocol]
      const long = 'ünd so weiter; '.repeat(20_000)
      const answer = await run({ stdout: long, stderr: 'a warning' })
      expect(answer).to.deep.equal({ stdout: long, stderr: 'a warning', exitCode: 0 })
      expect(server.exec.executed).to.deep.equal([{ ...where, command, protocol }])
      await nothingOpen()
    })
  }

  it('says the exit status of a command that failed, with what it said', async () => {
    const answer = await run({ stderr: 'tandem: is not answered\n', exitCode: 2 })
    expect(answer).to.include({ stderr: 'tandem: is not answered\n', exitCode: 2 })
  })

  it('says why a command could not be run', async () => {
    const answer = await run({ failure: 'exec: "tandem": executable file not found in $PATH' })
    expect(answer).to.include({ exitCode: undefined, problem: 'exec: "tandem": executable file not found in $PATH' })
  })

  it("is refused in the API server's own words", async () => {
    server.answer(403, { path: /exec/ })
    const error = await failure(run())
    expect(error).to.be.instanceOf(ApiError).and.include({ status: 403, reason: 'Forbidden' })
    expect((await failure(run({}, { pod: 'gone' }))).message).to.equal('pods "gone" not found')
    const wrong = await failure(run({}, { container: 'sidecar' }))
    expect(wrong.message).to.equal('container sidecar is not valid for pod tandem-node-1')
  })

  it('is refused by a server that knows neither protocol', async () => {
    server.exec.protocols = ['channel.k8s.io']
    expect((await failure(run())).message).to.include('unable to upgrade')
  })

  it('is no answer when the connection goes before the status', async () => {
    const error = await failure(run({ stdout: '{"peers": [', instead: 'cut' }))
    expect(error.message).to.equal('the connection ended before the answer did')
    await server.pause()
    expect((await failure(run())).message).to.include('ECONNREFUSED')
  })

  for (const instead of ['silence', 'no upgrade'] as const) {
    it(`is given up in time where the server answers with ${instead}, and the connection goes`, async () => {
      const giveUp = new AbortController()
      const asked = failure(run({ stdout: 'half', instead }, {}, giveUp.signal))
      while (server.exec.openCount === 0) await new Promise((go) => setTimeout(go, 5))
      giveUp.abort(new Error('no answer within 1 s'))
      expect((await asked).message).to.equal('no answer within 1 s')
      await nothingOpen()
    })
  }

  it('brings the token of the kubeconfig, of the context that was chosen', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tandem-exec-'))
    const kubeconfig = join(folder, 'config')
    const config = {
      clusters: [{ name: 'lab', cluster: { server: server.url } }],
      users: [{ name: 'me', user: { token: 'sesame' } }],
      contexts: [
        { name: 'nobody', context: { cluster: 'lab' } },
        { name: 'mine', context: { cluster: 'lab', user: 'me' } },
      ],
      'current-context': 'nobody',
    }
    writeFileSync(kubeconfig, JSON.stringify(config))
    server.token = 'sesame'
    const open = (context?: string) => ApiConnection.open({ kubeconfig, master: '', ...(context && { context }) })
    const nobody = await open()
    const signal = AbortSignal.timeout(5000)
    expect((await failure(nobody.exec({ ...where, command }, signal))).message).to.equal('Unauthorized')
    const mine = await open('mine')
    expect((await mine.exec({ ...where, command }, signal)).exitCode).to.equal(0)
    expect((await failure(open('other'))).message).to.equal('it has no context "other", but nobody, mine')
    for (const one of [nobody, mine]) one.close()
    rmSync(folder, { recursive: true })
  })

  it('is cut off when it says more than there is room for', async () => {
    const error = await failure(run({ stdout: 'x'.repeat(65 * 1024 * 1024) }))
    expect(error.message).to.equal('the answer is larger than 64 MiB: ask for less')
    await nothingOpen()
  })

  it('is run over IPv6 as well', async () => {
    const relay = createTcpServer((near) => {
      const far = connect(Number(new URL(server.url).port), '127.0.0.1')
      near.pipe(far).pipe(near)
      for (const socket of [near, far]) socket.on('error', () => [near, far].map((one) => one.destroy()))
    })
    await new Promise<void>((listening) => relay.listen(0, '::1', listening))
    const master = `http://[::1]:${(relay.address() as AddressInfo).port}`
    const far = await ApiConnection.open({ kubeconfig: '', master })
    server.exec.plays = () => ({ stdout: 'there' })
    expect((await far.exec({ ...where, command }, AbortSignal.timeout(5000))).stdout).to.equal('there')
    far.close()
    await new Promise((closed) => relay.close(closed))
  })

  it('goes through the proxy that the kubeconfig names, as every request does', async () => {
    const ways: string[] = []
    const proxy = createServer().on('connect', ({ url = '' }, near: Duplex) => {
      ways.push(url)
      const far = connect(Number(new URL(server.url).port), '127.0.0.1', () => {
        near.write('HTTP/1.1 200 OK\r\n\r\n')
        near.pipe(far).pipe(near)
      })
      for (const socket of [near, far])
        socket.on('error', () => {}).on('close', () => [near, far].map((one) => one.destroy()))
    })
    await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening))
    const folder = mkdtempSync(join(tmpdir(), 'tandem-exec-'))
    const kubeconfig = join(folder, 'config')
    const port = (proxy.address() as AddressInfo).port
    const cluster = { server: 'http://api.invalid:6443', 'proxy-url': `http://127.0.0.1:${port}` }
    const contexts = [{ name: 'c', context: { cluster: 'c' } }]
    writeFileSync(kubeconfig, JSON.stringify({ clusters: [{ name: 'c', cluster }], contexts, 'current-context': 'c' }))
    const far = await ApiConnection.open({ kubeconfig, master: '' })
    const pods = (await far.request({ path: '/api/v1/pods' })) as { items: unknown[] }
    expect(pods.items).to.have.lengthOf(1)
    expect((await far.exec({ ...where, command }, AbortSignal.timeout(5000))).exitCode).to.equal(0)
    expect(ways).to.deep.equal(['api.invalid:6443', 'api.invalid:6443'])
    far.close()
    proxy.closeAllConnections()
    await new Promise((closed) => proxy.close(closed))
    rmSync(folder, { recursive: true })
  })
})
