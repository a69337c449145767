/**
 * A node's place among the nodes: its ASN, and its part in route reflection. Read of every node, this one and the others alike, by the same
 * rules and with last good values for each: two nodes that read one annotation differently would not agree on who peers with whom.
 */

import { formatIpv4 } from 'bgp-ts'
import { parseAddress } from '../../policy/index.ts'
import { type Finding, finding } from '../findings.ts'
import type { NodeView } from '../view.ts'
import { bad, good, type Read, readUint32 } from './values.ts'

export const topologyAnnotations = {
  asn: 'kube-router.io/node.asn',
  reflectorServer: 'kube-router.io/rr.server',
  reflectorClient: 'kube-router.io/rr.client',
} as const

export interface NodeTopology {
  readonly asn: number | undefined
  /** Cluster that the node is a route reflector of. */
  readonly serverOf: number | undefined
  /** Cluster whose reflectors it is a client of; never the one that it is a reflector of itself. */
  readonly clientOf: number | undefined
}

export function readTopology(
  node: NodeView,
  lastGood: NodeTopology | undefined,
): { readonly topology: NodeTopology; readonly findings: readonly Finding[] } {
  const findings: Finding[] = []
  const object = `node/${node.name}`
  const read = (key: string, how: (text: string) => Read<number>, last: number | undefined) => {
    const text = node.annotations[key]
    if (text === undefined) return undefined
    const value = how(text.trim())
    if (value.ok) return value.value
    const kind = last === undefined ? 'annotation-unused' : 'annotation-kept'
    findings.push(finding(kind, object, key, value.item, { expected: value.expected }))
    return last
  }
  const { asn, reflectorServer, reflectorClient } = topologyAnnotations
  const serverOf = read(reflectorServer, readClusterId, lastGood?.serverOf)
  const clientOf = read(reflectorClient, readClusterId, lastGood?.clientOf)
  const isOwnCluster = clientOf !== undefined && clientOf === serverOf
  if (isOwnCluster) {
    const words = { annotation: reflectorServer }
    findings.push(finding('client-of-itself', object, reflectorClient, formatIpv4(clientOf), words))
  }
  const topology = {
    asn: read(asn, readNodeAsn, lastGood?.asn),
    serverOf,
    clientOf: isOwnCluster ? undefined : clientOf,
  }
  return { topology, findings }
}

/** A number, `0x` allowed, or the same as a dotted quad: `42` and `0.0.0.42` are one cluster. */
export function readClusterId(text: string): Read<number> {
  const number = readUint32(text)
  const address = parseAddress(text)
  const id = number.ok ? number.value : address?.version === 4 ? address.w0 >>> 0 : 0
  return id > 0 ? good(id) : bad(text, 'is no cluster id: a number from 1 to 4294967295, or an IPv4 address')
}

function readNodeAsn(text: string): Read<number> {
  const asn = readUint32(text)
  // RFC 7607, RFC 6793: nobody can be AS 0, or AS_TRANS.
  return asn.ok && asn.value !== 0 && asn.value !== 23456 ? asn : bad(text, 'is no ASN that a node may have')
}
