/** Neighbours that are declared by a prefix: each address in it that connects becomes a peer, up to a limit, until its session ends. */

import { type Address, contains, formatAddress, Prefix, sameAddress } from 'bgp-ts'
import { familyOfAddress } from '../policy/index.ts'
import type { PeerDeclaration } from './desired.ts'
import type { Endpoint } from './world.ts'

export interface DynamicSnapshot {
  readonly name: string
  readonly prefix: string
  readonly limit: number
  readonly peers: number
  /** Connections that the limit refused. */
  readonly refused: number
}

interface Template {
  declaration: PeerDeclaration
  readonly children: Map<string, Endpoint>
  refused: number
}

export class DynamicPeers {
  readonly #templates = new Map<string, Template>()

  /** Takes what is declared; gives it with the peers that came by it in place of each prefix. */
  expand(declared: readonly PeerDeclaration[]): PeerDeclaration[] {
    const wanted = new Set(declared.filter(({ dynamic }) => dynamic).map(({ name }) => name))
    for (const name of this.#templates.keys()) if (!wanted.has(name)) this.#templates.delete(name)
    const alone = declared.filter(({ dynamic }) => !dynamic)
    return declared.flatMap((declaration) => {
      if (!declaration.dynamic) return [declaration]
      const template = this.#templates.get(declaration.name) ?? { declaration, children: new Map(), refused: 0 }
      template.declaration = declaration
      this.#templates.set(declaration.name, template)
      for (const [name, remote] of template.children) {
        const stays = covers(declaration, remote.address) && !alone.some((one) => isAt(one, remote))
        if (!stays) template.children.delete(name)
      }
      return [...template.children].map(([name, remote]) => child(declaration, name, remote))
    })
  }

  /** The peer that a connection from this address makes; undefined where no prefix has room for it. */
  admit(remote: Endpoint): PeerDeclaration | undefined {
    for (const template of this.#templates.values()) {
      const { declaration, children } = template
      if (!covers(declaration, remote.address) || declaration.blocked !== undefined) continue
      if (children.size >= declaration.dynamic!.limit) {
        template.refused++
        continue
      }
      const name = formatAddress(remote.address) + (remote.zone ? `%${remote.zone}` : '')
      children.set(name, remote)
      return child(declaration, name, remote)
    }
    return undefined
  }

  /** True if the peer came by a prefix; it is then forgotten. */
  dismiss(name: string): boolean {
    return [...this.#templates.values()].some(({ children }) => children.delete(name))
  }

  has(name: string): boolean {
    return [...this.#templates.values()].some(({ children }) => children.has(name))
  }

  get declarations(): PeerDeclaration[] {
    return [...this.#templates.values()].map(({ declaration }) => declaration)
  }

  snapshot(): DynamicSnapshot[] {
    return [...this.#templates.values()].map(({ declaration, children, refused }) => ({
      name: declaration.name,
      prefix: `${declaration.address}/${declaration.dynamic!.length}`,
      limit: declaration.dynamic!.limit,
      peers: children.size,
      refused,
    }))
  }
}

function isAt({ address, zone }: PeerDeclaration, remote: Endpoint): boolean {
  return sameAddress(address, remote.address) && (zone === undefined || zone === remote.zone)
}

function child(template: PeerDeclaration, name: string, { address, zone }: Endpoint): PeerDeclaration {
  const { dynamic: _dynamic, ...rest } = template
  return { ...rest, name, address, passive: true, ...(zone !== undefined && { zone }) }
}

function covers({ address: base, dynamic }: PeerDeclaration, address: Address): boolean {
  if (!dynamic || base.version !== address.version) return false
  const host = prefixOf(address, address.version === 4 ? 32 : 128)
  return contains(prefixOf(base, dynamic.length), host)
}

function prefixOf(address: Address, length: number): Prefix {
  return new Prefix(familyOfAddress(address), length, address.w0, address.w1, address.w2, address.w3)
}
