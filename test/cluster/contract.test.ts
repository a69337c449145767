/** The client suite of the unit tests, against the real API server. */

import { request } from 'node:https'
import { type ApiClient, ApiError, type ApiRequest } from '../../controllers/index.ts'
import { describeApiSource } from '../contract/api-source.ts'
import { servers } from './given.ts'
import { Stage } from './stage.ts'

describeApiSource('a real kube-apiserver', async () => {
  const stage = await Stage.set(servers())
  const { control } = stage
  let trusted = true
  const open = new Set<{ destroy(): void }>()
  const api: ApiClient = {
    request: ({ method = 'GET', path, body }) => control.must(method, path, body),
    stream: (asked: ApiRequest) =>
      new Promise((resolve, reject) => {
        const outgoing = request(
          {
            socketPath: control.socket,
            path: `${asked.path}?${new URLSearchParams(asked.query)}`,
            headers: { authorization: `Bearer ${trusted ? control.adminToken : 'nobody'}` },
            rejectUnauthorized: false,
            agent: false,
            ...(asked.signal && { signal: asked.signal }),
          },
          (message) => {
            const status = message.statusCode ?? 0
            if (status >= 400) {
              message.resume()
              return reject(new ApiError(status, '', `status ${status}`))
            }
            open.add(outgoing)
            resolve({ chunks: message as AsyncIterable<Uint8Array>, close: () => void message.destroy() })
          },
        )
        outgoing.on('error', reject)
        outgoing.end()
      }),
  }
  return {
    api,
    apply: (...objects) => control.apply(...objects),
    remove: (kind, name) => control.remove(kind, name),
    cutConnections: async () => {
      for (const connection of open) connection.destroy()
      open.clear()
    },
    expireVersions: async () => {
      // A new process begins its watch cache at now.
      await control.stopApiServer()
      await control.startApiServer()
    },
    distrust: async () => {
      trusted = false
    },
    trust: async () => {
      trusted = true
    },
    stop: () => stage.clear(),
  }
})
