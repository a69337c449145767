/**
 * Secrets stay inside: the daemon as its image runs it is given passwords in every way there is, good ones and unusable ones, and a token.
 * None of them is in anything that leaves the process, plain or in another form.
 */

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { ask } from '../../daemon/admin/client.ts'
import { Stage } from '../chaos/stage.ts'
import { imageUser } from '../support/image.ts'
import { nodeObject, service } from '../support/kube-objects.ts'
import { eventually } from '../topology/runner.ts'

/** Words that are nowhere else, by the way that they are given in. */
const canaries = {
  flag: 'canary-of-the-flag-7f3a',
  annotation: 'canary-of-the-annotation-91bc',
  'annotation with one fault': 'canary-of-the-fault-55de',
  'annotation too long': `canary-too-long-${'x'.repeat(80)}`,
  file: 'canary-of-the-file-c04d',
  token: 'canary-of-the-token-e8e1',
} as const

const base64 = (text: string) => Buffer.from(text).toString('base64')

/** What would give a secret away: its text, and the forms that it takes on its way. */
function forms(secret: string): string[] {
  return [secret, base64(secret).replace(/=+$/, ''), Buffer.from(secret).toString('hex'), encodeURIComponent(secret)]
}

const leaks = (text: string) =>
  Object.entries(canaries).flatMap(([way, secret]) => (forms(secret).some((form) => text.includes(form)) ? [way] : []))

describe('secrets', function () {
  this.timeout(90_000)
  let stage: Stage
  const peer = (remoteip: string, remoteasn: number, more: object) => ({ remoteip, remoteasn, ...more })

  before(async () => {
    stage = await Stage.set({
      source: 'api',
      graceful: false,
      peers: 'annotations',
      flags: ['--log-level=debug'],
    })
    execFileSync('chmod', ['755', stage.topology.work])
  })

  after(async () => stage?.clear())

  const annotated = (peers: readonly object[]) =>
    nodeObject('node-1', { metadata: { annotations: { 'kube-router.io/peers': JSON.stringify(peers) } } })

  it('are in no log, event, annotation, answer or argument, whichever way they came in', async () => {
    const passwords = join(stage.topology.work, 'passwords')
    execFileSync('mkdir', ['-m', '755', passwords])
    writeFileSync(join(passwords, 'tor'), `${canaries.file}\n`, { mode: 0o644 })
    stage.api.token = canaries.token
    const kubeconfig = join(stage.topology.work, 'kubeconfig')
    const cluster = { name: 'c', cluster: { server: stage.apiUrl } }
    const user = { name: 'u', user: { token: canaries.token } }
    const context = { name: 'x', context: { cluster: 'c', user: 'u' } }
    const config = { kind: 'Config', clusters: [cluster], users: [user], contexts: [context], 'current-context': 'x' }
    writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 })
    execFileSync('chown', [`${imageUser}`, kubeconfig])
    stage.api.apply(
      annotated([
        peer('10.0.0.1', 65001, { password: base64(canaries.annotation) }),
        peer('fd00::1', 65001, { 'password-from': 'tor' }),
      ]),
    )
    stage.api.apply(service('web', { clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10', 'fd00:96::10'] }))
    const program = stage.startDaemon({
      api: `--kubeconfig=${kubeconfig}`,
      flags: [`--peer-passwords-dir=${passwords}`],
    })
    await eventually('the daemon has its peers', 20_000, async () => (await stage.snapshot()).peers.length === 2)
    const said: string[] = []
    const listen = async () => {
      for (const path of ['/v1/status', '/v1/peers', '/v1/routes?view=best', '/v1/routes?view=out', '/v1/plan'])
        said.push(JSON.stringify(await ask(stage.socket, path)))
      for (const subject of ['peer/10.0.0.1', 'peer/fd00::1', 'node/node-1', 'default/web', '10.96.0.10'])
        said.push(JSON.stringify(await ask(stage.socket, `/v1/explain?${new URLSearchParams({ subject })}`)))
      for (const { name } of (await stage.snapshot()).peers) {
        for (const router of ['frr', 'bird']) {
          const query = new URLSearchParams({ subject: `peer/${name}`, router })
          said.push(JSON.stringify(await ask(stage.socket, `/v1/explain?${query}`)))
        }
      }
    }
    await listen()
    // Unusable ones: an entry that is wrong elsewhere, and a key that is too long.
    const faulty = peer('10.0.0.1', 65001, { password: base64(canaries['annotation with one fault']), bogus: true })
    stage.api.apply(annotated([faulty]))
    await eventually('the fault is found', 10_000, async () => {
      const { findings } = await ask<{ findings: object[] }>(stage.socket, '/v1/status')
      return findings.length > 0
    })
    await listen()
    stage.api.apply(annotated([peer('10.0.0.1', 65001, { password: base64(canaries['annotation too long']) })]))
    await eventually('the key is refused', 10_000, async () => {
      return (await stage.snapshot()).peers.some(({ blocked }) => blocked !== undefined)
    })
    await listen()
    const words = readFileSync(`/proc/${program.pid}/cmdline`, 'latin1')
    const files = readdirSync(stage.own).map((name) => join(stage.own, name))
    const written = files.filter((name) => !name.endsWith('.sock')).map((name) => readFileSync(name, 'latin1'))
    const events = JSON.stringify(stage.api.list('Event'))
    const node = JSON.stringify(stage.api.get('Node', undefined, 'node-1')?.status ?? {})
    const urls = JSON.stringify(stage.api.requests.map(({ path, query }) => [path, query]))
    const places = {
      log: program.log(),
      answers: said.join('\n'),
      words,
      files: written.join('\n'),
      events,
      node,
      urls,
    }
    for (const [place, text] of Object.entries(places)) expect(leaks(text), place).to.deep.equal([])
    // The search finds what is there.
    expect(leaks(JSON.stringify(stage.api.get('Node', undefined, 'node-1')))).to.deep.equal(['annotation too long'])
    expect(program.log()).to.include('10.0.0.1')
  })

  it('are gone from the arguments of the process, though they came in by them', async () => {
    await stage.killDaemon()
    const program = stage.startDaemon({
      flags: [
        '--peer-router-ips=10.0.0.1,fd00::1',
        '--peer-router-asns=65001,65001',
        `--peer-router-passwords=${base64(canaries.flag)},${base64(canaries.flag)}`,
      ],
    })
    await eventually('the daemon runs', 20_000, async () => program.log().includes('"msg"'))
    expect(leaks(readFileSync(`/proc/${program.pid}/cmdline`, 'latin1'))).to.deep.equal([])
    expect(leaks(program.log())).to.deep.equal([])
  })

  it('are in nothing that a crash writes', async () => {
    // As after a mistake of ours or of V8: all that Node writes by itself.
    process.kill(stage.daemon.pid, 'SIGABRT')
    await stage.daemon.ended
    expect(leaks(stage.daemon.log())).to.deep.equal([])
    expect(readdirSync(stage.own).filter((name) => /report|core|heap/.test(name))).to.deep.equal([])
  })
})
