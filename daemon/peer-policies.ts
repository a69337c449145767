/**
 * What the configuration file and the flags say of sessions beside the plan: policies before the built-in pair, peer by peer, and collectors.
 * Given anew while the daemon runs: a file with an error changes nothing.
 */

import { inFront } from '../policy/index.ts'
import type { CollectorDeclaration, Desired, PeerDeclaration } from '../speaker/index.ts'
import type { ConfigDocument } from './config/document.ts'
import { type PeerPolicy, readKubernetesFile } from './config/kubernetes-file.ts'
import type { FamilyLimits } from './config/values.ts'

export class PeerPolicies {
  /** `--maximum-out`: for peers of which the file says nothing else. */
  readonly #maximumOut: FamilyLimits
  readonly #collectors: (inFile: readonly CollectorDeclaration[]) => readonly CollectorDeclaration[]
  #entries: readonly PeerPolicy[] = []
  #inFile: readonly CollectorDeclaration[] = []

  /** `collectors` puts those of the flags beside those of the file. */
  constructor(
    maximumOut: FamilyLimits,
    document: ConfigDocument | undefined,
    collectors: (inFile: readonly CollectorDeclaration[]) => readonly CollectorDeclaration[] = (inFile) => inFile,
  ) {
    this.#maximumOut = maximumOut
    this.#collectors = collectors
    if (document) this.take(document)
  }

  /** Takes what a file says, or throws `ConfigError` and keeps what the last good one said. */
  take(document: ConfigDocument): void {
    const { policies, collectors } = readKubernetesFile(document)
    this.#entries = policies
    this.#inFile = collectors
  }

  /** The same sessions, each with the policies of the first entry that its peer is in. */
  place(desired: Desired): Desired {
    const local = { ...desired.local, collectors: this.#collectors(this.#inFile) }
    return { ...desired, local, peers: desired.peers.map((peer) => this.#placed(peer, desired.local.asn)) }
  }

  #placed(peer: PeerDeclaration, localAsn: number): PeerDeclaration {
    const { name, asn, address } = peer
    const external = asn !== (peer.localAsn ?? localAsn)
    const entry = this.#entries.find(({ neighbours }) => neighbours.has({ name, asn, address, external }))
    return {
      ...peer,
      maximumOut: this.#maximumOut,
      ...entry?.border,
      ...(entry?.import && { importPolicy: inFront(entry.import, peer.importPolicy) }),
      ...(entry?.export && { exportPolicy: inFront(entry.export, peer.exportPolicy) }),
    }
  }
}
