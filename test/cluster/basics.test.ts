/** The daemon as it is deployed, against a real API server: it starts, it is allowed what it asks for, it follows. */

import { expect } from 'chai'
import { nodeObject, service, sliceObject } from '../support/kube-objects.ts'
import { servers } from './given.ts'
import { basicFlags, Stage } from './stage.ts'

const planned = [
  '10.244.1.0/24 via 10.0.0.2',
  'fd00:244:1::/64 via fd00::2',
  '203.0.113.1/32 via 10.0.0.2',
  '2001:db8:113::1/128 via fd00::2',
]

describe('beside a real API server', () => {
  let stage: Stage

  before(async () => {
    stage = await Stage.set(servers())
    await stage.control.apply(
      nodeObject(),
      service(
        'web',
        { type: 'LoadBalancer', externalTrafficPolicy: 'Local' },
        { ingress: [{ ip: '203.0.113.1' }, { ip: '2001:db8:113::1' }] },
      ),
      sliceObject('web', 'IPv4', [{ on: 'node-1' }]),
      sliceObject('web', 'IPv6', [{ on: 'node-1' }]),
    )
  })

  after(async () => stage?.clear())

  it('advertises what the objects ask for, in both families', async () => {
    stage.startDaemon()
    await stage.routerHas(planned)
  })

  it('finds the API server by a kubeconfig as well as by its service account', async () => {
    await stage.daemon.stop()
    await stage.routerHas([])
    const path = stage.writeKubeconfig()
    stage.startDaemon([...basicFlags, `--kubeconfig=${path}`], { KUBERNETES_SERVICE_HOST: '' })
    await stage.routerHas(planned)
  })

  it('prints the plan without a session, from the API server', async () => {
    const text = await stage.runTandem(['plan', ...basicFlags, `--kubeconfig=${stage.writeKubeconfig()}`])
    expect(text).to.include('203.0.113.1/32').and.to.include('2001:db8:113::1/128')
  })

  it('is told by check that it may do all that it has to', async () => {
    const flags = ['check', '-o', 'json', ...basicFlags, `--kubeconfig=${stage.writeKubeconfig()}`]
    // Not all is well: nobody switched forwarding on in the namespace.
    const text = await stage.runTandem(flags).catch((error: unknown) => String((error as { stdout?: unknown }).stdout))
    const checks = JSON.parse(text) as { name: string; ok: boolean }[]
    const rights = checks.filter(({ name }) => name.startsWith('may '))
    expect(rights.length).to.be.at.least(6)
    expect(rights.filter(({ ok }) => !ok)).to.deep.equal([])
    expect(checks.find(({ name }) => name === 'node node-1')?.ok).to.equal(true)
    expect(checks.filter(({ name, ok }) => name.startsWith('peer ') && ok).length).to.be.at.least(1)
  })

  it('is not root, and was refused nothing', async () => {
    const asked = stage.control.audit().filter(({ user }) => user.endsWith(':tandem'))
    expect(asked).to.not.deep.equal([])
    expect(asked.filter(({ code }) => code === 403 || code === 401)).to.deep.equal([])
  })
})
