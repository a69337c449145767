/** All nodes asked through a real API server: its listing, its rights as the guide has them, and its `pods/exec`, down to a running daemon. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseAllDocuments } from 'yaml'
import { laidOutImage } from '../support/image.ts'
import { daemonPod, type KubeObject, nodeObject } from '../support/kube-objects.ts'
import { servers } from './given.ts'
import { Stage } from './stage.ts'

const guide = readFileSync(join(import.meta.dirname, '../../docs/howto/all-nodes.md'), 'utf8')
const account = { kind: 'ServiceAccount', name: 'laptop', namespace: 'tandem-system' }
const kubeletPort = 10250

const bound = (kind: 'Role' | 'ClusterRole', name: string): KubeObject => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: `${kind}Binding`,
  metadata: { name, ...(kind === 'Role' && { namespace: account.namespace }) },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
  subjects: [account],
})

describe('all nodes beside a real API server', () => {
  let stage: Stage
  let kubeconfig: string

  before(async () => {
    stage = await Stage.set(servers())
    const { control, topology } = stage
    // The API server prefers a node's host name: here the address on the network that both are on.
    const node = nodeObject()
    const { addresses } = node['status'] as { addresses: object[] }
    const daemonEndpoints = { kubeletEndpoint: { Port: kubeletPort } }
    const hostname = { type: 'Hostname', address: '10.9.0.2' }
    await control.apply(
      { ...node, status: { addresses: [hostname, ...addresses], daemonEndpoints } },
      nodeObject('node-2', { addresses: ['10.0.0.3', 'fd00::3'] }),
      daemonPod('node-1'),
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account.name, namespace: account.namespace } },
    )
    const kubelet = join(import.meta.dirname, 'kubelet.ts')
    const { certificate, key } = control.keyPair
    const command = [...laidOutImage().command]
    topology.start('node-1', [process.execPath, kubelet, certificate, key, String(kubeletPort), ...command])
    kubeconfig = await laptop()
    stage.startDaemon()
    await stage.sessionsUp()
  })

  after(async () => stage?.clear())

  async function laptop(): Promise<string> {
    const path = stage.writeKubeconfig()
    const answer = (await stage.control.must(
      'POST',
      `/api/v1/namespaces/${account.namespace}/serviceaccounts/${account.name}/token`,
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } },
    )) as { status: { token: string } }
    const config = JSON.parse(readFileSync(path, 'utf8')) as object
    const own = `${path}-laptop`
    writeFileSync(own, JSON.stringify({ ...config, users: [{ name: 'tandem', user: { token: answer.status.token } }] }))
    return own
  }

  /** All that was said; a status other than 0 is part of it. */
  function asked(...words: string[]): Promise<string> {
    const flags = ['--all-nodes', '--kubeconfig', kubeconfig, '--admin-socket', stage.socket]
    return stage.runTandem([...words, ...flags]).catch((error: unknown) => {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
      return `${stdout}${stderr}exit status ${code}`
    })
  }

  it('says which right is lacking, until the rights are as the guide has them', async () => {
    expect(await asked('peers')).to.match(
      /nodes is forbidden: .*laptop.*rights: docs\/howto\/all-nodes\.md\nexit status 1$/,
    )
    const [, text = ''] = /```yaml\n([\s\S]*?)```/.exec(guide) ?? []
    const roles = parseAllDocuments(text).map((document) => document.toJS() as KubeObject)
    expect(roles.map(({ kind }) => kind)).to.deep.equal(['ClusterRole', 'Role'])
    const [wide, narrow] = roles as [KubeObject, KubeObject]
    const rules = narrow['rules'] as { resources: string[] }[]
    const listing = { ...narrow, rules: rules.filter(({ resources }) => !resources.includes('pods/exec')) }
    await stage.control.apply(
      wide,
      listing,
      bound('ClusterRole', wide.metadata.name),
      bound('Role', narrow.metadata.name),
    )
    expect(await asked('peers')).to.match(/^node-1 .*cannot get resource "pods\/exec".*rights: docs\/howto/m)
    await stage.control.apply(narrow)
    expect(await asked('peers')).to.include('1 of 2 nodes answered')
  })

  it('shows the sessions of a daemon in its pod, and the node that has no pod', async () => {
    const text = await asked('peers')
    expect(text).to.match(/^NODE +PEER /)
    for (const peer of ['10.0.0.1', 'fd00::1'])
      expect(text).to.match(new RegExp(`^node-1 +${peer} +65001 .*Established`, 'm'))
    expect(text).to.match(/^node-2 +no pod of app\.kubernetes\.io\/name=tandem in namespace tandem-system$/m)
    expect(text)
      .to.include('2 of 2 sessions are up')
      .and.to.match(/exit status 1$/)
  })

  it('shows the routes of both families', async () => {
    const text = await asked('routes', 'out')
    for (const prefix of ['10.244.1.0/24', 'fd00:244:1::/64'])
      for (const peer of ['10.0.0.1', 'fd00::1'])
        expect(text).to.match(new RegExp(`^node-1 +${prefix} .* ${peer} `, 'm'))
  })

  it('says what the command in the pod said when it fails', async () => {
    expect(await asked('routes', 'out', '--peer', 'x', '--family', 'ipv6-unicast')).to.include('no routes')
    const text = await stage
      .runTandem(['peers', '--all-nodes', '--kubeconfig', kubeconfig, '--admin-socket', '/nowhere'])
      .catch((error: unknown) => String((error as { stdout: string }).stdout))
    expect(text).to.match(/^node-1 +pod tandem-node-1: --admin-socket: "\/nowhere" is not answered/m)
  })
})
