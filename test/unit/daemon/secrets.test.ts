/**
 * Passwords and the token of the API server in a daemon that runs: given in every way there is, then looked for in everything that leaves
 * the process, in each form in which a text can stand there. The keys reach the kernel; see test/interop/sessions.ts for sessions that need them.
 */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { withoutSecrets } from '../../../daemon/confidential.ts'
import type { SpeakerSnapshot } from '../../../speaker/index.ts'
import { systemProblem } from '../../../speaker/transport/system.ts'
import { FakeApiServer } from '../../support/api-server/api-server.ts'
import { commandLine, DaemonProcess, freePort } from '../../support/daemon-process.ts'
import { nodeObject } from '../../support/kube-objects.ts'
import { eventually } from '../../topology/runner.ts'

/** A quote and a backslash, so that its JSON form is another text; with a newline at its end there is a finding, and so an event. */
const password = 'cAnArY-"of\\md5-7f3a91'
const token = 'cAnArY-token-c0ffee-7f3a91-bearer'
const base64 = (text: string) => Buffer.from(text).toString('base64')
const routers = ['127.0.0.2', '::1']

/** In all forms that a text may take: as it is, escaped, in hex, and in base64, wherever in the encoded octets it begins. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const aligned = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replaceAll('=', '')
    // The characters at both ends also hold bits of what stands beside it.
    return text.slice(shift === 0 ? 0 : shift + 1, -1)
  })
  const escaped = JSON.stringify(secret).slice(1, -1)
  return [
    secret,
    escaped,
    JSON.stringify(escaped).slice(1, -1),
    encodeURIComponent(secret),
    bytes.toString('hex'),
    ...aligned,
  ]
}

/** The forms of secrets that stand in a text; hex and URL escapes in either case. */
function found(text: string): string[] {
  const low = text.toLowerCase()
  return [password, token, base64(password), `${password}\n`]
    .flatMap(formsOf)
    .filter((form) => text.includes(form) || low.includes(form.toLowerCase()))
}

const questions = [
  '/v1/status',
  '/v1/peers',
  '/v1/plan',
  ...['in', 'best', 'out'].map((view) => `/v1/routes?view=${view}`),
  ...['node/node-1', '10.244.1.0/24', ...routers.map((ip) => `peer/${ip}`)].map((one) => `/v1/explain?subject=${one}`),
]

interface Way {
  readonly title: string
  readonly flags?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  /** It has a finding about the password, and so an event. */
  readonly event?: boolean
  /** The configuration of the speaker alone, instead of Kubernetes. */
  readonly alone?: string
}

const both = (text: string) => routers.map(() => text).join(',')
const flagsOfRouters = [`--peer-router-ips=${routers.join()}`, '--peer-router-asns=65001,65001']
const annotated = (field: string) => routers.map((ip) => `- {remoteip: "${ip}", remoteasn: 65001, ${field}}`).join('\n')
const configuration = (field: string) =>
  `asn: 64512\nrouter-id: 10.0.0.2\nlisten: []\npeers:\n${routers
    .map((ip) => `  - {address: "${ip}", asn: 65001, connect-retry: 1, ${field}}`)
    .join('\n')}\n`

const ways: readonly Way[] = [
  { title: 'a flag', flags: [...flagsOfRouters, `--peer-router-passwords=${both(base64(`${password}\n`))}`] },
  {
    title: 'a flag and its value apart',
    flags: [...flagsOfRouters, '--peer-router-passwords', both(base64(password))],
  },
  {
    title: 'the environment',
    flags: flagsOfRouters,
    environment: { TANDEM_PEER_ROUTER_PASSWORDS: both(base64(password)) },
  },
  { title: 'a file', flags: [...flagsOfRouters, `--peer-router-passwords-file=list`] },
  { title: 'the configuration file', flags: [...flagsOfRouters, `--config=config`] },
  {
    title: 'the annotation peers',
    annotations: { 'kube-router.io/peers': annotated(`password: "${base64(`${password}\n`)}"`) },
    event: true,
  },
  {
    title: 'the older annotations',
    annotations: {
      'kube-router.io/peer.ips': routers.join(),
      'kube-router.io/peer.asns': '65001,65001',
      'kube-router.io/peer.passwords': both(base64(password)),
    },
  },
  {
    title: 'a mounted Secret',
    flags: [`--peer-passwords-dir=passwords`],
    annotations: { 'kube-router.io/peers': annotated('password-from: tor') },
  },
  { title: 'the file of the speaker alone', alone: configuration(`password: ${JSON.stringify(password)}`) },
  { title: 'a file that it names', alone: configuration(`password-file: passwords/tor`) },
]

describe('secrets of a daemon that runs', function () {
  this.timeout(60_000)
  let folder: string
  let api: FakeApiServer
  let daemon: DaemonProcess | undefined

  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tandem-secrets-'))
    api = await FakeApiServer.start()
    api.token = token
    mkdirSync(join(folder, 'passwords'))
    file('passwords/tor', `${password}\n`)
    file('list', both(base64(`${password}\n`)))
    file('config', `peer-router-passwords: ["${base64(password)}", "${base64(password)}"]\n`)
    file('kubeconfig', kubeconfig(api.url))
  })

  afterEach(async () => {
    await daemon?.stop()
    daemon = undefined
    await api.stop()
    rmSync(folder, { recursive: true })
  })

  async function started({ flags = [], environment = {}, annotations, alone }: Way, node: readonly string[] = []) {
    api.apply(nodeObject('node-1', { addresses: ['127.0.0.1', '::1'], metadata: { annotations } }))
    const kubernetes = [
      `--kubeconfig=${join(folder, 'kubeconfig')}`,
      '--hostname-override=node-1',
      '--enable-ibgp=false',
      '--local-addresses=127.0.0.1',
      `--bgp-port=${await freePort()}`,
      '--connect-retry=1s',
      '--node-status=annotation',
    ]
    const source = alone === undefined ? kubernetes : ['--source=none', `--config=${file('alone', alone)}`]
    const made = new DaemonProcess(folder, { flags: [...source, ...flags], environment, node })
    daemon = made
    // Nobody listens there, and the kernel drops a refusal that is not signed: a session stays where its key has been set.
    await eventually('a try of both peers', 10_000, async () => {
      const { peers } = JSON.parse(await made.asked('/v1/peers')) as Pick<SpeakerSnapshot, 'peers'>
      return peers.length === routers.length && peers.every(({ state }) => state === 'Connect')
    })
    return made
  }

  /** What the daemon has said so far, asked for by every question. */
  async function leaving(made: DaemonProcess): Promise<Record<string, string>> {
    const answers = await Promise.all(questions.map(async (path) => [path, await made.asked(path)]))
    const status = api.get('Node', undefined, 'node-1')?.metadata['annotations'] as Record<string, string> | undefined
    return {
      ...Object.fromEntries(answers),
      log: made.output,
      events: JSON.stringify(api.list('Event')),
      'tandem.io/status': status?.['tandem.io/status'] ?? '',
      cmdline: readFileSync(`/proc/${made.pid}/cmdline`, 'latin1').replaceAll('\0', ' '),
      requests: JSON.stringify(api.requests),
    }
  }

  const leaks = (texts: Readonly<Record<string, string>>) =>
    Object.entries(texts).flatMap(([where, text]) => found(text).map((form) => `${where}: ${form}`))

  it('J8 would be found in each form', () => {
    for (const form of [
      JSON.stringify({ password }),
      JSON.stringify(JSON.stringify({ password })),
      base64(password),
      base64(base64(password)),
      base64(`:${password}`),
      base64(`ab${password}cd`),
      Buffer.from(`x${token}`).toString('hex').toUpperCase(),
      encodeURIComponent(`${password}`),
    ])
      expect(found(`<${form}>`), form).to.not.deep.equal([])
    expect(found('nothing of that kind')).to.deep.equal([])
  })

  for (const way of ways)
    it(`J8 given by ${way.title} are nowhere`, async () => {
      const made = await started(way)
      if (way.event)
        await eventually('an event about it', 10_000, async () => JSON.stringify(api.list('Event')).includes('newline'))
      expect(leaks(await leaving(made))).to.deep.equal([])
      await made.stop()
      expect(leaks({ end: made.output })).to.deep.equal([])
    })

  it('J8 are in no answer of the command line, as a table or as JSON', async () => {
    const way = ways.find(({ title }) => title === 'the environment')!
    const made = await started(way)
    const asking = ['peers', 'routes out', `explain peer/${routers[0]}`].flatMap((words) => [words, `${words} -o json`])
    const planning = ['plan', 'plan -o json', 'plan --diff'].map(
      (words) =>
        `${words} --kubeconfig=kubeconfig --hostname-override=node-1 ${flagsOfRouters.join(' ')} --peer-router-passwords=${both(base64(password))}`,
    )
    for (const words of [...asking, ...planning]) {
      const { status, output } = await commandLine(folder, [...words.split(' '), `--admin-socket=${made.socket}`])
      expect(status, `${words}: ${output}`).to.equal(0)
      expect(leaks({ [words]: output })).to.deep.equal([])
    }
  })

  it('J8 are in no complaint about a configuration that is applied or read again', async () => {
    const way = ways.find(({ alone }) => alone?.includes('password:'))!
    const made = await started(way)
    const long = `${password}${'x'.repeat(80)}`
    const texts = [
      configuration(`password: ${JSON.stringify(long)}`),
      configuration(`password: [${JSON.stringify(password)}]`),
      configuration(`password: ${password}"}`),
      configuration(`password: "${password}"`),
      configuration(`passwort: ${JSON.stringify(password)}`),
      `peer-router-passwords: ["${base64(password)}"]\n`,
      `{"peers": [{"password": "${token}"]`,
    ]
    for (const text of texts) {
      const answer = await made.asked('/v1/apply?name=new', text)
      expect(answer, text).to.include('"error"')
      expect(leaks({ [text]: answer })).to.deep.equal([])
    }
    file('alone', texts[0]!)
    made.signal('SIGHUP')
    await eventually('the complaint', 10_000, async () => made.output.includes('stays in use'))
    expect(leaks({ log: made.output })).to.deep.equal([])
  })

  describe('of a daemon that does not start', () => {
    const long = base64(`${password}${'x'.repeat(80)}`)
    const list = flagsOfRouters.join(' ')
    const rows: readonly [title: string, words: string][] = [
      ['too long', `${list} --peer-router-passwords=${both(long)}`],
      ['no base64', `${list} --peer-router-passwords=${both(`${token}!`)}`],
      ['one too few', `${list} --peer-router-passwords=${base64(password)}`],
      ['under a name that is none', `${list} --peer-router-password=${base64(password)}`],
      ['in words apart', `${list} --peer-router-passwords ${token} ${token}`],
      ['of a file with one too few', `${list} --peer-router-passwords-file=one`],
      ['in a file of the wrong shape', '--config=config'],
      ['in a kubeconfig that is broken', '--kubeconfig=broken'],
    ]
    for (const [title, words] of rows)
      it(`J8 are not shown when they are ${title}`, async () => {
        file('one', base64(password))
        file('config', `peer-router-passwords: {${token}: "${base64(password)}"}\n`)
        file('broken', `${kubeconfig(api.url).slice(0, -1)}, "x": ]`)
        const { status, output } = await commandLine(folder, ['run', '--admin-socket=it', ...words.split(' ')])
        expect(status, output).to.equal(2)
        expect(output).to.match(/^tandem: /m)
        expect(leaks({ output })).to.deep.equal([])
      })
  })

  describe('when it crashes', () => {
    const crash = "data:text/javascript,process.on('SIGUSR2',()=>{throw new Error('a fault')})"
    const node = ['--import', crash, '--report-uncaught-exception', '--report-directory=.']
    const reports = () => readdirSync(folder).filter((name) => name.startsWith('report.'))

    it('J8 are not in what it prints, nor in a report of Node that was asked for', async () => {
      const made = await started(ways.find(({ title }) => title === 'the environment')!, node)
      made.signal('SIGUSR2')
      await made.ended
      expect(made.output).to.include('a fault')
      expect(reports()).to.have.length(1)
      const report = readFileSync(join(folder, reports()[0]!), 'utf8')
      expect(report).to.include('"javascriptStack"')
      expect(leaks({ output: made.output, report })).to.deep.equal([])
    })

    it('J8 are not in a report when they are on the command line: none is written', async () => {
      const made = await started(ways[0]!, node)
      made.signal('SIGUSR2')
      await made.ended
      expect(made.output).to.include('a fault')
      expect(reports()).to.deep.equal([])
      expect(leaks({ output: made.output })).to.deep.equal([])
    })

    it('J8 are in no core: the limit is set with the first key', async function () {
      if (systemProblem() !== undefined) this.skip()
      const limit = async (way: Way) => {
        const made = await started(way)
        return /^Max core file size +(\S+) +(\S+)/m.exec(readFileSync(`/proc/${made.pid}/limits`, 'utf8'))?.slice(1)
      }
      expect(await limit(ways[0]!)).to.deep.equal(['1', '1'])
    })
  })

  it('J8 cannot be had by the debugger: SIGUSR1 opens none', async () => {
    const made = await started(ways[0]!)
    made.signal('SIGUSR1')
    // An answer that was asked for after the signal.
    await made.asked('/v1/peers')
    await made.stop()
    expect(made.output).to.not.match(/debugger/i)
  })
})

describe('a command line', () => {
  it('is shown without the values of secret flags', () => {
    const words = [
      'node',
      'run',
      '--peer-router-passwords=a,b',
      '--peer-router-passwords',
      'c',
      '--peer-router-ips=::1',
    ]
    expect(withoutSecrets(words).words).to.deep.equal([
      'node',
      'run',
      '--peer-router-passwords=(not shown)',
      '--peer-router-passwords',
      '(not shown)',
      '--peer-router-ips=::1',
    ])
    expect(withoutSecrets(['node', 'run', '--peer-router-passwords-file=x']).had).to.equal(false)
  })
})

function kubeconfig(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'it',
    contexts: [{ name: 'it', context: { cluster: 'it', user: 'it' } }],
    clusters: [{ name: 'it', cluster: { server } }],
    users: [{ name: 'it', user: { token } }],
  })
}
