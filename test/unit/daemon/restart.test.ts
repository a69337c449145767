/** How a daemon knows that it is not the first of its machine. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { circumstancesOfStart, leaveMark } from '../../../daemon/restart.ts'
import type { Log } from '../../../speaker/index.ts'

describe('the mark of a start', () => {
  let folder: string
  let warned: string[]
  const log = { warn: (_fields: object, text: string) => void warned.push(text) } as Partial<Log> as Log
  const settings = () => ({ adminSocket: join(folder, 'tandem.sock'), time: 120 })

  beforeEach(() => {
    warned = []
    folder = mkdtempSync(join(tmpdir(), 'tandem-restart-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('is left by a daemon that has started, and by no other', () => {
    for (let failed = 0; failed < 2; failed++) expect(circumstancesOfStart(settings()).restarting).to.equal(false)
    leaveMark(settings(), log)
    expect(circumstancesOfStart(settings())).to.deep.equal({ restarting: true, forwarding: true })
    expect(warned).to.deep.equal([])
  })

  it('of another boot counts for nothing, and is replaced', () => {
    writeFileSync(join(folder, 'started'), 'another boot\n')
    expect(circumstancesOfStart(settings()).restarting).to.equal(false)
    leaveMark(settings(), log)
    expect(circumstancesOfStart(settings()).restarting).to.equal(true)
  })

  it('is missed with a warning where it cannot be left', () => {
    leaveMark({ adminSocket: join(folder, 'gone', 'tandem.sock') }, log)
    expect(warned).to.have.length(1)
    expect(warned[0]).to.include('will not be known as a restart')
  })
})
