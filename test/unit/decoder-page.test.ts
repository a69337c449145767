import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { decoderScript } from '../../docs/decoder/build.ts'

const folder = join(import.meta.dirname, '../../docs/decoder')

describe("the decoder's page", () => {
  it('has the program that its sources make: npm run docs', async () => {
    expect(readFileSync(join(folder, 'decoder.js'), 'utf8') === (await decoderScript())).to.equal(true)
  })

  it('names no other place to load from', () => {
    for (const name of ['index.html', 'decoder.css', 'decoder.js']) {
      const text = readFileSync(join(folder, name), 'utf8')
      expect(text, name).to.not.match(/https?:|\/\/[a-z]+\.|@import|url\(/)
    }
  })
})
