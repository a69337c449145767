/**
 * A page in a headless Chromium, driven over the DevTools protocol: opened, asked, typed into, pointed at and photographed. One browser a
 * page, in a folder of its own; `close` ends it and removes the folder.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Milliseconds for the browser to come up, and for a page to become as it should. */
const patience = 30_000

interface Answer {
  readonly id?: number
  readonly method?: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: { readonly message: string }
}

interface Waiting {
  resolve(result: Readonly<Record<string, unknown>>): void
  reject(error: Error): void
}

export class Page {
  /** Addresses that the page has asked for. */
  readonly requests: string[] = []
  /** What it wrote on the console, and exceptions that it did not catch. */
  readonly complaints: string[] = []
  readonly #browser: ChildProcess
  readonly #folder: string
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, Waiting>()
  #last = 0

  private constructor(browser: ChildProcess, folder: string, socket: WebSocket) {
    this.#browser = browser
    this.#folder = folder
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(String(data)) as Answer))
    socket.addEventListener('close', () => {
      for (const waiting of this.#waiting.values()) waiting.reject(new Error('Chromium has gone'))
      this.#waiting.clear()
    })
  }

  static async open(address: string): Promise<Page> {
    const folder = mkdtempSync(join(tmpdir(), 'tandem-chromium-'))
    const flags = [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
    ]
    const words = [...flags, '--remote-debugging-port=0', `--user-data-dir=${folder}`, 'about:blank']
    const browser = spawn('chromium', words, { stdio: ['ignore', 'ignore', 'pipe'] })
    try {
      const port = new URL(await debuggerOf(browser)).port
      const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
        readonly type: string
        readonly webSocketDebuggerUrl: string
      }[]
      const socket = new WebSocket(targets.find(({ type }) => type === 'page')!.webSocketDebuggerUrl)
      await once(socket, 'open')
      const page = new Page(browser, folder, socket)
      for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await page.send(`${domain}.enable`)
      await page.send('Page.navigate', { url: address })
      await page.until('document.readyState === "complete"')
      return page
    } catch (error) {
      await end(browser, folder)
      throw error
    }
  }

  /** A command of the protocol. */
  async send(method: string, params: object = {}): Promise<Readonly<Record<string, unknown>>> {
    const id = ++this.#last
    const answer = new Promise<Readonly<Record<string, unknown>>>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
    })
    this.#socket.send(JSON.stringify({ id, method, params }))
    return answer
  }

  /** The value of an expression in the page. */
  async value<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails } = (await this.send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    })) as { result: { value: Value }; exceptionDetails?: { text: string; exception?: { description?: string } } }
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
    return result.value
  }

  /** Waits until an expression in the page holds. */
  async until(expression: string): Promise<void> {
    const before = Date.now()
    while (!(await this.value<boolean>(`Boolean(${expression})`).catch(() => false))) {
      if (Date.now() - before > patience) throw new Error(`never in the page: ${expression}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** Puts text where the focus is. */
  async type(text: string): Promise<void> {
    await this.send('Input.insertText', { text })
  }

  /** Moves the pointer onto the first element that a selector finds; `click` presses there. */
  async point(selector: string, click = false): Promise<void> {
    const element = `document.querySelector(${JSON.stringify(selector)})`
    const { x, y } = await this.value<{ x: number; y: number }>(
      `(() => { ${element}.scrollIntoView({ block: 'center' }); const { x, y, width, height } = ${element}.getBoundingClientRect(); return { x: x + width / 2, y: y + height / 2 } })()`,
    )
    await this.send('Input.dispatchMouseEvent', { type: 'mouseMoved', x, y })
    if (!click) return
    for (const type of ['mousePressed', 'mouseReleased'])
      await this.send('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 })
  }

  async size(width: number, height: number): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false })
  }

  /** As a reader whose system is light or dark. */
  async scheme(scheme: 'light' | 'dark'): Promise<void> {
    await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] })
  }

  /** Writes a picture of what is seen, a PNG. */
  async photograph(file: string): Promise<void> {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' })
    writeFileSync(file, Buffer.from(String(data), 'base64'))
  }

  async close(): Promise<void> {
    this.#socket.close()
    await end(this.#browser, this.#folder)
  }

  #take({ id, method, params = {}, result, error }: Answer): void {
    if (id !== undefined) {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error) waiting?.reject(new Error(error.message))
      else waiting?.resolve(result ?? {})
      return
    }
    if (method === 'Network.requestWillBeSent') this.requests.push((params['request'] as { url: string }).url)
    if (method === 'Runtime.exceptionThrown' || method === 'Runtime.consoleAPICalled' || method === 'Log.entryAdded')
      this.complaints.push(JSON.stringify(params))
  }
}

/** The address on which the browser says that it listens. */
async function debuggerOf(browser: ChildProcess): Promise<string> {
  let said = ''
  const timer = setTimeout(() => browser.kill('SIGKILL'), patience)
  try {
    for await (const chunk of browser.stderr!.setEncoding('utf8')) {
      said += String(chunk)
      const found = /DevTools listening on (ws:\S+)/.exec(said)?.[1]
      if (found) return found
    }
    throw new Error(`Chromium did not start: ${said}`)
  } finally {
    clearTimeout(timer)
  }
}

async function end(browser: ChildProcess, folder: string): Promise<void> {
  if (browser.exitCode === null && browser.signalCode === null) {
    browser.kill('SIGTERM')
    await once(browser, 'exit')
  }
  // Its helpers may still write into it for a moment.
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
}
