/** The API source against the fake API server, with and without streamed lists; the same suite runs against a real one. */

import { type ApiClient, ApiConnection } from '../../../controllers/index.ts'
import { type ContractServer, describeApiSource } from '../../contract/api-source.ts'
import { FakeApiServer, type FakeObject } from '../../support/fake-api-server.ts'

async function startFake(streamedLists: boolean): Promise<ContractServer> {
  const fake = await FakeApiServer.start({ streamedLists })
  const api: ApiClient & { close(): void } = await ApiConnection.open({ kubeconfig: '', master: fake.url })
  return {
    api,
    apply: async (...objects) => {
      for (const object of objects) {
        const namespaced = object.kind === 'Node' ? {} : { namespace: 'default' }
        fake.apply({ ...object, metadata: { ...namespaced, ...object.metadata } } as FakeObject)
      }
    },
    remove: async (kind, name) => fake.remove(kind, name),
    cutConnections: async () => fake.cutWatches(),
    expireVersions: async () => fake.compact(),
    distrust: async () => {
      fake.token = 'another'
    },
    trust: async () => {
      fake.token = undefined
    },
    stop: async () => {
      api.close()
      await fake.stop()
    },
  }
}

describeApiSource('a fake server with streamed lists', () => startFake(true))
describeApiSource('a fake server without streamed lists', () => startFake(false))
