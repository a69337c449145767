/** What a router's configuration says of itself, in comments: whose session it is, what is to be filled in, and what only the operator can decide. */

import { families } from 'bgp-ts'
import { blanks, type RouterSession } from './router-session.ts'

/** `farther` is how the router is told that there are many hops; undefined where it need not be. */
export function remarks(session: RouterSession, farther: string | undefined): string[] {
  const { nodeName, nodeAddress, nodeAsn, routerAddress, routerAsn } = session
  return [
    `For the router ${routerAddress}, AS ${routerAsn}: its session with ${nodeName ?? 'Tandem'} at ${nodeAddress}, AS ${nodeAsn}.`,
    ...fillIn(session),
    ...nextHopRemark(session),
    ...hopsRemark(session, farther),
    ...families.flatMap((family) => openRemark(session, family)),
    'Nothing is sent to the node: say here what it shall learn, if it shall.',
    ...reflectionRemark(session),
  ]
}

function fillIn({ nodeAddress, linkLocal, hasPassword }: RouterSession): string[] {
  const left = [
    ...(nodeAddress === blanks.nodeAddress ? [`${blanks.nodeAddress} (the node's address on this link)`] : []),
    ...(linkLocal ? [`${blanks.interface} (this router's interface to the node)`] : []),
    ...(hasPassword ? [`${blanks.password} (the same as at the node)`] : []),
  ]
  return left.length > 0 ? [`To be filled in: ${left.join(', ')}.`] : []
}

/** Only that of the session's own address is reachable for certain. */
function nextHopRemark({ nextHops, families: wanted, nodeAddress }: RouterSession): string[] {
  const others = wanted.flatMap((family) => {
    const hop = nextHops[family]
    return hop === undefined || hop === nodeAddress ? [] : [`${hop} (${family})`]
  })
  return others.length > 0 ? [`Routes come with the next hop ${others.join(' or ')} too: it has to be reachable.`] : []
}

function hopsRemark({ hops, ttlSecurity, bfd }: RouterSession, farther: string | undefined): string[] {
  if (hops === 255 && ttlSecurity === undefined) return ['255 hops: put the number that there are at most.']
  if (farther === undefined || hops !== undefined || ttlSecurity !== undefined || bfd) return []
  return [`The node is taken to be one hop away; for more: ${farther}.`]
}

function openRemark({ accepts, families: wanted }: RouterSession, family: (typeof families)[number]): string[] {
  const { open } = accepts[family]
  return open === undefined || !wanted.includes(family) ? [] : [`All of ${family} is let in: ${open}.`]
}

function reflectionRemark({ type, routerAsn }: RouterSession): string[] {
  if (type === 'external') return []
  return [`Other routers of AS ${routerAsn} get these routes only if this one reflects them: make the node its client.`]
}
