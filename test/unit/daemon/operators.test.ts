/** What operators get to see and to do, and what nobody gets to see: keys, numbers that must never be said, a socket that others hold up. */

import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatAddress } from 'bgp-ts'
import { expect } from 'chai'
import { formatFinding, plan } from '../../../controllers/index.ts'
import { ask } from '../../../daemon/admin/client.ts'
import { serveAdmin } from '../../../daemon/admin/server.ts'
import { alwaysSynced } from '../../../daemon/backend.ts'
import { readDocument } from '../../../daemon/config/document.ts'
import { loadSettings } from '../../../daemon/config/settings.ts'
import { readSpeakerFile } from '../../../daemon/config/speaker-file.ts'
import { node, options, view } from '../../support/cluster.ts'
import { Fabric, route } from '../../support/fabric.ts'

describe('what an operator asks', () => {
  it('J9 is answered while others ask and do not read', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tandem-operators-'))
    const path = join(folder, 'tandem.sock')
    const fabric = new Fabric()
    const machine = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [])
    const { speaker } = machine
    const numbers = Array.from({ length: 2000 }, (_, index) => index)
    machine.apply({
      routes: numbers.flatMap((index) => [
        route(`10.${20 + (index >> 8)}.${index & 255}.0/24`),
        route(`2001:db8:${index.toString(16)}::/48`),
      ]),
    })
    const backend = { speaker, plan: undefined, view: view(), findings: [], source: 'a test', sync: alwaysSynced }
    const server = await serveAdmin(backend, path)
    const lazy: Socket[] = []
    for (let index = 0; index < 20; index++) {
      const socket = connect(path)
      lazy.push(socket)
      await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
      socket.pause()
      // Half of them do not even finish what they ask.
      socket.write(`GET /v1/routes?view=best HTTP/1.1\r\nHost: tandem\r\n${index % 2 ? '\r\n' : ''}`)
    }
    for (let index = 0; index < 5; index++) {
      const { routes } = await ask<{ routes: unknown[] }>(path, '/v1/routes?view=best')
      expect(routes).to.have.lengthOf(4000)
    }
    for (const socket of lazy) socket.destroy()
    await server.close()
    await fabric.stop()
    rmSync(folder, { recursive: true })
  })

  it('J9 is heard on loopback alone, unless another address is given', () => {
    const { settings } = loadSettings({ commandLine: {}, environment: {} })
    expect(formatAddress(settings['health-addr'])).to.equal('127.0.0.1')
    expect(settings['admin-socket']).to.match(/^\//)
  })
})

describe('a password', () => {
  const secret = 'c2VjcmV0LXdvcmQ='
  for (const yaml of [
    `- {remoteip: 10.0.0.300, remoteasn: 65001, password: ${secret}}`,
    `- {remoteip: 10.0.0.9, remoteasn: 65001, password: [${secret}]}`,
    `- {remoteip: 10.0.0.9, remoteasn: 65001, passwort: ${secret}}`,
    `- {remoteip: [, password: ${secret}`,
  ]) {
    it(`J8 is in no finding about an annotation that is wrong: ${yaml.replaceAll(secret, '***')}`, () => {
      const made = plan(view(node('n1', { annotations: { 'kube-router.io/peers': yaml } })), options)
      expect(made.findings).to.have.length.above(0)
      expect(made.findings.map(formatFinding).join()).to.not.include(secret)
      expect(made.findings.map(formatFinding).join()).to.not.include('secret-word')
    })
  }
})

describe('AS 0', () => {
  const file = (change: string) =>
    `asn: 65001\nrouter-id: 10.0.0.1\npeers: [{ address: 10.0.0.2, asn: 65002 }]\nroutes: [{ prefix: 192.0.2.0/24, as-path: [65010] }]\n${change}`
  const read = (text: string) => readSpeakerFile(readDocument('tandem.yaml', text))

  it('C21 is refused wherever a path could get it from', () => {
    expect(read(file('')).routes).to.have.lengthOf(1)
    for (const [from, to] of [
      ['asn: 65001', 'asn: 0'],
      ['asn: 65002', 'asn: 0'],
      ['as-path: [65010]', 'as-path: [65010, 0]'],
      ['asn: 65002 }', 'asn: 65002, local-asn: 0 }'],
    ] as const) {
      expect(() => read(file('').replace(from, to)), to).to.throw(/tandem\.yaml/)
    }
    const policies =
      'policies: { longer: { default: accept, statements: [{ action: accept, set: { prepend: { asn: 0, count: 2 } } }] } }\n'
    expect(() => read(file(policies))).to.throw(/tandem\.yaml/)
  })
})
