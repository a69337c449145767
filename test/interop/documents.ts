/** What the documents have people type on a node and on its router, typed there: beside BIRD as README.md configures it, in network namespaces. */

import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { SpeakerSnapshot } from '../../speaker/index.ts'
import { type Documented, documentedCommands } from '../support/documented.ts'
import { blocksOf, root } from '../support/documents.ts'
import { eventually, type Program, Topology } from '../topology/runner.ts'

const main = join(root, 'daemon/main.ts')

describe('the documents, beside BIRD as README.md has it', function () {
  this.timeout(60_000)
  let topology: Topology
  let commands: readonly Documented[]
  let tandem: Program | undefined

  before(async () => {
    topology = await Topology.layOut(join(root, 'test/topology/bird.clab.yml'))
    const { work } = topology
    const read = documentedCommands(join(work, 'typed'))
    commands = [...read.inBlocks, ...read.inSentences]
    const manifests = join(work, 'manifests')
    cpSync(topology.bound('node-1', '/manifests'), manifests, { recursive: true })
    for (const file of ['services.yaml', 'endpoints.yaml']) {
      const text = readFileSync(join(manifests, file), 'utf8')
      writeFileSync(join(manifests, file), text.replaceAll('web-local', 'web'))
    }
    await readyNode()
    const bird = blocksOf('README.md').find(({ text }) => text.startsWith('protocol bgp'))
    writeFileSync(join(work, 'bird.conf'), `log stderr all;\nprotocol device {}\n${bird!.text}`)
    const files = ['-c', join(work, 'bird.conf'), '-s', join(work, 'bird.ctl'), '-P', join(work, 'bird.pid')]
    topology.start('tor', ['bird', '-f', ...files])
  })

  after(async () => {
    await topology?.tearDown()
  })

  afterEach(async () => {
    await tandem?.stop()
    tandem = undefined
  })

  /** As a node has to be: `tandem check` looks at it. */
  async function readyNode(): Promise<void> {
    for (const key of ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'])
      await topology.run('node-1', ['sysctl', '-qw', `${key}=1`])
    await topology.run('node-1', ['ip', 'route', 'add', 'default', 'via', '10.0.0.1'])
    await topology.run('node-1', ['ip', '-6', 'route', 'add', 'default', 'via', 'fd00::1'])
  }

  /** In the folder that has `manifests`, with the admin socket of this test. */
  function command(words: readonly string[]): string[] {
    const { work } = topology
    const place = ['env', '-C', work, `TANDEM_ADMIN_SOCKET=${join(work, 'run/tandem.sock')}`]
    const cluster = ['TANDEM_MANIFESTS=manifests', 'TANDEM_HOSTNAME_OVERRIDE=node-1', 'TANDEM_CLUSTER_ASN=64512']
    return [...place, ...cluster, 'TANDEM_ENABLE_IBGP=false', ...(words[0] === 'tandem' ? tandemWords(words) : words)]
  }

  const tandemWords = (words: readonly string[]) => [process.execPath, main, ...words.slice(1)]
  const type = (words: readonly string[]) => topology.run('node-1', command(words))
  const start = (words: readonly string[]) => {
    tandem = topology.start('node-1', command(words))
  }

  function documented(form: RegExp): string[][] {
    const found = commands.map(({ words }) => [...words]).filter((words) => form.test(words.join(' ')))
    expect(found.length, String(form)).to.be.at.least(1)
    return [...new Map(found.map((words) => [words.join(' '), words])).values()]
  }

  const isUp = async () => {
    const { peers } = JSON.parse(await type(['tandem', 'peers', '-o', 'json'])) as SpeakerSnapshot
    return peers.some(({ name, state }) => name === '10.0.0.1' && state === 'Established')
  }

  for (const [page, form, wanted] of [
    ['README.md', /^tandem run --manifests .*--advertise-cluster-ip$/, ['10.96.0.10/32', 'fd00:96::10/128']],
    ['the tutorial', /^tandem run --manifests .*--advertise-loadbalancer-ip /, ['203.0.113.80/32']],
  ] as const)
    it(`the daemon that ${page} starts has a session, and the router has its routes`, async () => {
      const [words] = documented(form)
      start(words!)
      await eventually('the session', 20_000, isUp)
      for (const prefix of [...wanted, '10.244.1.0/24', 'fd00:244:1::/64'])
        await eventually(`the router's route to ${prefix}`, 10_000, async () => {
          const table = await topology.run('tor', ['birdc', '-s', join(topology.work, 'bird.ctl'), 'show', 'route'])
          return table.includes(`${prefix} `)
        })
      expect(await type(['tandem', 'explain', 'peer/10.0.0.1'])).to.match(/^peer\/10\.0\.0\.1: .* Established for /)
    })

  it('`tandem check` of the tutorial is content with the node, without a daemon and beside one', async () => {
    const [words] = documented(/^tandem check --manifests /)
    expect(await type(words!)).to.include('port 179 is reached')
    start(documented(/^tandem run --manifests .*--advertise-cluster-ip$/)[0]!)
    await eventually('the session', 20_000, isUp)
    expect(await type(words!)).to.include('held by the tandem that runs here')
  })

  it('kernel routes: the daemon is started, and rules and routes added and removed, as it is written', async () => {
    mkdirSync(join(topology.work, 'run'), { recursive: true })
    for (const words of documented(/^tandem run .*--install-routes/)) {
      start(words)
      await eventually('the table of the kernel', 20_000, async () => {
        const { kernel } = JSON.parse(await type(['tandem', 'peers', '-o', 'json'])) as SpeakerSnapshot
        return kernel !== undefined
      })
      await tandem!.stop()
    }
    for (const words of [...documented(/^ip (-6 )?(rule|route) add/), ...documented(/^ip (-6 )?route flush/)])
      await type(words)
    for (const words of documented(/^tandem clean-routes/)) await type(words)
  })
})
