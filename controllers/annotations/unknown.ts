/** Annotations that are ours by their prefix, and that nothing reads: a key that is mistyped would be missed in silence. */

import { type Finding, finding } from '../findings.ts'
import { nearest } from '../nearest.ts'
import type { ServiceView } from '../view.ts'

/** kube-router has many keys for other work than routing; those by which services are advertised are known whole. */
const ours = /^(tandem\.io\/|kube-router\.io\/service\.advertise\.)/

/** Of a Node or a Service: a finding for each key that is none of `known`. */
export function unknownAnnotations(
  annotations: ServiceView['annotations'],
  object: string,
  known: readonly string[],
): Finding[] {
  const mine = known.filter((key) => ours.test(key))
  return Object.keys(annotations)
    .filter((key) => ours.test(key) && !mine.includes(key))
    .map((key) => finding('annotation-unknown', object, 'metadata.annotations', key, { like: likeOf(key, mine) }))
}

/** A key of the other prefix is never what was meant. */
function likeOf(key: string, known: readonly string[]): string {
  const near = nearest(
    key,
    known.filter((one) => prefixOf(one) === prefixOf(key)),
  )
  return near === undefined ? '' : `; did you mean "${near}"?`
}

const prefixOf = (key: string) => key.slice(0, key.indexOf('/'))
