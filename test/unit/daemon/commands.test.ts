/** The command line as a user meets it: completion, forms of output, and what happens when nobody answers. */

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import { wideFormats, written } from '../../../daemon/render/format.ts'
import { DaemonProcess, freePort } from '../../support/daemon-process.ts'
import { eventually } from '../../topology/runner.ts'

const main = join(import.meta.dirname, '../../../daemon/main.ts')
const tandem = (...words: string[]) => spawnSync(process.execPath, [main, ...words], { encoding: 'utf8' })
const has = (program: string) => spawnSync(program, ['--version']).error === undefined

describe('the command line', () => {
  let folder: string

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tandem-commands-'))
  })

  after(() => rmSync(folder, { recursive: true }))

  it('completes commands, flags, and the words that a flag chooses from, in bash', () => {
    const script = join(folder, 'completion.bash')
    writeFileSync(script, tandem('completion', 'bash').stdout)
    const completed = (...words: string[]) =>
      execFileSync('bash', [
        '-c',
        `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tandem; echo "\${COMPREPLY[@]}"`,
        script,
        'tandem',
        ...words,
      ])
        .toString()
        .trim()
    expect(completed('pe')).to.equal('peers')
    expect(completed('ev')).to.equal('events')
    expect(completed('routes', '--pe')).to.equal('--peer')
    for (const name of ['peers', 'routes']) expect(completed(name, '--all')).to.equal('--all-nodes')
    expect(completed('run', '--cluster-as')).to.equal('--cluster-asn')
    expect(completed('run', '--ready-sessions', 'fa')).to.equal('family')
    expect(completed('peers', '-o', '')).to.equal(wideFormats.join(' '))
    expect(completed('explain', '--rou')).to.equal('--router')
    expect(completed('explain', '--router', '')).to.equal('frr bird')
    expect(completed('run', '--goaway')).to.equal('')
  }).timeout(30_000)

  for (const shell of ['zsh', 'fish']) {
    it(`makes a script that ${shell} takes`, function () {
      if (!has(shell)) this.skip()
      const script = join(folder, `completion.${shell}`)
      writeFileSync(script, tandem('completion', shell).stdout)
      expect(spawnSync(shell, ['-n', script], { encoding: 'utf8' }).stderr).to.equal('')
    }).timeout(30_000)
  }

  it('says which shells there are', () => {
    const { status, stderr } = tandem('completion', 'tcsh')
    expect([status, stderr]).to.deep.equal([2, 'tandem: SHELL: "tcsh" is not one of bash, zsh, fish\n'])
  }).timeout(10_000)

  it('says that nobody answers, with the socket that it asked at', () => {
    for (const words of [['peers'], ['routes'], ['events'], ['explain', '192.0.2.1']]) {
      const { status, stderr } = tandem(...words, '--admin-socket', join(folder, 'nobody'))
      expect(status, words[0]).to.equal(2)
      expect(stderr, words[0]).to.include('nobody').and.to.include('is tandem running there?')
    }
  }).timeout(20_000)

  it('names the routers that it can write for', () => {
    const { status, stderr } = tandem('explain', 'peer/10.0.0.1', '--router', 'junos')
    expect(status).to.equal(2)
    expect(stderr).to.include("'junos' is invalid").and.to.include('frr, bird')
    expect(tandem('explain', '--help').stdout).to.include('tandem explain peer/fd00::1 --router frr')
  }).timeout(20_000)

  it('refuses a family that is none, before anybody is asked', () => {
    for (const family of ['ipv4', 'IPV6-UNICAST', 'l2vpn']) {
      const { status, stderr } = tandem('routes', '--family', family, '--admin-socket', join(folder, 'nobody'))
      expect(status).to.equal(2)
      expect(stderr).to.include(`'${family}' is invalid`).and.to.include('ipv4-unicast, ipv6-unicast')
    }
  }).timeout(20_000)

  it('writes the same in each form', () => {
    const value = { peers: [{ name: 'fd00::1', up: true, why: undefined }], count: 1 }
    const plain = { peers: [{ name: 'fd00::1', up: true }], count: 1 }
    expect(JSON.parse(written('json', value, () => 'text'))).to.deep.equal(plain)
    expect(parse(written('yaml', value, () => 'text'))).to.deep.equal(plain)
    expect(written('table', value, () => 'text')).to.equal('text')
  })

  it('ends a daemon that cannot start, also where it listens already, and leaves no socket', () => {
    const config = join(folder, 'wrong.yaml')
    const socket = join(folder, 'wrong.sock')
    writeFileSync(config, 'asn: 64512\nrouter-id: 10.0.0.2\npeers: [{ address: nonsense, asn: 65001 }]\n')
    const words = ['run', '--source=none', `--config=${config}`, `--admin-socket=${socket}`, '--web', '--web-port=0']
    const ended = spawnSync(process.execPath, [main, ...words], { encoding: 'utf8', timeout: 30_000 })
    expect(ended.signal, 'it had to be killed').to.equal(null)
    expect(ended.status).to.equal(2)
    expect(ended.stderr).to.include('peers[0].address: "nonsense" is not an IP address')
    expect(existsSync(socket)).to.equal(false)
    expect(existsSync(join(folder, 'started')), 'the next start is no restart').to.equal(false)
  })

  it('obeys a signal that comes as soon as anybody can know of it', async () => {
    const config = join(folder, 'large.json')
    const port = await freePort()
    const prefixes = Array.from({ length: 30_000 }, (_, index) => `10.${index >> 8}.${index & 255}.0/24`)
    // So much that it is still at its first routes then.
    const listen = [{ address: '127.0.0.1', port }]
    writeFileSync(config, JSON.stringify({ asn: 64512, 'router-id': '10.0.0.2', listen, routes: [{ prefixes }] }))
    const daemon = new DaemonProcess(folder, { flags: ['--source=none', `--config=${config}`] })
    await eventually('its socket', 20_000, async () => existsSync(daemon.socket))
    daemon.signal('SIGTERM')
    await daemon.ended
    expect(daemon.status, daemon.output).to.equal(0)
  }).timeout(30_000)
})
