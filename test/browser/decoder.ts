/** The decoder's page as its readers use it: pasted into, clicked, pointed at, in light and dark, wide and narrow. */

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Address, encodeMessage, encodeUpdate, hex, Prefix } from 'bgp-ts'
import { expect } from 'chai'
import { Page } from '../support/chromium.ts'

const folder = join(import.meta.dirname, '../../docs/decoder')
const types: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'decoder.css': 'text/css',
  'decoder.js': 'text/javascript',
}

async function serve(): Promise<{ server: Server; origin: string }> {
  const server = createServer((request, response) => {
    const name = request.url === '/' ? 'index.html' : (request.url ?? '').slice(1)
    const type = types[name]
    if (type) response.writeHead(200, { 'content-type': type }).end(readFileSync(join(folder, name)))
    else response.writeHead(404).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const update = encodeUpdate({
  attributes: { origin: 'igp', asPath: [{ type: 'sequence', asns: [64512, 4200000001] }] },
  reach: {
    family: 'ipv6-unicast',
    nextHop: new Address(6, 0xfd000000, 0, 0, 1),
    prefixes: [new Prefix('ipv6-unicast', 48, 0x20010db8)],
  },
})
const keepalive = encodeMessage({ kind: 'keepalive' })

describe("the decoder's page", () => {
  let server: Server
  let origin = ''
  let page: Page
  before(async () => {
    const served = await serve()
    server = served.server
    origin = served.origin
    page = await Page.open(`${origin}/`)
    await page.size(1280, 900)
  })
  after(async () => {
    await page.close()
    server.close()
  })

  const status = () => page.value<string>('document.getElementById("status").textContent')
  const lines = () =>
    page.value<string[]>(
      '[...document.querySelectorAll("#output .field")].map((line) => [...line.children].map((part) => part.textContent).join(" | "))',
    )
  async function paste(text: string): Promise<void> {
    await page.value('document.getElementById("input").select(), document.getElementById("input").focus()')
    await page.type(text)
  }
  const picture = async (name: string) => {
    const into = process.env['PICTURES']
    if (into !== undefined) await page.photograph(join(into, `${name}.png`))
  }

  it('says what to do when there is nothing yet', async () => {
    expect(await status()).to.equal('Paste the octets of BGP messages as hexadecimal digits.')
    expect(await lines()).to.deep.equal([])
  })

  it('shows the fields of what is pasted', async () => {
    await paste(`${hex(update)}\n${hex(keepalive)} # and then`)
    expect(await status()).to.equal(`${update.length + 19} octets, 2 messages, nothing wrong.`)
    const shown = await lines()
    expect(shown).to.include(`UPDATE | octets 0 to ${update.length - 1}`)
    expect(shown).to.include('next hop | fd00::1 | octets 31 to 46')
    expect(shown).to.include('reachable | 2001:db8::/48 | octets 48 to 54')
    expect(shown.filter((line) => line.startsWith('KEEPALIVE'))).to.have.length(1)
  })

  it('marks the octets of the field that is pointed at', async () => {
    await page.point('#output .group .group .field:nth-child(7)')
    const marked = 'document.querySelectorAll("#octets .marked")'
    await page.until(`${marked}.length > 0`)
    expect(await page.value(`[...${marked}].map((octet) => octet.textContent).join("")`)).to.equal(
      `fd${'00'.repeat(14)}01`,
    )
    await picture('update-light')
  })

  it('says what is wrong in a message, at the field that it is about', async () => {
    await paste(hex(update).replace('40010100', '40010109'))
    expect(await status()).to.match(/octets, 1 message, 1 thing wrong\.$/)
    expect((await lines()).find((line) => line.startsWith('ORIGIN'))).to.match(
      /^ORIGIN \| value 9 \(treat-as-withdraw\)/,
    )
    await picture('wrong-light')
  })

  for (const [what, text, expected] of [
    ['a character that is no digit', 'ff ff\nfx', 'Line 2, column 2: "x" is no hexadecimal digit.'],
    ['one that is not of ASCII', 'ff → ff', 'Line 1, column 4: "→" is no hexadecimal digit.'],
    ['half an octet', 'fff', 'Line 1, column 4: ends inside an octet: a digit is missing.'],
    ['markup, which stays text', '<img src=x onerror=alert(1)>', 'Line 1, column 1: "<" is no hexadecimal digit.'],
    ['too much', 'ff'.repeat(70_000), '70000 octets are more than the 65536 that this page shows.'],
  ] as const) {
    it(`refuses ${what}, and says where`, async () => {
      await paste(text)
      expect(await status()).to.equal(expected)
      expect(await lines()).to.deep.equal([])
    })
  }

  it('reads as the session was opened', async () => {
    const narrow = encodeUpdate(
      {
        attributes: { origin: 'igp', asPath: [{ type: 'sequence', asns: [64512] }] },
        nlri: [new Prefix('ipv4-unicast', 8, 0x0a000000)],
      },
      { fourOctetAsn: false },
    )
    await paste(hex(narrow))
    expect(await status()).to.match(/wrong\.$/)
    await page.point('#two-octets', true)
    await page.until('document.getElementById("status").textContent.endsWith("nothing wrong.")')
    expect(await lines()).to.include('value | 64512 | octets 30 to 33')
    await page.point('#two-octets', true)
  })

  it('has examples of which nothing is wrong', async () => {
    const count = await page.value<number>('document.querySelectorAll(".examples button").length')
    expect(count).to.equal(4)
    for (let index = 1; index <= count; index++) {
      await page.point(`.examples button:nth-child(${index})`, true)
      expect(await status()).to.match(/1 message, nothing wrong\.$/)
    }
  })

  it('takes octets from the link', async () => {
    await page.value(`void (location.hash = '${hex(keepalive)}')`)
    await page.until('document.getElementById("status").textContent === "19 octets, 1 message, nothing wrong."')
  })

  it('is readable in light and dark: contrast of at least 4.5 to 1', async () => {
    await paste(hex(update).replace('40010100', '40010109'))
    for (const scheme of ['light', 'dark'] as const) {
      await page.scheme(scheme)
      const contrasts = await page.value<Record<string, number>>(contrastScript)
      for (const [selector, contrast] of Object.entries(contrasts))
        expect(contrast, `${selector}, ${scheme}`).to.be.at.least(4.5)
    }
    await picture('wrong-dark')
  })

  it('is never wider than a telephone', async () => {
    await page.size(380, 800)
    expect(await page.value('document.documentElement.scrollWidth <= 380')).to.equal(true)
    await picture('narrow-dark')
  })

  it('has loaded nothing from elsewhere, and complained of nothing', () => {
    expect(
      page.requests.filter((address) => !address.startsWith(origin) && !address.startsWith('data:')),
    ).to.deep.equal([])
    expect(page.complaints).to.deep.equal([])
  })
})

/** The contrast (WCAG 2.2 section 1.4.3) of texts with the page's ground, by selector. */
const contrastScript = `(() => {
  const channels = (text) => text.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
  const light = (text) => {
    const [r, g, b] = channels(text).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const ground = light(getComputedStyle(document.body).backgroundColor)
  const contrast = (selector) => {
    const ink = light(getComputedStyle(document.querySelector(selector)).color)
    return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05)
  }
  return Object.fromEntries(['h1', '#hint', '#status', '.name', '.value', '.place', 'strong.wrong', 'button'].map((one) => [one, contrast(one)]))
})()`
