/** The daemon as its image has it: one bundle and Node, where a user that is not root may read them. */

import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** User and group of the image. */
export const imageUser = 65532

export interface Image {
  /** Readable by everybody. */
  readonly folder: string
  /** Node as the image starts it, with the bundle: the daemon's own words come behind. */
  readonly command: readonly string[]
}

/** As the image sets it. */
export const imageEnvironment: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '131072',
}

let made: Image | undefined

/** Made once a process, and gone with it. */
export function laidOutImage(): Image {
  if (made) return made
  const folder = join(tmpdir(), `tandem-image-${process.pid}`)
  mkdirSync(folder)
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const bundle = join(folder, 'tandem.cjs')
  execFileSync(process.execPath, [join(import.meta.dirname, '../../docker/bundle.ts'), bundle])
  cpSync(process.execPath, join(folder, 'node'))
  chmodSync(folder, 0o755)
  made = { folder, command: [join(folder, 'node'), '--max-semi-space-size=2', bundle] }
  return made
}

const limits = `--reuid=${imageUser} --regid=${imageUser} --clear-groups --no-new-privs --bounding-set=-all,+net_bind_service`
const capability = '--inh-caps=-all,+net_bind_service --ambient-caps=-all,+net_bind_service'

/** What the runtime does before it starts the image: its user, and the one capability of its manifest. */
export const asInPod: readonly string[] = ['setpriv', ...`${limits} ${capability}`.split(' ')]
