import { expect } from 'chai'
import { plan } from '../../../controllers/index.ts'
import { collectorLines } from '../../../daemon/commands/ask.ts'
import { type Columns, columnsTable } from '../../../daemon/render/columns.ts'
import { peersTable } from '../../../daemon/render/peers-table.ts'
import { planText } from '../../../daemon/render/plan-text.ts'
import { routesTable } from '../../../daemon/render/routes-table.ts'
import { node, options, service, view } from '../../support/cluster.ts'
import { Fabric, peerTo, route } from '../../support/fabric.ts'

interface Row {
  readonly name: string
  readonly more?: string
  readonly text: string
}

const columns: Columns<Row> = {
  usual: [{ heading: 'NAME', cell: ({ name }) => name }],
  wide: [
    { heading: 'FIRST', cell: ({ more = '-' }) => more },
    { heading: 'SECOND', cell: ({ name }) => name.toUpperCase() },
  ],
  last: { heading: 'TEXT', cell: ({ text }) => text },
}
const text = 'as much as there is to say about it'
const rows = [
  { name: '10.0.0.1', more: 'both', text },
  { name: 'fd00::1', text },
]

describe('a wide table', () => {
  it('has its columns between the usual ones and the free text, and all of them where nothing limits the line', () => {
    const wide = columnsTable(rows, columns, { wide: true, width: Number.POSITIVE_INFINITY })
    expect(wide.split('\n')[0]!.split(/ {2,}/)).to.deep.equal(['NAME', 'FIRST', 'SECOND', 'TEXT'])
    expect(columnsTable(rows, columns, { width: 80 }).split('\n')[0]).to.match(/^NAME +TEXT$/)
  })

  it('leaves out what a narrow terminal has no room for, says so, and cuts only the text', () => {
    const lines = columnsTable(rows, columns, { wide: true, width: 42 }).split('\n')
    expect(lines[0]).to.match(/^NAME +FIRST +TEXT$/)
    expect(lines.at(-1)).to.equal('no room for: SECOND')
    for (const line of lines) expect(line.length).to.be.at.most(42)
  })

  it('has no column in which nothing would stand', () => {
    const empty = rows.map(({ name }) => ({ name, text }))
    expect(columnsTable(empty, columns, { wide: true, width: 80 })).to.not.include('FIRST')
  })

  it('takes more rows than a call may have arguments', () => {
    const many = Array.from({ length: 200_000 }, () => rows[0]!)
    expect(columnsTable(many, columns, { wide: true, width: 80 })).to.have.length.above(200_000 * 8)
  })
})

describe('wide tables of a daemon', () => {
  for (const [over, own, tor] of [
    ['IPv4', '10.0.0.2', '10.0.0.1'],
    ['IPv6', 'fd00::2', 'fd00::1'],
  ] as const) {
    it(`say where a session over ${over} comes from, who is there, and of what object a route is`, async () => {
      const fabric = new Fabric()
      const a = fabric.machine(64512, [own, '172.16.0.2', 'fd77::2'], [peerTo(tor, 65001)])
      fabric.machine(65001, [tor, '172.16.0.1', 'fd77::1'], [peerTo(own, 64512)])
      a.apply({ routes: [route('192.0.2.0/24'), route('2001:db8::/48')] })
      await fabric.pass(10_000)
      const [headings = '', session = ''] = peersTable(a.speaker.snapshot(), { wide: true }).split('\n')
      expect(headings).to.include('FROM').and.to.include('ROUTER ID').and.to.include('HOLD')
      expect(session).to.include(own).and.to.include('90s')
      expect(peersTable(a.speaker.snapshot())).to.not.include('ROUTER ID')
      const routes = a.speaker.routes('best')
      expect(routesTable(routes)).to.not.include('declared')
      for (const prefix of ['192.0.2.0/24', '2001:db8::/48']) {
        const line = routesTable(routes, { wide: true })
          .split('\n')
          .find((one) => one.startsWith(prefix))
        expect(line).to.match(new RegExp(`static +test +${prefix} +declared`))
      }
      await fabric.stop()
    })

    it(`say whole why a session over ${over} is down, however narrow the terminal`, async () => {
      const fabric = new Fabric()
      const a = fabric.machine(64512, [own], [peerTo(tor, 65001)])
      await fabric.pass(10_000)
      for (const look of [{ width: 80 }, { width: 60 }, { width: 80, wide: true }]) {
        const lines = peersTable(a.speaker.snapshot(), look).split('\n')
        expect(lines.join('\n')).to.include('connection refused')
        for (const one of lines.filter((some) => !some.startsWith('no room for'))) {
          expect(one.length).to.be.at.most(look.width)
        }
      }
      await fabric.stop()
    })
  }
})

describe('a plan as text', () => {
  it('says of each VIP that is withheld what to change, however narrow the terminal', () => {
    const local = service('web', {
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      ingress: [{ ip: '203.0.113.1' }, { ip: '2001:db8:113::1' }],
    })
    const text = planText(plan(view(node('n1'), local), options), 80)
    const [, withheld = ''] = text.split('WITHHELD')
    for (const [family, prefix] of [
      ['IPv4', '203.0.113.1/32'],
      ['IPv6', '2001:db8:113::1/128'],
    ] as const) {
      const [, from = ''] = withheld.split(prefix)
      expect(from.replaceAll(/\s+/g, ' ')).to.include(
        `To change it: a ready ${family} endpoint, or spec.externalTrafficPolicy: Cluster`,
      )
    }
  })
})

describe('collectors of BMP below the sessions', () => {
  it('are named where they are not connected, with the reason, over both families', () => {
    const one = { sinceMs: 5, connects: 0, messages: 0, octets: 0, waiting: 0 }
    expect(
      collectorLines({
        collectors: [
          { ...one, address: '192.0.2.9', port: 1790, state: 'waiting', lastError: 'connection refused' },
          { ...one, address: '2001:db8::9', port: 11019, state: 'connecting' },
          { ...one, address: '192.0.2.10', port: 1790, state: 'up', lastError: 'connection refused' },
        ],
      }),
    ).to.deep.equal([
      'BMP collector 192.0.2.9:1790 is not connected: connection refused',
      'BMP collector [2001:db8::9]:11019 is not connected',
    ])
  })
})
