/** `tandem explain peer/ADDRESS --router NAME`: the configuration that the router at the other end needs, and nothing beside it. */

import type { Backend } from './backend.ts'
import { ConfigError } from './config/flag.ts'
import type { Explanation } from './explain.ts'
import { birdConfig } from './router-config/bird.ts'
import { frrConfig } from './router-config/frr.ts'
import { type RouterSession, routerSession } from './router-config/router-session.ts'

const languages: Readonly<Record<string, (session: RouterSession) => string>> = { frr: frrConfig, bird: birdConfig }

/** What `--router` may be. */
export const routerNames: readonly string[] = Object.keys(languages)

/** Throws `ConfigError` where there is no such router, or the subject is no peer that is a router. */
export function explainRouter(backend: Backend, subject: string, router: string): Explanation {
  const write = languages[router]
  if (!write) throw new ConfigError('--router', router, `is not one of ${routerNames.join(', ')}`)
  if (!subject.startsWith('peer/')) throw new ConfigError('--router', router, `is for peer/ADDRESS, not for ${subject}`)
  const asked = subject.slice('peer/'.length)
  const name = backend.speaker.snapshot().peers.find((one) => one.name === asked || one.address === asked)?.name
  const session = name === undefined ? undefined : routerSession(backend, name)
  if (!session) throw new ConfigError('--router', router, `cannot be told of ${subject}: it is no peer of this speaker`)
  if (backend.plan?.peers.some((one) => one.name === name && one.role === 'node')) {
    throw new ConfigError(
      '--router',
      router,
      `is not for ${subject}: it is another node, which finds this one by itself`,
    )
  }
  const config = write(session)
  return { subject, kind: 'peer', lines: config.split('\n'), data: { router, config, session } }
}
