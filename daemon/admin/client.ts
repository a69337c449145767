/** The other end of the admin socket: what the commands ask with. */

import { request } from 'node:http'
import { ConfigError } from '../config/flag.ts'

/** The JSON answer; throws `ConfigError` when no daemon answers or it refuses. */
export function ask<Answer>(socketPath: string, path: string, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path, method: body === undefined ? 'GET' : 'POST' }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const answer = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Answer & { error?: { message: string } }
        if (response.statusCode === 200) resolve(answer)
        else reject(new RefusedError(answer.error?.message ?? `status ${response.statusCode}`))
      })
    })
    asking.on('error', (error: NodeJS.ErrnoException) =>
      reject(new ConfigError('--admin-socket', socketPath, isForbidden(error) ? forbidden : silent)),
    )
    asking.end(body)
  })
}

const isForbidden = ({ code }: NodeJS.ErrnoException) => code === 'EACCES' || code === 'EPERM'
const forbidden = 'may be opened by its owner alone: ask as the user that tandem runs as'
const silent = 'is not answered: is tandem running there?'

/** What the daemon refused to do, in its own words. */
export class RefusedError extends Error {}
