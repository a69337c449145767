import { type Family, formatPrefix } from 'bgp-ts'
import { expect } from 'chai'
import type { KernelChange, KernelHop, KernelRoute } from '../../../speaker/index.ts'
import { formatChange, parseEvent, parseFaults, parseRoute } from '../../../speaker/kernel/ip-text.ts'
import { address, prefix } from '../../support/fabric.ts'

const place = { table: 254, protocol: 178, metric: 1780 }
const own = 'proto 178 table 254 metric 1780'
const hop = (text: string, zone?: string): KernelHop => ({ address: address(text), ...(zone && { zone }) })

describe('the language of iproute2', () => {
  describe('writes', () => {
    const rows: [change: KernelChange, line: string][] = [
      [
        { kind: 'add', prefix: prefix('198.18.0.0/24'), hops: [hop('10.0.0.1')] },
        `route add 198.18.0.0/24 ${own} via 10.0.0.1`,
      ],
      [
        { kind: 'add', prefix: prefix('2001:db8::/48'), hops: [hop('fd00::1')] },
        `route add 2001:db8::/48 ${own} via fd00::1`,
      ],
      [
        { kind: 'replace', prefix: prefix('0.0.0.0/0'), hops: [hop('10.0.0.1'), hop('10.0.0.3')] },
        `route replace 0.0.0.0/0 ${own} nexthop via 10.0.0.1 nexthop via 10.0.0.3`,
      ],
      [
        { kind: 'replace', prefix: prefix('::/0'), hops: [hop('fe80::1', 'eth0'), hop('fd00::3')] },
        `route replace ::/0 ${own} nexthop via fe80::1 dev eth0 nexthop via fd00::3`,
      ],
      [
        { kind: 'add', prefix: prefix('198.18.0.0/24'), hops: [hop('fe80::1', 'eth0')] },
        `route add 198.18.0.0/24 ${own} via inet6 fe80::1 dev eth0`,
      ],
      [
        { kind: 'remove', prefix: prefix('198.18.0.0/24'), metric: 20 },
        'route del 198.18.0.0/24 proto 178 table 254 metric 20',
      ],
      [
        { kind: 'remove', prefix: prefix('2001:db8::1/128'), metric: 1780 },
        'route del 2001:db8::1/128 proto 178 table 254 metric 1780',
      ],
    ]
    for (const [change, line] of rows) it(line, () => expect(formatChange(change, place)).to.equal(line))
  })

  describe('reads routes', () => {
    const text = ({ prefix: to, table, protocol, metric, hops, onLink, down }: KernelRoute) =>
      [
        formatPrefix(to),
        table,
        protocol,
        metric,
        hops.map((one) => String(one.address) + (one.zone ? `%${one.zone}` : '')).join(','),
        onLink ?? '-',
        down ? 'down' : 'up',
      ].join(' ')
    const rows: [family: Family, line: string, wanted: string | undefined][] = [
      [
        'ipv4-unicast',
        '198.18.0.0/24 via 10.0.0.1 dev eth1 proto 178 metric 1780 ',
        '198.18.0.0/24 254 178 1780 10.0.0.1 - up',
      ],
      ['ipv4-unicast', 'default via 10.0.0.1 dev eth1 proto 16 metric 100', '0.0.0.0/0 254 16 100 10.0.0.1 - up'],
      [
        'ipv6-unicast',
        'default via fe80::1 dev eth1 proto 9 metric 1024 expires 1790sec pref medium',
        '::/0 254 9 1024 fe80::1%eth1 - up',
      ],
      ['ipv4-unicast', '10.0.0.0/24 dev eth1 proto 2 scope 253 src 10.0.0.2 ', '10.0.0.0/24 254 2 0  eth1 up'],
      [
        'ipv4-unicast',
        '10.0.0.0/24 dev eth1 proto 2 scope 253 src 10.0.0.2 linkdown ',
        '10.0.0.0/24 254 2 0  eth1 down',
      ],
      ['ipv6-unicast', 'fd00::/64 dev eth1 proto 2 metric 256 pref medium', 'fd00::/64 254 2 256  eth1 up'],
      ['ipv4-unicast', '10.244.1.7 dev veth7 scope 253 ', '10.244.1.7/32 254 0 0  veth7 up'],
      ['ipv6-unicast', 'fd00:244::7 dev veth7 metric 1024 pref medium', 'fd00:244::7/128 254 0 1024  veth7 up'],
      [
        'ipv4-unicast',
        '198.18.1.0/24 proto 178 metric 1780 \\\tnexthop via 10.0.0.1 dev eth1 weight 1 \\\tnexthop via 10.0.1.1 dev eth2 weight 1 dead linkdown ',
        '198.18.1.0/24 254 178 1780 10.0.0.1,10.0.1.1 - down',
      ],
      [
        'ipv6-unicast',
        '2001:db8::/48 proto 178 metric 1780 pref medium\\\tnexthop via fd00::1 dev eth1 weight 1 \\\tnexthop via fe80::3 dev eth2 weight 1 ',
        '2001:db8::/48 254 178 1780 fd00::1,fe80::3%eth2 - up',
      ],
      [
        'ipv4-unicast',
        '198.18.4.0/24 proto 178 metric 1780 \\\tnexthop via inet6 fd00::1 dev eth1 weight 1 \\\tnexthop via 10.0.0.1 dev eth1 weight 1 ',
        '198.18.4.0/24 254 178 1780 fd00::1,10.0.0.1 - up',
      ],
      [
        'ipv4-unicast',
        '198.18.0.0/24 via 10.0.0.1 dev eth1 table 100 proto 178 metric 1780 ',
        '198.18.0.0/24 100 178 1780 10.0.0.1 - up',
      ],
      ['ipv4-unicast', 'blackhole 198.18.9.0/24 proto 178 metric 1780 ', '198.18.9.0/24 254 178 1780  - up'],
      ['ipv4-unicast', '6 198.18.9.0/24 dev lo proto 4 ', '198.18.9.0/24 254 4 0  - up'],
      ['ipv4-unicast', '2 10.0.0.2 dev eth1 table 255 proto 2 scope 254 src 10.0.0.2 ', undefined],
      ['ipv4-unicast', 'broadcast 10.0.0.255 dev eth1 table local proto kernel scope link src 10.0.0.2', undefined],
      ['ipv6-unicast', '5 ff00::/8 dev eth1 table 255 proto 2 metric 256 pref medium', undefined],
      ['ipv6-unicast', 'nonsense', undefined],
      ['ipv4-unicast', '', undefined],
    ]
    for (const [family, line, wanted] of rows) {
      it(`${wanted ?? 'nothing'} in "${line}"`, () => {
        const route = parseRoute(line, family, 254)
        expect(route && text(route)).to.equal(wanted)
      })
    }
  })

  it('reads what the monitor says', () => {
    const kinds = (line: string) => {
      const event = parseEvent(line, 'ipv6-unicast')
      if (event?.kind === 'route') return `route ${event.route.prefix} ${event.gone ? 'gone' : 'there'}`
      return event?.kind === 'link' ? `link ${event.device}` : event?.kind
    }
    expect(kinds('Deleted fd99::/64 via fd00::1 dev eth1 proto 178 metric 1780 pref medium')).to.equal(
      'route fd99::/64 gone',
    )
    expect(kinds('fd99::/64 via fd00::1 dev eth1 proto 178 metric 1780 pref medium')).to.equal('route fd99::/64 there')
    expect(kinds('3: eth1@if2: <NO-CARRIER,BROADCAST,UP> mtu 1500 state DOWN \\    link/[1] 9a:47')).to.equal(
      'link eth1',
    )
    expect(kinds('Deleted 12: bond0.7    inet6 fd00::2/64 scope 0 \\       valid_lft forever')).to.equal('link bond0.7')
    expect(kinds('Deleted 2 fd00::2 dev eth1 table 255 proto 2 metric 0 pref medium')).to.equal(undefined)
  })

  it('tells faults by line, and what they are', () => {
    const text = [
      'Error: Nexthop has invalid gateway.',
      'Command failed -:3',
      'RTNETLINK answers: File exists',
      'Command failed -:4',
      'RTNETLINK answers: No such process',
      'Command failed -:7',
      'RTNETLINK answers: Operation not permitted',
      'Command failed -:8',
      'RTNETLINK answers: No route to host',
      'Command failed -:10',
      'Error: Invalid metric type.',
      'Command failed -:12',
      'Command failed -:13',
      '',
    ].join('\n')
    expect(parseFaults(text).map(({ index, kind, text: said }) => `${index} ${kind}: ${said}`)).to.deep.equal([
      '2 unreachable: Nexthop has invalid gateway.',
      '3 exists: File exists',
      '6 gone: No such process',
      '7 denied: Operation not permitted',
      '9 unreachable: No route to host',
      '11 refused: Invalid metric type.',
      '12 refused: no reason given',
    ])
    expect(parseFaults('')).to.deep.equal([])
  })
})
