/** The page of the lab in a real browser: drawn in both themes, live, by keyboard, on a phone, and without a complaint in its console. */

import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Page } from '../support/chromium.ts'
import { eventually } from '../topology/runner.ts'

const root = join(import.meta.dirname, '../..')
/** Set by `--pictures`: those of the README are made there. */
const pictures = process.env['PICTURES']

const routeRow = (prefix: string) => `document.querySelector('#routes [data-subject="${prefix}"]')?.closest('tr')`
const text = (selector: string) => `document.querySelector('${selector}').textContent`
const click = (selector: string) => `document.querySelector('${selector}').click()`

describe('the page', () => {
  let folder: string
  let lab: ChildProcess
  let browser: Page
  let address: string

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tandem-web-'))
    cpSync(join(root, 'daemon/lab/manifests'), folder, { recursive: true })
    const words = ['lab', '--manifests', folder, '--web-port', '0']
    lab = spawn(process.execPath, [join(root, 'daemon/main.ts'), ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    lab.stdout?.on('data', (chunk: Buffer) => (said += String(chunk)))
    address = await eventually(
      'the lab says where its page is',
      20_000,
      async () => /page at (http\S+)/.exec(said)?.[1],
    )
    browser = await Page.open(address)
    await browser.size(1280, 1000)
    await browser.scheme('light')
  }).timeout(60_000)

  after(async () => {
    await browser?.close()
    lab?.kill('SIGTERM')
    rmSync(folder, { recursive: true, force: true })
  })

  /** A key as a person presses it. */
  const press = async (key: string) => {
    const text = key === 'Enter' ? '\r' : key
    await browser.send('Input.dispatchKeyEvent', { type: 'keyDown', key, text })
    await browser.send('Input.dispatchKeyEvent', { type: 'keyUp', key })
  }
  const keep = async (name: string) => {
    if (pictures !== undefined) await browser.photograph(join(pictures, name))
  }

  it('draws the fabric: both routers, each node, a line of each family for each session', async () => {
    await browser.until(`${text('#counters')}.includes('4 of 4 sessions up')`)
    const names = await browser.value<string[]>(
      `[...document.querySelectorAll('#drawing g text:not(.small)')].map(({ textContent }) => textContent)`,
    )
    expect(names).to.deep.equal(['tor-a', 'tor-b', 'node-1', 'node-2'])
    for (const family of ['v4', 'v6'])
      expect(await browser.value(`document.querySelectorAll('#drawing line.${family}').length`)).to.equal(4)
  })

  it('shows the way of a route that is chosen, and says why it is there', async () => {
    await browser.until(routeRow('203.0.113.80/32'))
    await browser.value(click('#routes [data-subject="203.0.113.80/32"]'))
    await browser.until(`${text('#why')}.includes('advertised because of service/default/web-local')`)
    await browser.until(`document.querySelectorAll('#drawing line.way').length === 4`)
    // The IPv6 VIP of the same service has its only ready endpoint on one node.
    await browser.value(click('#routes [data-subject="2001:db8:113::80/128"]'))
    await browser.until(`document.querySelectorAll('#drawing line.way').length === 2`)
    await browser.until(`${text('#why')}.includes('no ready IPv6 endpoint is on this node')`)
    await keep('page-light.png')
  })

  it('is light or dark as the system is, and as the button says', async () => {
    const ground = () => browser.value<string>(`getComputedStyle(document.body).backgroundColor`)
    const light = await ground()
    await browser.scheme('dark')
    const dark = await ground()
    expect(dark).not.to.equal(light)
    await keep('page-dark.png')
    await browser.value(click('#theme'))
    expect(await ground()).to.equal(light)
    await browser.value(click('#theme'))
    expect(await ground()).to.equal(dark)
    await browser.value(click('#theme'))
    await browser.scheme('light')
    expect(await ground()).to.equal(light)
  })

  it('follows an edit of the manifests without being loaded again, and has it in the timeline', async () => {
    await browser.value(`window.mark = 'the same page'`)
    const file = join(folder, 'endpoints.yaml')
    const before = readFileSync(file, 'utf8')
    writeFileSync(file, before.replace('ready: true', 'ready: false'))
    const row = routeRow('203.0.113.80/32')
    await browser.until(`${row}.children[1].textContent.trim() === 'node-2'`)
    await browser.until(`${text('#events')}.includes('- 203.0.113.80/32 via 192.0.2.11')`)
    writeFileSync(file, before)
    await browser.until(`${row}.children[1].textContent.trim() === 'node-1 node-2'`)
    expect(await browser.value('window.mark')).to.equal('the same page')
  })

  it('is used by keyboard alone', async () => {
    await press('/')
    expect(await browser.value('document.activeElement.id')).to.equal('subject')
    await browser.type('default/web-local')
    await press('Enter')
    await browser.until(`${text('#why')}.includes('web-local')`)
    await browser.value(`document.querySelector('#drawing g[data-subject="node/node-2"]').focus()`)
    await press('Enter')
    await browser.until(`${text('#why')}.includes('node-2')`)
    // It is drawn anew each second: what has the focus keeps it.
    await browser.value('new Promise((done) => setTimeout(done, 1500))')
    expect(await browser.value('document.activeElement.dataset.subject')).to.equal('node/node-2')
  })

  it('says what it does not know', async () => {
    await browser.value(`document.getElementById('subject').value = 'nothing/here'; ${click('#search button')}`)
    await browser.until(`${text('#why')}.includes('is nothing that this daemon knows')`)
  })

  it('fits a phone', async () => {
    await browser.size(390, 800)
    const isWide = await browser.value<boolean>('document.documentElement.scrollWidth > window.innerWidth')
    expect(isWide).to.equal(false)
    await keep('page-phone.png')
    await browser.size(1280, 1000)
  })

  it('has nothing to complain about: no error, nothing that its policy forbids, nothing from elsewhere', async () => {
    const origins = new Set(browser.requests.map((one) => new URL(one)).filter(({ protocol }) => protocol !== 'data:'))
    expect([...new Set([...origins].map(({ origin }) => origin))]).to.deep.equal([new URL(address).origin])
    expect(browser.complaints).to.deep.equal([])
  })

  it('says so when the daemon does not answer any more', async () => {
    lab.kill('SIGKILL')
    await browser.until(`!document.getElementById('lost').hidden`)
  })
})
