/** The API source against the fake API server, with and without streamed lists; the same suite runs against a real one. */

import { ApiConnection } from '../../../controllers/index.ts'
import { type ContractServer, describeApiSource } from '../../contract/api-source.ts'
import { FakeApiServer } from '../../support/api-server/api-server.ts'

async function startFake(watchList: boolean): Promise<ContractServer> {
  const fake = await FakeApiServer.start({ watchList })
  const api = await ApiConnection.open({ kubeconfig: '', master: fake.url })
  return {
    api,
    apply: async (...objects) => {
      for (const object of objects) fake.apply(object)
    },
    remove: async (kind, name) => {
      const [first = '', second] = name.split('/')
      if (second === undefined) fake.remove(kind, undefined, first)
      else fake.remove(kind, first, second)
    },
    cutConnections: async () => fake.breakWatches('reset'),
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
