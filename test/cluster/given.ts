/** What the runner found before the tests were loaded. */

import type { Servers } from './servers.ts'

let found: Servers | undefined

export function keepServers(servers: Servers): void {
  found = servers
}

export function servers(): Servers {
  if (!found) throw new Error('the cluster tests are run by `npm run test:cluster`')
  return found
}
