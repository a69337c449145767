/**
 * The CNI configuration file on disk: read, edited and put in its place whole, so that a container runtime never sees half of one.
 * What stands in the file is decided in `cni-file.ts`. One update at a time; nothing is thrown: what is wrong is a finding, until a later
 * update or `retry` finds it mended.
 */

import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Prefix } from 'bgp-ts'
import type { Log } from '../../speaker/index.ts'
import { type Finding, finding } from '../findings.ts'
import { withPodCidrs } from './cni-file.ts'

export class CniWriter {
  readonly #path: string
  readonly #log: Log
  #cidrs: readonly Prefix[] | undefined
  #last: Promise<Finding | undefined> = Promise.resolve(undefined)

  /** `path`, e.g. `/etc/cni/net.d/10-kuberouter.conflist`; its suffix says what it holds. */
  constructor(path: string, log: Log) {
    this.#path = path
    this.#log = log
  }

  /** Makes the file hold these pod CIDRs of this node. The finding says why it does not. */
  update(cidrs: readonly Prefix[]): Promise<Finding | undefined> {
    this.#cidrs = cidrs
    return this.retry()
  }

  /** Tries again with the CIDRs of the last update; also mends a file that somebody else has put there since. */
  retry(): Promise<Finding | undefined> {
    // Each turn takes the newest CIDRs, so of several that wait only the first writes.
    this.#last = this.#last.then(() => this.#turn())
    return this.#last
  }

  async #turn(): Promise<Finding | undefined> {
    if (!this.#cidrs) return undefined
    const object = `cni file ${this.#path}`
    try {
      // A link stays one: what it points to is replaced.
      const path = await realpath(this.#path)
      const text = await readFile(path, 'utf8')
      const edited = withPodCidrs(text, basename(this.#path), this.#cidrs)
      if ('fault' in edited) {
        return finding('cni-file-unfit', object, edited.field, edited.value, { problem: edited.fault })
      }
      if (edited.text !== text) {
        await replaceFile(path, edited.text)
        this.#log.info({ path, podCidrs: this.#cidrs.map(String) }, 'CNI file written')
      }
      const wrong = edited.warning
      return wrong && finding('cni-range-too-wide', object, wrong.field, wrong.value, { problem: wrong.fault })
    } catch (error) {
      const { code = 'failed', message } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return finding('cni-file-missing', object, 'plugins', code)
      return finding('cni-file-unusable', object, 'plugins', code, { problem: message })
    }
  }
}

/** Beside it first, and on the disk before it takes the name: a crash leaves the old file or the new one. */
async function replaceFile(path: string, text: string): Promise<void> {
  const { mode } = await stat(path)
  // Runtimes read by suffix, and this one is none of theirs.
  const partial = join(dirname(path), `.${basename(path)}.tandem`)
  try {
    await rm(partial, { force: true })
    const file = await open(partial, 'wx')
    try {
      // Whatever the umask is: the runtime may be another user.
      await file.chmod(mode & 0o7777)
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { force: true }).catch(() => {})
    throw error
  }
}
