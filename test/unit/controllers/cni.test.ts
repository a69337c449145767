import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatPrefix } from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import { withPodCidrs } from '../../../controllers/cni/cni-file.ts'
import { CniWriter } from '../../../controllers/cni/cni-writer.ts'
import { formatFinding } from '../../../controllers/findings.ts'
import { prefix } from '../../support/fabric.ts'

const dual = ['10.244.1.0/24', 'fd00:244:1::/64']
const list = 'NET.ConfList'

const bridge = (ipam: object) => ({ type: 'bridge', bridge: 'kube-bridge', isDefaultGateway: true, ipam })
const conflist = (ipam: object, more: object = {}) => ({
  cniVersion: '0.3.0',
  name: 'mynet',
  plugins: [{ type: 'tuning', mtu: 9000 }, bridge(ipam), { type: 'portmap', capabilities: { portMappings: true } }],
  ...more,
})

const edit = (file: unknown, cidrs: readonly string[], name = list) =>
  withPodCidrs(typeof file === 'string' ? file : JSON.stringify(file), name, cidrs.map(prefix))

function textOf(file: unknown, cidrs: readonly string[], name = list): string {
  const result = edit(file, cidrs, name)
  if ('fault' in result) throw new Error(result.fault)
  return result.text
}

/** The ipam of the edited file. */
function ipamOf(file: unknown, cidrs: readonly string[], name = list): { ranges: unknown[] } & Record<string, unknown> {
  const made = JSON.parse(textOf(file, cidrs, name)) as ReturnType<typeof conflist> & { ipam?: never }
  const plugin = made.plugins?.find(({ type }) => type === 'bridge')
  return (plugin && 'ipam' in plugin ? plugin.ipam : made.ipam) as unknown as ReturnType<typeof ipamOf>
}

const sets = (...subnets: string[]) => subnets.map((subnet) => [{ subnet }])

describe('the ranges of a CNI file', () => {
  const rows: [title: string, ipam: object, cidrs: readonly string[], ranges: unknown][] = [
    ['are the pod CIDRs, IPv4 before IPv6', { type: 'host-local' }, [...dual].reverse(), sets(...dual)],
    ['are of one family where the node has one: IPv4', { type: 'host-local' }, [dual[0]!], sets(dual[0]!)],
    ['are of one family where the node has one: IPv6', { type: 'host-local' }, [dual[1]!], sets(dual[1]!)],
    [
      'keep what the user wrote, in its place, with keys that nobody knows',
      { ranges: [[{ subnet: '192.0.2.0/24', gateway: '192.0.2.9', x: 1 }, { subnet: '198.51.100.0/24' }]] },
      dual,
      [[{ subnet: '192.0.2.0/24', gateway: '192.0.2.9', x: 1 }, { subnet: '198.51.100.0/24' }], ...sets(...dual)],
    ],
    [
      'are compared as prefixes: other spellings of both families are the same',
      { ranges: sets('FD00:244:0001:0::/64', '10.244.1.7/24') },
      dual,
      sets('FD00:244:0001:0::/64', '10.244.1.7/24'),
    ],
    [
      'are not added over narrower ones of the user: host-local refuses overlaps',
      { ranges: sets('10.244.1.0/25', 'fd00:244:1::/80') },
      dual,
      sets('10.244.1.0/25', 'fd00:244:1::/80'),
    ],
    [
      'take in the older subnet as the first of them, with its start, end and gateway',
      { subnet: '10.244.1.0/24', rangeStart: '10.244.1.20', gateway: '10.244.1.1', ranges: sets('192.0.2.0/24') },
      dual,
      [
        [{ subnet: '10.244.1.0/24', rangeStart: '10.244.1.20', gateway: '10.244.1.1' }],
        ...sets('192.0.2.0/24', dual[1]!),
      ],
    ],
    [
      'lose the older subnet where they have it already',
      { subnet: 'fd00:244:1:0::/64', ranges: sets(dual[1]!) },
      dual,
      sets(dual[1]!, dual[0]!),
    ],
  ]
  for (const [title, ipam, cidrs, ranges] of rows) {
    it(title, () => {
      for (const [file, name] of [
        [conflist(ipam), list],
        [bridge(ipam), '10-kuberouter.conf'],
      ] as const) {
        const made = ipamOf(file, cidrs, name)
        expect(made.ranges, name).to.deep.equal(ranges)
        expect(made, name).not.to.have.property('subnet')
        const text = textOf(file, cidrs, name)
        expect(textOf(text, cidrs, name), 'again').to.equal(text)
      }
    })
  }

  it('are edited in the first bridge plugin only, and everything else stays', () => {
    const second = bridge({ ranges: sets('192.0.2.0/24') })
    const before = conflist({ type: 'host-local', dataDir: '/x' }, { extra: { deep: [1, null] } })
    before.plugins.push(second as never)
    const after = JSON.parse(textOf(before, dual)) as typeof before & Record<string, unknown>
    expect(after.plugins).to.deep.equal([
      before.plugins[0],
      bridge({ type: 'host-local', dataDir: '/x', ranges: sets(...dual) }),
      before.plugins[2],
      second,
    ])
    expect(after['extra']).to.deep.equal({ deep: [1, null] })
  })

  it('follow pod CIDRs that change: what was added goes, what the user wrote stays', () => {
    const file = conflist({ ranges: sets('192.0.2.0/24', '2001:db8:9::/64') })
    const first = textOf(file, dual)
    const renumbered = ['10.244.9.0/24', 'fd00:244:9::/64']
    const second = textOf(first, renumbered)
    expect(ipamOf(second, renumbered).ranges).to.deep.equal(sets('192.0.2.0/24', '2001:db8:9::/64', ...renumbered))
    // Back to one family, then the user's own ranges as CIDRs: nothing of ours is left, and no trace of it.
    expect(ipamOf(second, [dual[0]!]).ranges).to.deep.equal(sets('192.0.2.0/24', '2001:db8:9::/64', dual[0]!))
    expect(JSON.parse(textOf(second, ['192.0.2.0/24', '2001:db8:9::/64']))).to.deep.equal(file)
  })

  it('that were there before are the user’s, also when they are pod CIDRs for a while', () => {
    const file = conflist({ ranges: sets(...dual) })
    const text = JSON.stringify(file)
    expect(textOf(text, dual)).to.equal(text)
    expect(ipamOf(text, ['10.244.9.0/24']).ranges).to.deep.equal(sets(...dual, '10.244.9.0/24'))
  })

  it('that were added and then edited by the user are the user’s', () => {
    const theirs = textOf(conflist({}), dual).replace('"subnet": "10.244.1.0/24"', '$&, "rangeStart": "10.244.1.9"')
    expect(ipamOf(theirs, [dual[1]!]).ranges).to.deep.equal([
      [{ subnet: '10.244.1.0/24', rangeStart: '10.244.1.9' }],
      ...sets(dual[1]!),
    ])
  })

  it('stay as they are while the pod CIDRs are not known', () => {
    const text = textOf(conflist({}), dual)
    expect(textOf(text, [])).to.equal(text)
  })

  it('wider than the pod CIDR are named in a warning, in both families, and the other family is served', () => {
    for (const [wide, cidr, other] of [
      ['10.244.0.0/16', dual[0]!, dual[1]!],
      ['fd00:244::/32', dual[1]!, dual[0]!],
    ] as const) {
      const result = edit(conflist({ ranges: sets(wide) }), dual)
      expect(result).to.have.nested.property('warning.value', wide)
      expect(result).to.have.nested.property('warning.fault').that.includes(cidr)
      expect(ipamOf(conflist({ ranges: sets(wide) }), dual).ranges).to.deep.equal(sets(wide, other))
    }
  })

  it('are written with two spaces and a newline at the end', () => {
    const text = textOf(conflist({}), dual)
    expect(text).to.equal(`${JSON.stringify(JSON.parse(text), undefined, 2)}\n`)
  })

  const faults: [title: string, file: unknown, name: string, field: string, text: RegExp][] = [
    ['no JSON', '{"plugins": [', list, 'file', /^is no JSON: /],
    ['no mapping', '[1]', list, 'file', /^is no JSON mapping/],
    ['a list without plugins', bridge({}), list, 'plugins', /^is no list/],
    ['a list without a bridge', { plugins: [{ type: 'ptp' }, 7] }, list, 'plugins', /^has no plugin of type bridge/],
    ['a plugin without a type', { plugins: [bridge({})] }, 'x.conf', 'type', /^names no plugin/],
    ['a bridge without ipam', { plugins: [{ type: 'bridge' }] }, list, 'plugins[0].ipam', /^is no mapping/],
    ['a plugin without ipam', { type: 'bridge' }, 'x.conf', 'ipam', /^is no mapping/],
    ['ranges that are no list', conflist({ ranges: {} }), list, 'plugins[1].ipam.ranges', /^is no list of lists/],
    ['a subnet that is none', bridge({ subnet: 'usePodCidr' }), 'x.conf', 'ipam.subnet', /^is no CIDR/],
  ]
  for (const [title, file, name, field, text] of faults) {
    it(`${title}: a fault that names the field`, () => {
      const result = edit(file, dual, name)
      if (!('fault' in result)) throw new Error('no fault')
      expect(result.field).to.equal(field)
      expect(result.fault).to.match(text)
    })
  }

  it('hold every pod CIDR once and keep the user’s in order, whatever comes in a row', () => {
    const cidr = fc
      .tuple(fc.boolean(), fc.integer({ min: 1, max: 6 }))
      .map(([six, n]) => (six ? `fd00:244:${n}::/64` : `10.244.${n}.0/24`))
    const cidrs = fc.uniqueArray(cidr, { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(cidrs, fc.array(cidrs, { minLength: 1 }), (user, steps) => {
        let text = JSON.stringify(conflist({ ranges: sets(...user) }))
        for (const step of steps) text = textOf(text, step)
        const last = steps.at(-1)!
        const subnets = ipamOf(text, last).ranges.map((set) => (set as { subnet: string }[])[0]!.subnet)
        expect(subnets.slice(0, user.length)).to.deep.equal(user)
        expect(subnets.slice(user.length)).to.have.members(last.filter((one) => !user.includes(one)))
      }),
    )
  })
})

describe('the CNI file on disk', () => {
  let folder: string
  let path: string
  let written: number
  const log = { debug() {}, info: () => void written++, warn() {}, error() {} }
  const cidrs = dual.map(prefix)
  const onDisk = () => ipamOf(readFileSync(path, 'utf8'), dual)

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tandem-cni-'))
    path = join(folder, '10-tandem.conflist')
    written = 0
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('is replaced whole, keeps its mode, and leaves nothing beside it', async () => {
    writeFileSync(path, JSON.stringify(conflist({})))
    chmodSync(path, 0o644)
    const inode = statSync(path).ino
    const umask = process.umask(0o077)
    try {
      expect(await new CniWriter(path, log).update(cidrs)).to.equal(undefined)
    } finally {
      process.umask(umask)
    }
    expect(onDisk().ranges).to.deep.equal(sets(...dual))
    expect(statSync(path).mode & 0o777).to.equal(0o644)
    expect(statSync(path).ino).not.to.equal(inode)
    expect(readdirSync(folder)).to.deep.equal(['10-tandem.conflist'])
  })

  it('is not written when nothing changes', async () => {
    writeFileSync(path, JSON.stringify(conflist({})))
    const writer = new CniWriter(path, log)
    await writer.update(cidrs)
    const inode = statSync(path).ino
    await writer.update(cidrs)
    await new CniWriter(path, log).update([...cidrs].reverse())
    expect(statSync(path).ino).to.equal(inode)
    expect(written).to.equal(1)
  })

  it('that is missing or broken is a finding, and is mended by a later try', async () => {
    const writer = new CniWriter(path, log)
    expect(formatFinding((await writer.update(cidrs))!)).to.include(`cni file ${path} plugins: "ENOENT"`)
    writeFileSync(path, '{')
    expect(formatFinding((await writer.retry())!)).to.include('is no JSON')
    writeFileSync(path, JSON.stringify(conflist({})))
    expect(await writer.retry()).to.equal(undefined)
    expect(onDisk().ranges).to.deep.equal(sets(...dual))
  })

  it('that cannot be replaced is a finding, and nothing is left beside it', async () => {
    writeFileSync(path, JSON.stringify(conflist({})))
    const writer = new CniWriter(join(path, 'below.conflist'), log)
    expect((await writer.update(cidrs))?.message).to.include('cannot be read or written')
    expect(readdirSync(folder)).to.deep.equal(['10-tandem.conflist'])
  })

  it('a link stays a link', async () => {
    const target = join(folder, 'target')
    writeFileSync(target, JSON.stringify(conflist({})))
    symlinkSync(target, path)
    await new CniWriter(path, log).update(cidrs)
    expect(readFileSync(target, 'utf8')).to.include(dual[1]!)
    expect(onDisk().ranges).to.deep.equal(sets(...dual))
  })

  it('ends with the last of many updates at once, and before the first there is nothing to do', async () => {
    writeFileSync(path, JSON.stringify(conflist({})))
    const writer = new CniWriter(path, log)
    expect(await writer.retry()).to.equal(undefined)
    const many = Array.from({ length: 20 }, (_, n) => [prefix(`10.244.${n}.0/24`), prefix(`fd00:244:${n}::/64`)])
    await Promise.all(many.map((some) => writer.update(some)))
    const last = many.at(-1)!.map(formatPrefix)
    expect(ipamOf(readFileSync(path, 'utf8'), last).ranges).to.deep.equal(sets(...last))
    expect(written).to.equal(1)
  })
})
