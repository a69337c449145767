/**
 * What the API source relies on of an API server, told as one suite that every server has to pass: the fake one of the unit tests, and the
 * real one of the cluster tests. So neither the client nor the fake can drift from what is real.
 */

import { expect } from 'chai'
import { type ApiClient, ApiSource, type View, type ViewChange } from '../../controllers/index.ts'
import { nodeClock } from '../../speaker/index.ts'
import { type KubeObject, nodeObject, service, sliceObject } from '../support/kube-objects.ts'
import { eventually } from '../topology/runner.ts'

export interface ContractServer {
  readonly api: ApiClient
  apply(...objects: KubeObject[]): Promise<void>
  remove(kind: string, name: string): Promise<void>
  /** Every open connection breaks; new ones are taken. */
  cutConnections(): Promise<void>
  /** Resource versions of before are no longer known. */
  expireVersions(): Promise<void>
  /** What clients present is no longer good, until `trust`. */
  distrust(): Promise<void>
  trust(): Promise<void>
  stop(): Promise<void>
}

export function describeApiSource(name: string, start: () => Promise<ContractServer>): void {
  describe(`the API source, of ${name}`, () => {
    let server: ContractServer
    let source: ApiSource
    let view: View | undefined
    let changes: ViewChange[]
    const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

    const follow = (onlyNode?: string) => {
      changes = []
      view = undefined
      source = new ApiSource(
        { clock: nodeClock, random: () => 0.05, log: silent, api: server.api },
        onlyNode === undefined ? {} : { onlyNode },
      )
      source.start((now, change) => {
        view = now
        if (change) changes.push(change)
      })
      return eventually('the first view', 20_000, async () => view !== undefined)
    }
    const services = () => [...(view?.services.keys() ?? [])].sort()
    const slices = () => [...(view?.endpointSlices.keys() ?? [])].sort()
    const until = (what: string, holds: () => boolean) => eventually(what, 30_000, async () => holds())

    before(async function () {
      this.timeout(90_000)
      server = await start()
      await server.apply(nodeObject('node-1'), nodeObject('node-2', { addresses: ['10.0.0.3'] }))
      await server.apply(
        service('web'),
        sliceObject('web', 'IPv4', [{ on: 'node-1' }]),
        sliceObject('web', 'IPv6', [{ on: 'node-2' }]),
      )
    })

    afterEach(() => source?.stop())
    after(async () => server?.stop())

    it('is told whole at first: Nodes, Services and slices of both families, projected to what is read', async () => {
      await follow()
      expect([...view!.nodes.keys()].sort()).to.deep.equal(['node-1', 'node-2'])
      expect(view!.nodes.get('node-1')).to.deep.include({
        podCidrs: ['10.244.1.0/24', 'fd00:244:1::/64'],
        addresses: [
          { type: 'InternalIP', address: '10.0.0.2' },
          { type: 'InternalIP', address: 'fd00::2' },
        ],
        ready: 'True',
      })
      expect(services()).to.include('default/web')
      expect(slices()).to.deep.equal(['default/web-ipv4', 'default/web-ipv6'])
      expect(view!.endpointSlices.get('default/web-ipv6')?.endpoints).to.deep.equal([
        { addresses: [], nodeName: 'node-2', ready: true, serving: true, terminating: false },
      ])
    })

    it('sees one Node alone where that is all it needs', async () => {
      await follow('node-2')
      expect([...view!.nodes.keys()]).to.deep.equal(['node-2'])
    })

    it('follows what comes, changes and goes, and says which keys', async () => {
      await follow()
      changes = []
      await server.apply(service('api', { externalIPs: ['2001:db8:51::1'] }))
      await until('it is there', () => view!.services.has('default/api'))
      await server.apply(service('api', { externalIPs: ['198.51.100.1', '2001:db8:51::1'] }))
      await until('it has changed', () => view!.services.get('default/api')?.externalIps.length === 2)
      await server.remove('Service', 'default/api')
      await until('it is gone', () => !view!.services.has('default/api'))
      const keys = new Set(changes.flatMap((change) => [...change.services]))
      expect([...keys]).to.deep.equal(['default/api'])
    })

    it('sees no slices of headless services, and loses a slice that loses its label', async () => {
      await follow()
      const label = (object: KubeObject, labels: object) => ({ ...object, metadata: { ...object.metadata, labels } })
      const named = { 'kubernetes.io/service-name': 'db' }
      const slice = sliceObject('db', 'IPv4', [{ on: 'node-1' }])
      await server.apply(label(slice, { ...named, 'service.kubernetes.io/headless': '' }))
      await server.apply(sliceObject('mark', 'IPv6', []))
      await until('a later one is there', () => slices().includes('default/mark-ipv6'))
      expect(slices()).to.not.include('default/db-ipv4')
      await server.apply(label(slice, named))
      await until('it counts', () => slices().includes('default/db-ipv4'))
      await server.apply(label(slice, { 'kubernetes.io/service-name': 'db', 'service.kubernetes.io/headless': '' }))
      await until('it no longer counts', () => !slices().includes('default/db-ipv4'))
      for (const name of ['default/db-ipv4', 'default/mark-ipv6']) await server.remove('EndpointSlice', name)
    })

    it('is told nothing by what is not read: labels of others, heartbeats', async () => {
      await follow()
      changes = []
      const node = nodeObject('node-1')
      await server.apply({ ...node, metadata: { ...node.metadata, labels: { beat: String(Date.now()) } } })
      await server.apply(service('mark'))
      await until('a later change is there', () => view!.services.has('default/mark'))
      await server.remove('Service', 'default/mark')
      await until('it is gone', () => !view!.services.has('default/mark'))
      expect(changes.flatMap((change) => [...change.nodes])).to.deep.equal([])
    })

    it('resumes where it was when its connections break, without listing again', async () => {
      await follow()
      const before = source.health.map(({ lists }) => lists)
      await server.cutConnections()
      await server.apply(service('after-cut'))
      await until('it is there', () => view!.services.has('default/after-cut'))
      expect(source.health.map(({ lists }) => lists)).to.deep.equal(before)
      await server.remove('Service', 'default/after-cut')
      await until('it is gone', () => !view!.services.has('default/after-cut'))
    }).timeout(60_000)

    it('lists again when its version has expired, and tells the difference alone', async () => {
      await server.apply(service('doomed'))
      await follow()
      expect(services()).to.include('default/doomed')
      await server.distrust()
      await server.cutConnections()
      await until('every watch is down', () => source.health.every(({ watching }) => !watching))
      expect(services()).to.include('default/doomed')
      await server.remove('Service', 'default/doomed')
      await server.expireVersions()
      changes = []
      await server.trust()
      await until('what went meanwhile is gone', () => !view!.services.has('default/doomed'))
      await until('every watch is up', () => source.health.every(({ watching }) => watching))
      expect(source.health.some(({ lists }) => lists > 1)).to.equal(true)
      expect([...new Set(changes.flatMap((change) => [...change.services]))]).to.deep.equal(['default/doomed'])
      expect(changes.flatMap((change) => [...change.nodes, ...change.endpointSlices])).to.deep.equal([])
    }).timeout(90_000)
  })
}
