/** bgp-ts as others get it: packed, installed without a network, imported from JavaScript and from TypeScript, and its README taken at its word. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Address, encodeAttributes, encodeMessage, encodeUpdate, Prefix } from 'bgp-ts'
import { expect } from 'chai'
import { ipPacket, links, pcapFile } from '../support/capture-writer.ts'
import { joined, peerTable, ribRecord } from '../support/mrt-writer.ts'
import { Project } from './project.ts'

const prefixes = { ipv4: new Prefix('ipv4-unicast', 24, 0xcb007100), ipv6: new Prefix('ipv6-unicast', 48, 0x20010db8) }
const hops = { ipv4: new Address(4, 0xc0000201), ipv6: new Address(6, 0xfd000000, 0, 0, 1) }

/** `table.mrt` of the README. */
function table(): Uint8Array {
  const list = (asns: number[], nextHop: Address) =>
    encodeAttributes({ origin: 'igp', asPath: [{ type: 'sequence', asns }], nextHop }, { fourOctetAsn: true })
  const reach = Uint8Array.of(0x80, 14, 17, 16, 0xfd, ...new Uint8Array(14), 1)
  const ipv6List = encodeAttributes(
    { origin: 'igp', asPath: [{ type: 'sequence', asns: [4200000001] }] },
    { fourOctetAsn: true },
  )
  const route = { originatedSeconds: 1_700_000_000 }
  return joined([
    peerTable(1, '', [
      { address: hops.ipv4, asn: 65001, routerId: 1 },
      { address: hops.ipv6, asn: 4200000001, routerId: 2 },
    ]),
    ribRecord(0, prefixes.ipv4, [{ ...route, peerIndex: 0, attributes: list([65001, 65010], hops.ipv4) }]),
    ribRecord(1, new Prefix('ipv6-unicast', 48, 0x20010db8, 0x10000), [
      { ...route, peerIndex: 1, attributes: joined([ipv6List, reach]) },
    ]),
  ])
}

/** `session.pcap` of the README: two messages, the second before the first, and a third that is cut. */
function capture(): Uint8Array {
  const from = { address: hops.ipv6, port: 40000 }
  const to = { address: new Address(6, 0xfd000000, 0, 0, 2), port: 179 }
  const update = encodeUpdate({ unreach: { family: 'ipv6-unicast', prefixes: [prefixes.ipv6] } })
  const keepalive = encodeMessage({ kind: 'keepalive' })
  const stream = joined([update, keepalive, keepalive.subarray(0, 4)])
  const cut = 20
  const packets = [
    ipPacket(from, to, 7, new Uint8Array(0), 2),
    ipPacket(from, to, 8 + cut, stream.subarray(cut)),
    ipPacket(from, to, 8, stream.subarray(0, cut)),
  ]
  return pcapFile(
    1,
    packets.map((ip) => ({ bytes: links.ethernet.wrap(ip) })),
  )
}

interface Example {
  readonly code: string
  readonly output: string
}

/** Each block of code in the README, with the block of text behind it. */
function examples(): Example[] {
  const text = readFileSync(join(import.meta.dirname, '../../bgp/README.md'), 'utf8')
  return [...text.matchAll(/```ts\n(.*?)```\n\n```text\n(.*?)```/gs)].map(([, code, output]) => ({
    code: code!,
    output: output!,
  }))
}

describe('the packed library', () => {
  let project: Project
  before(() => {
    project = new Project()
  })
  after(() => project.remove())

  it('holds JavaScript, declarations, the README and the licence, and no source', () => {
    const kinds = new Set(project.files.map((path) => path.replace(/^.*?((\.d)?\.\w+)?$/, '$1')))
    expect([...kinds]).to.have.members(['', '.json', '.md', '.js', '.d.ts'])
    expect(project.files).to.include.members([
      'LICENSE',
      'README.md',
      'package.json',
      'dist/index.js',
      'dist/index.d.ts',
    ])
    expect(project.files).to.not.include('dist/workspace.json')
  })

  it('depends on nothing and runs nothing when it is installed', () => {
    const manifest = JSON.parse(
      readFileSync(join(project.folder, 'node_modules/bgp-ts/package.json'), 'utf8'),
    ) as Record<string, unknown>
    for (const field of ['dependencies', 'peerDependencies', 'optionalDependencies', 'scripts'])
      expect(manifest).to.not.have.property(field)
  })

  it('leaves the tree as it was', () => expect(project.leftBehind).to.equal(''))

  it('is a module of JavaScript', () => {
    project.write(
      'script.mjs',
      `import { encodeMessage, hex } from 'bgp-ts'\nconsole.log(hex(encodeMessage({ kind: 'keepalive' })))\n`,
    )
    expect(project.node('script.mjs')).to.deep.equal({ status: 0, output: `${'ff'.repeat(16)}001304\n` })
  })

  it('has declarations that need nothing but the language, and say no to what is wrong', () => {
    project.write(
      'sample.ts',
      `import { type Attributes, decodeMessage, isFault, type MrtRecord, readMrt } from 'bgp-ts'
export const attributes: Attributes = { origin: 'igp', med: 7 }
export async function first(chunks: Iterable<Uint8Array>): Promise<MrtRecord | undefined> {
  for await (const record of readMrt(chunks)) if (!isFault(record)) return record
  return undefined
}
const message = decodeMessage(4, new Uint8Array(0), 0, 0)
export const kind: 'open' | 'update' | 'notification' | 'keepalive' | 'route-refresh' | 'fault' = message.kind
`,
    )
    expect(project.tsc(['sample.ts'])).to.deep.equal({ status: 0, output: '' })
    project.write(
      'wrong.ts',
      `import type { Attributes } from 'bgp-ts'\nexport const a: Attributes = { origin: 'bgp' }\n`,
    )
    const { status, output } = project.tsc(['wrong.ts'])
    expect(status).to.not.equal(0)
    expect(output).to.match(/wrong\.ts\(2,\d+\): error TS2322/)
  })

  it('has a README with examples', () => expect(examples()).to.have.length(3))

  for (const [index, { code, output }] of examples().entries()) {
    it(`does what example ${index + 1} of its README shows`, () => {
      const name = `example-${index + 1}.ts`
      project.write('table.mrt', table())
      project.write('session.pcap', capture())
      project.write(name, code)
      expect(project.tsc([name], ['node'])).to.deep.equal({ status: 0, output: '' })
      expect(project.node(name)).to.deep.equal({ status: 0, output })
    })
  }
})
