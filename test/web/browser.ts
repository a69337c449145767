/** Chromium without a window, driven over its own protocol: a page, what it says in its console, and pictures of it. */

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../topology/runner.ts'

interface Reply {
  readonly id?: number
  readonly method?: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: { readonly message: string }
}

export class Browser {
  readonly #program: ChildProcess
  readonly #folder: string
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (reply: Reply) => void>()
  #last = 0
  /** Errors, warnings and violations of the content security policy. */
  readonly complaints: string[] = []

  private constructor(program: ChildProcess, folder: string, socket: WebSocket) {
    this.#program = program
    this.#folder = folder
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#heard(JSON.parse(String(data)) as Reply))
  }

  static async start(): Promise<Browser> {
    const folder = mkdtempSync(join(tmpdir(), 'tandem-browser-'))
    const words = ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--no-first-run']
    const program = spawn('chromium', [...words, '--remote-debugging-port=0', `--user-data-dir=${folder}`], {
      stdio: 'ignore',
    })
    const portFile = join(folder, 'DevToolsActivePort')
    const port = await eventually('the browser listens', 30_000, async () => {
      return existsSync(portFile) && readFileSync(portFile, 'utf8').split('\n')[0]
    })
    const made = await fetch(`http://127.0.0.1:${port}/json/new?about:blank`, { method: 'PUT' })
    const { webSocketDebuggerUrl } = (await made.json()) as { webSocketDebuggerUrl: string }
    const socket = new WebSocket(webSocketDebuggerUrl)
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve())
      socket.addEventListener('error', () => reject(new Error('the browser does not answer')))
    })
    const browser = new Browser(program, folder, socket)
    for (const domain of ['Page', 'Runtime', 'Log']) await browser.#send(`${domain}.enable`)
    return browser
  }

  async stop(): Promise<void> {
    this.#socket.close()
    const ended = new Promise((resolve) => this.#program.once('exit', resolve))
    this.#program.kill('SIGKILL')
    await ended
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }

  async open(url: string): Promise<void> {
    await this.#send('Page.navigate', { url })
  }

  async resize(width: number, height: number): Promise<void> {
    await this.#send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false })
  }

  async prefer(scheme: 'light' | 'dark'): Promise<void> {
    const features = [
      { name: 'prefers-color-scheme', value: scheme },
      { name: 'prefers-reduced-motion', value: 'reduce' },
    ]
    await this.#send('Emulation.setEmulatedMedia', { features })
  }

  /** What an expression is in the page. */
  async read<Value>(expression: string): Promise<Value> {
    const answer = await this.#send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true })
    const { result, exceptionDetails } = answer as { result: { value: Value }; exceptionDetails?: { text: string } }
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.text}`)
    return result.value
  }

  /** Waits until an expression is true in the page. */
  async until(what: string, expression: string, limitMs = 10_000): Promise<void> {
    await eventually(what, limitMs, () => this.read<boolean>(`Boolean(${expression})`))
  }

  /** A key as a person presses it; `text` for those that write. */
  async press(key: string, text = key.length === 1 ? key : ''): Promise<void> {
    await this.#send('Input.dispatchKeyEvent', { type: 'keyDown', key, text: key === 'Enter' ? '\r' : text })
    await this.#send('Input.dispatchKeyEvent', { type: 'keyUp', key })
  }

  async type(text: string): Promise<void> {
    await this.#send('Input.insertText', { text })
  }

  /** PNG. */
  async picture(): Promise<Buffer> {
    const { data } = await this.#send('Page.captureScreenshot', { format: 'png' })
    return Buffer.from(String(data), 'base64')
  }

  #send(method: string, params: object = {}): Promise<Readonly<Record<string, unknown>>> {
    const id = ++this.#last
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => {
        if (error) reject(new Error(`${method}: ${error.message}`))
        else resolve(result ?? {})
      })
      this.#socket.send(JSON.stringify({ id, method, params }))
    })
  }

  #heard(reply: Reply): void {
    if (reply.id !== undefined) {
      this.#waiting.get(reply.id)?.(reply)
      this.#waiting.delete(reply.id)
      return
    }
    const { method, params = {} } = reply
    const isNews = method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded'
    if (isNews || (method === 'Runtime.consoleAPICalled' && params['type'] !== 'log'))
      this.complaints.push(JSON.stringify(params))
  }
}
