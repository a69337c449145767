/**
 * What the configuration file and the flags put before the built-in pair of policies, peer by peer. Given anew while the daemon runs:
 * a file with an error changes nothing.
 */

import { inFront } from '../policy/index.ts'
import type { Desired, PeerDeclaration } from '../speaker/index.ts'
import type { ConfigDocument } from './config/document.ts'
import { type PeerPolicy, readPeerPolicies } from './config/kubernetes-file.ts'
import type { FamilyLimits } from './config/values.ts'

export class PeerPolicies {
  /** `--maximum-out`: for peers of which the file says nothing else. */
  readonly #maximumOut: FamilyLimits
  #entries: readonly PeerPolicy[] = []

  constructor(maximumOut: FamilyLimits, document: ConfigDocument | undefined) {
    this.#maximumOut = maximumOut
    if (document) this.take(document)
  }

  /** Takes what a file says, or throws `ConfigError` and keeps what the last good one said. */
  take(document: ConfigDocument): void {
    this.#entries = readPeerPolicies(document)
  }

  /** The same sessions, each with the policies of the first entry that its peer is in. */
  place(desired: Desired): Desired {
    return { ...desired, peers: desired.peers.map((peer) => this.#placed(peer, desired.local.asn)) }
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
