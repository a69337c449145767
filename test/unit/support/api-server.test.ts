/** The API server of the tests, as a client sees it. What is said here was seen of a kube-apiserver 1.34 first. */

import { expect } from 'chai'
import { FakeApiServer } from '../../support/api-server/api-server.ts'
import { nodeObject, service, sliceObject } from '../../support/kube-objects.ts'

interface Body {
  readonly kind?: string
  readonly apiVersion?: string
  readonly code?: number
  readonly reason?: string
  readonly details?: object
  readonly type?: string
  readonly metadata: Readonly<Record<string, unknown>> & { readonly resourceVersion: string; readonly name: string }
  readonly items: readonly Body[]
  readonly [field: string]: unknown
}

interface WatchEvent {
  readonly type: string
  readonly object: Body
}

const configMaps = '/api/v1/namespaces/default/configmaps'
const services = '/api/v1/namespaces/default/services'
const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases'
const merge = 'application/merge-patch+json'
const initialEvents = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'

const configMap = (name: string, labels: object = {}, data: object = { a: '1' }, namespace = 'default') => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, labels },
  data,
})
const lease = (name: string, holderIdentity: string, metadata: object = {}) => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name, ...metadata },
  spec: { holderIdentity },
})
const names = (list: Body) => list.items.map(({ metadata }) => metadata.name)
const told = (events: readonly WatchEvent[]) =>
  events.map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`)

/** The far side of one watch. */
class Following {
  readonly events: WatchEvent[] = []
  readonly status: number
  /** What was left after the last whole line, once the server has ended the answer; rejects when the connection broke. */
  readonly end: Promise<string>
  #wake: () => void = () => {}

  constructor(answer: Response) {
    this.status = answer.status
    this.end = this.#read(answer)
    this.end.catch(() => {})
  }

  async upTo(count: number): Promise<readonly WatchEvent[]> {
    while (this.events.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.events
  }

  async #read({ body }: Response): Promise<string> {
    let rest = ''
    const decoder = new TextDecoder()
    for await (const chunk of body!) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop()!
      for (const line of lines) this.events.push(JSON.parse(line) as WatchEvent)
      this.#wake()
    }
    return rest
  }
}

describe('the API server of the tests', () => {
  let server: FakeApiServer

  beforeEach(async () => {
    server = await FakeApiServer.start()
  })
  afterEach(() => server.stop())

  const ask = async (method: string, path: string, body?: object, contentType = 'application/json') => {
    const init = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': contentType } }
    const answer = await fetch(server.url + path, { method, ...init })
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Body }
  }
  const get = async (path: string) => (await ask('GET', path)).body
  const follow = async (path: string) => new Following(await fetch(server.url + path))
  const refusal = ({ status, body }: { status: number; body: Body }) => {
    expect(body).to.include({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status })
    return `${status} ${body.reason}`
  }

  describe('lists', () => {
    it('by namespace and name, at the revision of now, items without what the list says', async () => {
      for (const [name, namespace] of [
        ['b', 'default'],
        ['a', 'default'],
        ['z', 'a-team'],
      ] as const)
        server.apply(configMap(name, {}, {}, namespace))
      const { metadata } = server.apply(service('web'))
      const list = await get('/api/v1/configmaps')
      expect(list).to.include({ kind: 'ConfigMapList', apiVersion: 'v1' })
      expect(names(list)).to.deep.equal(['z', 'a', 'b'])
      expect(list.metadata.resourceVersion).to.equal(metadata.resourceVersion)
      for (const item of list.items) expect(item).to.not.have.any.keys('kind', 'apiVersion')
      expect(names(await get(configMaps))).to.deep.equal(['a', 'b'])
    })

    it('in pages of one revision, whatever comes and goes meanwhile', async () => {
      for (const name of ['a', 'b', 'c', 'd']) server.apply(configMap(name))
      const first = await get(`${configMaps}?limit=2`)
      expect(first.metadata).to.include({ remainingItemCount: 2 })
      server.remove('ConfigMap', 'default', 'd')
      server.apply(configMap('bb'))
      const second = await get(`${configMaps}?limit=2&continue=${first.metadata['continue']}`)
      expect([...names(first), ...names(second)]).to.deep.equal(['a', 'b', 'c', 'd'])
      expect(second.metadata.resourceVersion).to.equal(first.metadata.resourceVersion)
      expect(second.metadata).to.not.have.property('continue')
    })

    it('refuses to go on after a compaction with 410, and offers the rest as of now', async () => {
      for (const name of ['a', 'b', 'd']) server.apply(configMap(name))
      const first = await get(`${configMaps}?limit=1`)
      server.apply(configMap('c'))
      server.compact()
      const expired = await ask('GET', `${configMaps}?limit=1&continue=${first.metadata['continue']}`)
      expect(refusal(expired)).to.equal('410 Expired')
      const rest = await get(`${configMaps}?continue=${expired.body.metadata['continue']}`)
      expect(names(rest)).to.deep.equal(['b', 'c', 'd'])
    })

    const selectors: readonly (readonly [selector: string, selected: readonly string[]])[] = [
      ['app=web', ['a', 'b']],
      ['app==web,tier!=back', ['a']],
      ['tier in (front, back)', ['a', 'b']],
      ['tier notin (front)', ['b', 'c']],
      ['tier', ['a', 'b']],
      ['!tier', ['c']],
      ['app,!missing', ['a', 'b', 'c']],
      ['empty=', ['c']],
    ]
    for (const [selector, selected] of selectors) {
      it(`selects by label: ${selector}`, async () => {
        server.apply(configMap('a', { app: 'web', tier: 'front' }))
        server.apply(configMap('b', { app: 'web', tier: 'back' }))
        server.apply(configMap('c', { app: 'db', empty: '' }))
        const list = await get(`${configMaps}?labelSelector=${encodeURIComponent(selector)}`)
        expect(names(list)).to.deep.equal(selected)
      })
    }

    it('selects by name and namespace, and refuses fields and selectors that it does not know', async () => {
      server.apply(configMap('a'))
      server.apply(configMap('a', {}, {}, 'other'))
      const one = await get('/api/v1/configmaps?fieldSelector=metadata.name%3Da,metadata.namespace!%3Dother')
      expect(one.items.map(({ metadata }) => metadata['namespace'])).to.deep.equal(['default'])
      for (const query of [
        'fieldSelector=spec.x%3D1',
        'labelSelector=a%20b',
        'labelSelector=a,',
        'limit=x',
        'watch=1&timeoutSeconds=x',
      ])
        expect(refusal(await ask('GET', `${configMaps}?${query}`)), query).to.equal('400 BadRequest')
    })
  })

  describe('watches', () => {
    it('tell what came after the version, whole objects with their kind', async () => {
      server.apply(configMap('before'))
      const { metadata } = await get(configMaps)
      server.apply(configMap('a'))
      const watch = await follow(`${configMaps}?watch=true&resourceVersion=${metadata.resourceVersion}`)
      server.apply(configMap('a', {}, { a: '2' }))
      server.apply(service('of another kind'))
      server.apply(configMap('elsewhere', {}, {}, 'other'))
      server.remove('ConfigMap', 'default', 'a')
      const events = await watch.upTo(3)
      expect(told(events)).to.deep.equal(['ADDED a', 'MODIFIED a', 'DELETED a'])
      for (const { object } of events) expect(object).to.include({ kind: 'ConfigMap', apiVersion: 'v1' })
    })

    for (const version of ['', '&resourceVersion=0']) {
      it(`begin with all that there is where the query is watch=true${version}`, async () => {
        server.apply(configMap('b'))
        server.apply(configMap('a'))
        const watch = await follow(`${configMaps}?watch=true${version}`)
        server.apply(configMap('c'))
        expect(told(await watch.upTo(3))).to.deep.equal(['ADDED a', 'ADDED b', 'ADDED c'])
      })
    }

    it('call it deleted what leaves the selector and added what enters it', async () => {
      const { metadata } = server.apply(configMap('a', { on: '1' }, { n: '1' }))
      const from = `resourceVersion=${metadata.resourceVersion}`
      const watch = await follow(`${configMaps}?watch=true&labelSelector=on%3D1&${from}`)
      server.apply(configMap('a', { on: '1' }, { n: '2' }))
      const left = server.apply(configMap('a', { on: '0' }, { n: '3' }))
      server.apply(configMap('a', { on: '0' }, { n: '4' }))
      server.apply(configMap('a', { on: '1' }, { n: '5' }))
      const events = await watch.upTo(3)
      expect(told(events)).to.deep.equal(['MODIFIED a', 'DELETED a', 'ADDED a'])
      // As it was when it still was selected, at the version of the change.
      expect(events[1]!.object).to.deep.include({ data: { n: '2' } })
      expect(events[1]!.object.metadata.resourceVersion).to.equal(left.metadata.resourceVersion)
    })

    it('give a deleted object the version of its deletion', async () => {
      const { metadata } = server.apply(configMap('a'))
      const watch = await follow(`${configMaps}?watch=true&resourceVersion=${metadata.resourceVersion}`)
      server.remove('ConfigMap', 'default', 'a')
      const [deleted] = await watch.upTo(1)
      expect(Number(deleted!.object.metadata.resourceVersion)).to.be.greaterThan(Number(metadata.resourceVersion))
      expect(deleted!.object.metadata.resourceVersion).to.equal((await get(configMaps)).metadata.resourceVersion)
    })

    it('from a compacted version are answered with 200 and a 410 as their only event; open ones go on', async () => {
      const { metadata } = server.apply(configMap('a'))
      const path = `${configMaps}?watch=true&resourceVersion=${metadata.resourceVersion}`
      const open = await follow(path)
      server.compact()
      const late = await follow(path)
      expect(await late.end).to.equal('')
      expect(late.status).to.equal(200)
      expect(late.events).to.have.length(1)
      expect(late.events[0]).to.deep.include({ type: 'ERROR' })
      expect(late.events[0]!.object).to.include({ kind: 'Status', code: 410, reason: 'Expired' })
      server.apply(configMap('b'))
      expect(told(await open.upTo(1))).to.deep.equal(['ADDED b'])
    })

    it('end cleanly after timeoutSeconds', async () => {
      const watch = await follow(`${configMaps}?watch=true&timeoutSeconds=1`)
      expect(await watch.end).to.equal('')
      expect(server.openWatches).to.deep.equal([])
    })

    it('are sent bookmarks if they asked for them', async () => {
      const asking = await follow(`${configMaps}?watch=true&allowWatchBookmarks=true`)
      const other = await follow(`${configMaps}?watch=true`)
      const { metadata } = server.apply(service('web'))
      server.bookmark()
      server.apply(configMap('a'))
      const [bookmark] = await asking.upTo(2)
      const { resourceVersion } = metadata
      const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion } }
      expect(bookmark).to.deep.equal({ type: 'BOOKMARK', object })
      expect(told(await other.upTo(1))).to.deep.equal(['ADDED a'])
    })

    it('stream a list, say where it ends, and go on', async () => {
      server.apply(configMap('a'))
      const watch = await follow(`${configMaps}?${initialEvents}`)
      server.apply(configMap('b'))
      const events = await watch.upTo(3)
      expect(told(events)).to.deep.equal(['ADDED a', 'BOOKMARK ', 'ADDED b'])
      expect(events[1]!.object.metadata).to.deep.equal({
        resourceVersion: events[0]!.object.metadata.resourceVersion,
        annotations: { 'k8s.io/initial-events-end': 'true' },
      })
    })

    it('refuse a streamed list that is asked for wrongly, or of a server that has none', async () => {
      const wrong = await ask('GET', `${configMaps}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true`)
      expect(refusal(wrong)).to.equal('422 Invalid')
      const older = await FakeApiServer.start({ watchList: false })
      const answer = await fetch(`${older.url}${configMaps}?${initialEvents}`)
      expect(refusal({ status: answer.status, body: (await answer.json()) as Body })).to.equal('422 Invalid')
      await older.stop()
    })
  })

  describe('writes', () => {
    it('creates once, with what the server itself says of an object', async () => {
      const { status, body } = await ask('POST', configMaps, configMap('a'))
      expect(status).to.equal(201)
      expect(body.metadata).to.have.all.keys('name', 'namespace', 'uid', 'resourceVersion', 'creationTimestamp')
      expect(body.metadata['creationTimestamp']).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      const again = await ask('POST', configMaps, configMap('a'))
      expect(refusal(again)).to.equal('409 AlreadyExists')
      expect(again.body.details).to.deep.equal({ name: 'a', kind: 'configmaps' })
    })

    it('makes up a name, and refuses none, wrong ones, wrong places and a version', async () => {
      const { body } = await ask('POST', configMaps, { metadata: { generateName: 'gen-' } })
      expect(body.metadata.name).to.match(/^gen-[a-z0-9]{5}$/)
      const refused = async (body: object, path = configMaps) => refusal(await ask('POST', path, body))
      expect(await refused({ metadata: {} })).to.equal('422 Invalid')
      expect(await refused(configMap('A_b'))).to.equal('422 Invalid')
      expect(await refused(configMap('a', {}, {}, 'other'))).to.equal('400 BadRequest')
      expect(await refused(service('a'))).to.equal('400 BadRequest')
      expect(await refused(configMap('a'), '/api/v1/configmaps')).to.equal('405 MethodNotAllowed')
      expect(await refused({ metadata: { name: 'a', resourceVersion: '1' } })).to.equal('500 undefined')
    })

    it('replaces the version that it is told, or any where it is told none', async () => {
      const { body: first } = await ask('POST', configMaps, configMap('a'))
      expect((await ask('PUT', `${configMaps}/a`, configMap('a', {}, { a: '2' }))).status).to.equal(200)
      const late = await ask('PUT', `${configMaps}/a`, first)
      expect(refusal(late)).to.equal('409 Conflict')
      const another = { metadata: { name: 'a', uid: 'another' } }
      expect(refusal(await ask('PUT', `${configMaps}/a`, another))).to.equal('409 Conflict')
      expect(server.get('ConfigMap', 'default', 'a')).to.deep.include({ data: { a: '2' } })
      expect(refusal(await ask('PUT', `${configMaps}/b`, configMap('b')))).to.equal('404 NotFound')
    })

    it('a Lease changes hands by its version alone, and is no longer the same after a deletion', async () => {
      const { status, body: first } = await ask('PUT', `${leases}/leader`, lease('leader', 'one'))
      expect(status).to.equal(201)
      const blind = await ask('PUT', `${leases}/leader`, lease('leader', 'two'))
      expect(refusal(blind)).to.equal('422 Invalid')
      const { body: second } = await ask('PUT', `${leases}/leader`, { ...first, spec: { holderIdentity: 'two' } })
      const late = await ask('PUT', `${leases}/leader`, { ...first, spec: { holderIdentity: 'three' } })
      expect(refusal(late)).to.equal('409 Conflict')
      expect(late.body.details).to.deep.equal({ name: 'leader', group: 'coordination.k8s.io', kind: 'leases' })
      server.remove('Lease', 'default', 'leader')
      expect(refusal(await ask('PUT', `${leases}/leader`, second))).to.equal('409 Conflict')
    })

    it('a write that changes nothing keeps the version and is told to nobody', async () => {
      const { body: first } = await ask('POST', configMaps, configMap('a'))
      const watch = await follow(`${configMaps}?watch=true&resourceVersion=${first.metadata.resourceVersion}`)
      expect((await ask('PUT', `${configMaps}/a`, first)).body).to.deep.equal(first)
      expect((await ask('PATCH', `${configMaps}/a`, { data: { a: '1' } }, merge)).body).to.deep.equal(first)
      expect(server.apply(configMap('a')).metadata.resourceVersion).to.equal(first.metadata.resourceVersion)
      server.apply(configMap('b'))
      expect(told(await watch.upTo(1))).to.deep.equal(['ADDED b'])
    })

    for (const contentType of [merge, 'application/strategic-merge-patch+json']) {
      it(`merges maps and takes null as a deletion: ${contentType}`, async () => {
        const { metadata } = server.apply(configMap('a', { app: 'web' }, { a: '1', b: '2' }))
        const patch = { metadata: { annotations: { x: 'y' } }, data: { a: null, c: '3' } }
        const { body } = await ask('PATCH', `${configMaps}/a`, patch, contentType)
        expect(body).to.deep.include({ data: { b: '2', c: '3' } })
        expect(body.metadata).to.deep.include({ labels: { app: 'web' }, annotations: { x: 'y' } })
        const stale = { metadata: { resourceVersion: metadata.resourceVersion }, data: { a: '9' } }
        expect(refusal(await ask('PATCH', `${configMaps}/a`, stale, contentType))).to.equal('409 Conflict')
      })
    }

    it('does all of a JSON patch or nothing of it', async () => {
      server.apply(service('web', { externalIPs: ['198.51.100.1', '2001:db8::1'] }))
      const patch = (operations: object[]) => ask('PATCH', `${services}/web`, operations, 'application/json-patch+json')
      const { body } = await patch([
        { op: 'test', path: '/spec/externalIPs/0', value: '198.51.100.1' },
        { op: 'add', path: '/spec/externalIPs/-', value: '2001:db8::2' },
        { op: 'remove', path: '/spec/externalIPs/0' },
        { op: 'add', path: '/metadata/annotations', value: { 'example.com/a': '1' } },
        { op: 'replace', path: '/metadata/annotations/example.com~1a', value: '2' },
        { op: 'copy', from: '/spec/type', path: '/metadata/annotations/type' },
      ])
      expect(body['spec']).to.deep.include({ externalIPs: ['2001:db8::1', '2001:db8::2'] })
      expect(body.metadata['annotations']).to.deep.equal({ 'example.com/a': '2', type: 'ClusterIP' })
      const refused = [
        [
          { op: 'add', path: '/metadata/annotations/x', value: '' },
          { op: 'test', path: '/spec/type', value: 'x' },
        ],
        [{ op: 'remove', path: '/spec/missing' }],
        [{ op: 'add', path: '/missing/a', value: '1' }],
        [{ op: 'replace', path: '/spec/externalIPs/7', value: '' }],
      ]
      for (const operations of refused) expect(refusal(await patch(operations))).to.equal('422 Invalid')
      expect(await get(`${services}/web`)).to.deep.equal(body)
    })

    it('refuses patches and bodies of a type that it does not know with 415', async () => {
      server.apply(configMap('a'))
      const patch = await ask('PATCH', `${configMaps}/a`, {}, 'application/json')
      expect(refusal(patch)).to.equal('415 UnsupportedMediaType')
      const post = await ask('POST', configMaps, configMap('b'), 'text/plain')
      expect(refusal(post)).to.equal('415 UnsupportedMediaType')
    })

    for (const [path, object] of [
      ['/api/v1/nodes/web', nodeObject('web')],
      [`${services}/web`, service('web')],
    ] as const) {
      it(`keeps spec and status of a ${object.kind} apart`, async () => {
        const before = server.apply({ ...object, status: { seen: '1' } })
        const both = { metadata: { annotations: { by: 'status' } }, spec: { extra: true }, status: { seen: '2' } }
        const { body: main } = await ask('PATCH', path, both, merge)
        expect(main['status']).to.deep.equal(before['status'])
        expect(main['spec']).to.deep.include({ extra: true })
        const { body } = await ask('PATCH', `${path}/status`, { ...both, spec: { extra: false } }, merge)
        expect(body['status']).to.deep.include({ seen: '2' })
        expect(body['spec']).to.deep.include({ extra: true })
        expect(await get(`${path}/status`)).to.deep.equal(body)
      })
    }

    it('takes no status of a new Service, and fills in what the addresses leave out', async () => {
      const ingress = [{ ip: '198.51.100.1' }, { ip: '2001:db8::1' }]
      const { body: created } = await ask('POST', services, service('web', {}, { ingress }))
      expect(created['status']).to.deep.equal({ loadBalancer: {} })
      const { body } = await ask('PATCH', `${services}/web/status`, { status: { loadBalancer: { ingress } } }, merge)
      const written = ingress.map((one) => ({ ...one, ipMode: 'VIP' }))
      expect(body['status']).to.deep.equal({ loadBalancer: { ingress: written } })
    })

    for (const family of ['IPv4', 'IPv6'] as const) {
      it(`counts the generations of ${family} slices: endpoints and labels, not annotations`, async () => {
        const slice = sliceObject('web', family, [{ on: 'node-1' }])
        const path = `/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/${slice.metadata.name}`
        expect(server.apply(slice).metadata.generation).to.equal(1)
        await ask('PATCH', path, { metadata: { annotations: { a: '1' } } }, merge)
        expect(server.get('EndpointSlice', 'default', slice.metadata.name)?.metadata.generation).to.equal(1)
        const { body } = await ask('PATCH', path, { endpoints: [] }, merge)
        expect(body.metadata).to.include({ generation: 2 })
        expect(body).to.include({ endpoints: null })
      })
    }

    it('deletes at once, or when the last finalizer is gone', async () => {
      const { metadata } = server.apply(configMap('a'))
      const wrong = { preconditions: { uid: 'another' } }
      expect(refusal(await ask('DELETE', `${configMaps}/a`, wrong))).to.equal('409 Conflict')
      const { body } = await ask('DELETE', `${configMaps}/a`)
      expect(body).to.deep.include({ status: 'Success', details: { name: 'a', kind: 'configmaps', uid: metadata.uid } })
      expect(refusal(await ask('DELETE', `${configMaps}/a`))).to.equal('404 NotFound')

      const kept = server.apply({ ...service('web'), metadata: { name: 'web', finalizers: ['example.com/a'] } })
      const watch = await follow(`${services}?watch=true&resourceVersion=${kept.metadata.resourceVersion}`)
      const marked = await ask('DELETE', `${services}/web`)
      expect(marked.body.metadata).to.have.property('deletionTimestamp')
      const { body: freed } = await ask('PATCH', `${services}/web`, { metadata: { finalizers: null } }, merge)
      expect(freed.metadata).to.not.have.property('finalizers')
      expect(told(await watch.upTo(2))).to.deep.equal(['MODIFIED web', 'DELETED web'])
      expect(server.get('Service', 'default', 'web')).to.equal(undefined)
    })

    it('answers 404 for objects, kinds and places that are not there', async () => {
      const unknown = await ask('GET', `${configMaps}/a`)
      expect(refusal(unknown)).to.equal('404 NotFound')
      expect(unknown.body.details).to.deep.equal({ name: 'a', kind: 'configmaps' })
      for (const path of [
        '/api/v1/things',
        '/api/v1/services/web',
        '/api/v1/namespaces/default/nodes',
        `${leases}/a/status`,
      ])
        expect(refusal(await ask('GET', path)), path).to.equal('404 NotFound')
    })
  })

  describe('faults', () => {
    it('says 401 to all who do not bear the token', async () => {
      server.token = 'secret'
      expect(refusal(await ask('GET', '/api/v1/nodes'))).to.equal('401 Unauthorized')
      const authorization = 'Bearer secret'
      expect((await fetch(`${server.url}/api/v1/nodes`, { headers: { authorization } })).status).to.equal(200)
    })

    it('gives the answers that the test wants, so often and there alone', async () => {
      server.answer(429, { times: 2, path: /services\?watch/, retryAfterSeconds: 7 })
      server.answer(503, { path: /nodes/ })
      const limited = await ask('GET', '/api/v1/services?watch=true')
      expect(refusal(limited)).to.equal('429 TooManyRequests')
      expect(limited.headers.get('retry-after')).to.equal('7')
      expect(limited.body.details).to.deep.equal({ retryAfterSeconds: 7 })
      expect((await ask('GET', '/api/v1/services')).status).to.equal(200)
      expect(refusal(await ask('GET', '/api/v1/nodes'))).to.equal('503 ServiceUnavailable')
      expect((await ask('GET', '/api/v1/nodes')).status).to.equal(200)
      expect(refusal(await ask('GET', '/api/v1/services?watch=true'))).to.equal('429 TooManyRequests')
      expect((await follow('/api/v1/services?watch=true')).status).to.equal(200)
    })

    it('goes away with all connections and comes back at the same port, where watches go on', async () => {
      const { metadata } = server.apply(configMap('a'))
      const path = `${configMaps}?watch=true&resourceVersion=${metadata.resourceVersion}`
      const broken = await follow(path)
      const { url } = server
      await server.pause()
      expect(await broken.end.catch(() => 'broken')).to.equal('broken')
      expect(await get(configMaps).catch(() => 'refused')).to.equal('refused')
      server.apply(configMap('meanwhile'))
      await server.resume()
      expect(server.url).to.equal(url)
      expect(told(await (await follow(path)).upTo(1))).to.deep.equal(['ADDED meanwhile'])
    })

    it('keeps its data over a restart, but no watch from before it', async () => {
      const { metadata } = server.apply(configMap('a'))
      server.apply(configMap('b'))
      await server.restart({ downMs: 1 })
      expect(names(await get(configMaps))).to.deep.equal(['a', 'b'])
      const watch = await follow(`${configMaps}?watch=true&resourceVersion=${metadata.resourceVersion}`)
      expect(await watch.end).to.equal('')
      expect(watch.events[0]!.object).to.include({ code: 410 })
    })

    it('breaks watches: a clean end, a reset, half a line', async () => {
      const ends: string[] = []
      for (const how of ['close', 'reset', 'garbage'] as const) {
        const watch = await follow(`${configMaps}?watch=true`)
        server.breakWatches(how)
        ends.push(await watch.end.catch(() => 'an error'))
        expect(watch.events).to.deep.equal([])
      }
      expect(ends.slice(0, 2)).to.deep.equal(['', 'an error'])
      expect(ends[2]).to.match(/^\{"type":"MODIFIED","object":/)
      expect(server.openWatches).to.deep.equal([])
    })

    it('breaks watches: open, but with nothing to come', async () => {
      const hanging = await follow(`${configMaps}?watch=true&timeoutSeconds=1`)
      server.breakWatches('hang')
      const other = await follow(`${configMaps}?watch=true&timeoutSeconds=1`)
      server.apply(configMap('a'))
      expect(told(await other.upTo(1))).to.deep.equal(['ADDED a'])
      await other.end
      expect(hanging.events).to.deep.equal([])
      expect(server.openWatches).to.have.length(1)
    })

    it('remembers who asked what, and how it answered', async () => {
      const headers = { 'user-agent': 'a client' }
      await fetch(`${server.url}${configMaps}?limit=1`, { headers })
      await fetch(`${server.url}${configMaps}/a`, { method: 'DELETE', headers })
      const userAgent = 'a client'
      expect(server.requests).to.deep.equal([
        { method: 'GET', path: configMaps, query: { limit: '1' }, userAgent, status: 200 },
        { method: 'DELETE', path: `${configMaps}/a`, query: {}, userAgent, status: 404 },
      ])
    })

    it('says that it is well and which version it is', async () => {
      for (const path of ['/readyz', '/healthz'])
        expect(await (await fetch(server.url + path)).text(), path).to.equal('ok')
      expect(await get('/version')).to.include({ major: '1' })
    })

    it('leaves no connection and no port open when it stops', async () => {
      const watch = await follow(`${configMaps}?watch=true&timeoutSeconds=600`)
      await server.stop()
      expect(await watch.end.catch(() => 'broken')).to.equal('broken')
      expect(server.openWatches).to.deep.equal([])
      expect(await get(configMaps).catch(() => 'refused')).to.equal('refused')
      await server.stop()
    })
  })
})
