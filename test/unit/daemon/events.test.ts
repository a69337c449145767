/** What happened lately: bounded, in order, and in words. */

import { families } from 'bgp-ts'
import { expect } from 'chai'
import { finding } from '../../../controllers/findings.ts'
import { textBeside } from '../../../daemon/commands/events.ts'
import { EventLog } from '../../../daemon/events.ts'
import { Fabric, peerTo, prefix } from '../../support/fabric.ts'

const date = () => new Date(Date.UTC(2026, 10, 27, 3, 0, 0))
const nothing = { added: 0, withdrawn: 0, changed: 0 }
const noPeers = { added: [], removed: [], reset: [], changed: [] }
const times = { beganAt: 0, plannedAt: 0 }

describe('events', () => {
  it('are as many as are kept, the latest ones, and their numbers go on', () => {
    const log = new EventLog(10, date)
    for (let index = 1; index <= 35; index++) log.add('peers', `p${index}`, 'declared')
    expect(log.after(0).map(({ id }) => id)).to.deep.equal([26, 27, 28, 29, 30, 31, 32, 33, 34, 35])
    expect(log.after(33).map(({ subject }) => subject)).to.deep.equal(['p34', 'p35'])
    expect(log.after(35)).to.deep.equal([])
    expect(log.last).to.equal(35)
    expect(log.after(34)[0]?.at).to.equal('2026-11-27T03:00:00.000Z')
  })

  it('do not say the object of a finding twice in a row of the table', () => {
    const found = { subject: 'service/default/web', text: 'service/default/web spec.ipFamilies: "IPv7" is no family' }
    expect(textBeside(found)).to.equal('spec.ipFamilies: "IPv7" is no family')
    expect(textBeside({ subject: 'plan', text: 'planned' })).to.equal('planned')
  })

  it('say when a session comes and goes, with its families and the reason, and nothing of attempts', async () => {
    const fabric = new Fabric()
    const log = new EventLog(10, date)
    const node = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [peerTo('10.0.0.1', 65001), peerTo('10.0.0.9', 65009)])
    const router = fabric.machine(65001, ['10.0.0.1', 'fd00::1'], [peerTo('10.0.0.2', 64512)])
    log.watchSpeaker(node.speaker)
    await fabric.pass(10_000)
    await router.speaker.stop({ reason: 'maintenance' })
    await fabric.pass(100)
    const seen = log.after(0).map(({ kind, subject, text }) => [kind, subject, text])
    expect(seen[0]).to.deep.equal(['session-up', '10.0.0.1', `carries ${families.join(' and ')}`])
    expect(seen[1]?.slice(0, 2)).to.deep.equal(['session-down', '10.0.0.1'])
    expect(seen[1]?.[2]).to.include('maintenance')
    expect(seen).to.have.length(2)
    await fabric.stop()
  })

  it('name a few prefixes of both families, and count many', () => {
    const log = new EventLog(10, date)
    const some = ['192.0.2.1/32', '2001:db8::1/128'].map(prefix)
    const many = Array.from({ length: 9 }, (_, index) => prefix(`198.51.100.${index}/32`))
    const routes = { added: 2, withdrawn: 9, changed: 0 }
    log.applied({ ...times, report: { peers: noPeers, routes }, set: some, withdrawn: many })
    log.applied({ ...times, report: { peers: noPeers, routes: nothing }, set: [], withdrawn: [] })
    expect(log.after(0).map(({ text }) => text)).to.deep.equal([
      '2 advertised: 192.0.2.1/32, 2001:db8::1/128; 9 withdrawn',
    ])
  })

  it('say what is wrong, and when it is mended', () => {
    const log = new EventLog(10, date)
    const wrong = finding('annotation-unused', 'node/n1', 'kube-router.io/peer.asns', 'x', {
      expected: 'is no ASN',
    })
    log.found([wrong], [])
    log.found([], [wrong])
    expect(log.after(0).map(({ kind, subject }) => [kind, subject])).to.deep.equal([
      ['finding', 'node/n1'],
      ['mended', 'node/n1'],
    ])
  })
})
