/** docker/firewall/nftables.conf in the kernel of a node: routers have their sessions and BFD, and nobody else reaches a port of Tandem. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { SpeakerSnapshot } from '../../speaker/index.ts'
import { eventually, Topology } from '../topology/runner.ts'

const main = join(import.meta.dirname, '../../daemon/main.ts')
const rules = join(import.meta.dirname, '../../docker/firewall/nftables.conf')

/** Both ends of a try, by family: the file's router, and a neighbour on the same link. */
const tries = [
  { router: '10.0.0.1', stranger: '10.0.0.9', node: '10.0.0.2', reader: '10.244.0.9', length: 24 },
  { router: 'fd00::1', stranger: 'fd00::9', node: 'fd00::2', reader: 'fd00:244::9', length: 64 },
] as const

const bird = `
log stderr all;
router id 10.0.0.1;
protocol device {}
protocol bfd { interface "eth1" { min rx interval 200 ms; min tx interval 200 ms; multiplier 3; }; }
template bgp node { bfd on; connect retry time 1; connect delay time 1; error wait time 1, 2; ipv4 { import all; export none; }; ipv6 { import all; export none; }; }
protocol bgp over4 from node { local 10.0.0.1 as 65001; neighbor 10.0.0.2 as 64512; }
protocol bgp over6 from node { local fd00::1 as 65001; neighbor fd00::2 as 64512; }
`

describe('the firewall of a node', function () {
  this.timeout(90_000)
  let topology: Topology

  before(async () => {
    topology = await Topology.layOut(join(import.meta.dirname, '../topology/sessions.clab.yml'))
    for (const { stranger, reader, length } of tries) {
      await topology.run('tor', ['ip', 'addr', 'add', `${stranger}/${length}`, 'dev', 'eth1'])
      await topology.run('tor', ['ip', 'addr', 'add', `${reader}/${length}`, 'dev', 'eth1'])
      const net = reader.includes(':') ? 'fd00:244::/64' : '10.244.0.0/24'
      await topology.run('node-1', ['ip', 'route', 'add', net, 'dev', 'eth1'])
    }
    await topology.run('node-1', ['nft', '-f', rules])
    const source = ['--manifests', join(import.meta.dirname, '../topology/manifests'), '--hostname-override=node-1']
    const routers = [
      '--peer-router-ips=10.0.0.1,fd00::1',
      '--peer-router-asns=65001,65001',
      '--connect-retry=1s',
      '--enable-ibgp=false',
    ]
    const bfd = ['--enable-bfd', '--bfd-desired-min-tx-interval=200', '--bfd-required-min-rx-interval=200']
    const open = ['--metrics-port=20241', '--metrics-addr=::', '--health-addr=::', '--web', '--web-addr=::']
    const own = [
      ...source,
      '--cluster-asn=64512',
      ...routers,
      ...bfd,
      `--admin-socket=${join(topology.work, 'tandem.sock')}`,
    ]
    topology.start('node-1', [process.execPath, main, 'run', ...own, ...open])
    await eventually('Tandem answers', 15_000, () =>
      topology.run('node-1', ['curl', '-sf', 'http://127.0.0.1:20244/healthz']),
    )
    writeFileSync(join(topology.work, 'bird.conf'), bird)
    const files = ['-c', join(topology.work, 'bird.conf'), '-s', join(topology.work, 'bird.ctl')]
    topology.start('tor', ['bird', '-f', ...files, '-P', join(topology.work, 'bird.pid')])
  })

  after(async () => topology?.tearDown())

  /** `open`, or `lost` when nothing comes back. */
  async function reach(from: string, to: string, port: number): Promise<string> {
    const script = `const s=require('net').connect({host:'${to}',port:${port},localAddress:'${from}'});const t=setTimeout(()=>{console.log('lost');process.exit()},700);s.on('connect',()=>{console.log('open');process.exit()}).on('error',(e)=>{clearTimeout(t);console.log(e.code)})`
    return (await topology.run('tor', [process.execPath, '-e', script])).trim()
  }

  it('lets sessions come up over both families, with BFD', async () => {
    const command = [
      process.execPath,
      main,
      'peers',
      '-o',
      'json',
      '--admin-socket',
      join(topology.work, 'tandem.sock'),
    ]
    let last = ''
    await eventually('sessions and paths are up', 30_000, async () => {
      const { peers } = JSON.parse(await topology.run('node-1', command)) as SpeakerSnapshot
      last = peers.map(({ name, state, bfd }) => `${name} ${state}, BFD ${bfd?.state}`).join('; ')
      return peers.length === 2 && peers.every(({ state, bfd }) => state === 'Established' && bfd?.state === 'Up')
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${last}`)
    })
  })

  for (const { router, stranger, node, reader } of tries) {
    it(`${node}: a neighbour reaches no port of Tandem, and any other`, async () => {
      for (const port of [179, 20241, 20244, 20245])
        expect(await reach(stranger, node, port), `${port}`).to.equal('lost')
      expect(await reach(stranger, node, 22)).to.equal('ECONNREFUSED')
    })

    it(`${node}: the router reaches BGP, what reads metrics those, and neither more`, async () => {
      const seen = async (from: string) =>
        Promise.all([179, 20241, 20244, 20245].map((port) => reach(from, node, port)))
      expect(await seen(router)).to.deep.equal(['open', 'lost', 'lost', 'lost'])
      expect(await seen(reader)).to.deep.equal(['lost', 'open', 'lost', 'lost'])
    })
  }

  it('can be loaded again while all that is up stays up', async () => {
    await topology.run('node-1', ['nft', '-f', rules])
    expect(await reach('10.0.0.9', '10.0.0.2', 179)).to.equal('lost')
    const chains = (await topology.run('node-1', ['nft', 'list', 'ruleset'])).match(/hook input/g)
    expect(chains).to.have.length(1)
  })
})
