/**
 * The rules of the house that a compiler does not check: imports go one way, through a layer's face; the wire and the policy know no platform.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { expect } from 'chai'

const root = resolve(import.meta.dirname, '..')

/** From the inner to the outer: a layer may import those before it. */
const layers = ['bgp', 'policy', 'speaker', 'controllers', 'daemon'] as const
type Layer = (typeof layers)[number]

interface Import {
  readonly file: string
  readonly layer: Layer
  readonly specifier: string
  /** What the specifier resolves to: a path from the root, or the package's name. */
  readonly target: string
}

function sources(layer: Layer): string[] {
  return readdirSync(join(root, layer), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
    .map((name) => join(layer, name))
}

function importsOf(layer: Layer): Import[] {
  return sources(layer).flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8')
    const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]!)
    return specifiers.map((specifier) => ({
      file,
      layer,
      specifier,
      target: specifier.startsWith('.') ? relative(root, resolve(root, file, '..', specifier)) : specifier,
    }))
  })
}

const imports = layers.flatMap(importsOf)
const layerOf = (target: string): Layer | undefined =>
  target === 'bgp-ts' ? 'bgp' : layers.find((layer) => target.startsWith(`${layer}/`))
const lines = (found: readonly Import[]) => found.map((one) => `${one.file} imports ${one.specifier}`)

describe('architecture', () => {
  it('finds sources in every layer', () => {
    for (const layer of layers) expect(sources(layer), layer).to.have.length.greaterThan(0)
  })

  it('imports go bgp <- policy <- speaker <- controllers <- daemon, never back', () => {
    const back = imports.filter(({ layer, target }) => {
      const from = layerOf(target)
      return from !== undefined && layers.indexOf(from) > layers.indexOf(layer)
    })
    expect(lines(back)).to.deep.equal([])
  })

  it("a layer is imported through its index, the wire by its package's name", () => {
    const inside = imports.filter(({ layer, target }) => {
      const from = layerOf(target)
      return from !== undefined && from !== layer && target !== 'bgp-ts' && target !== `${from}/index.ts`
    })
    expect(lines(inside)).to.deep.equal([])
  })

  it('bgp and policy know no platform: nothing of Node, and bgp no package at all', () => {
    const foreign = imports.filter(
      ({ layer, specifier }) =>
        (['bgp', 'policy'].includes(layer) && specifier.startsWith('node:')) ||
        (layer === 'bgp' && !specifier.startsWith('.')),
    )
    expect(lines(foreign)).to.deep.equal([])
  })

  it('only the transports of the speaker and the thread of BFD touch sockets, nothing there knows files, and one file starts processes', () => {
    const io = /^(node:(net|tls|http|https|dgram|fs|fs\/promises|child_process|worker_threads|timers.*)|koffi)$/
    const places = [
      'speaker/transport/',
      'speaker/bfd/thread.ts',
      'speaker/bfd/worker.ts',
      'speaker/kernel/iproute2.ts',
    ]
    const touching = imports.filter(
      ({ file, layer, specifier }) =>
        layer === 'speaker' && io.test(specifier) && !places.some((place) => file.startsWith(place)),
    )
    expect(lines(touching)).to.deep.equal([])
  })

  it('nothing imports the daemon but the daemon', () => {
    expect(
      lines(imports.filter(({ layer, target }) => layer !== 'daemon' && target.startsWith('daemon/'))),
    ).to.deep.equal([])
  })
})
