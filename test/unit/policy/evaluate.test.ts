import { type Attributes, type Family, families, type Prefix } from 'bgp-ts'
import { expect } from 'chai'
import {
  type Actions,
  acceptAll,
  applyActions,
  compile,
  insideEntry,
  type Match,
  nextHopOf,
  originatedOnly,
  type Policy,
  PrefixSet,
  rejectAll,
  type Statement,
  type Subject,
} from '../../../policy/index.ts'
import { address, prefix } from '../../support/fabric.ts'

/** Inside and outside of `network`, one of each family. */
const samples: Record<Family, { network: Prefix; inside: Prefix; outside: Prefix }> = {
  'ipv4-unicast': { network: prefix('10.0.0.0/8'), inside: prefix('10.1.0.0/16'), outside: prefix('192.0.2.1/32') },
  'ipv6-unicast': { network: prefix('fd00::/8'), inside: prefix('fd01::/16'), outside: prefix('2001:db8::1/128') },
}

const networks = new PrefixSet(families.map((family) => insideEntry(samples[family].network)))

/** A route learned from the external peer `tor`, unless said otherwise. */
function learned(route: Prefix, more: Partial<Subject> = {}): Subject {
  const { family, w0, w1, w2, w3, length } = route
  const never = (): Attributes => {
    throw new Error('decoded attributes that nothing asks for')
  }
  const peer = { source: 'learned' as const, kind: '', neighbour: 'tor', external: true }
  return { family, w0, w1, w2, w3, length, ...peer, attributes: never, ...more }
}

function originated(route: Prefix, kind: string, more: Partial<Subject> = {}): Subject {
  return learned(route, { source: 'originated', kind, ...more })
}

const statement = (name: string, action: Statement['action'], match: Match = {}, set?: Actions): Statement => ({
  name,
  match,
  action,
  ...(set && { set }),
})

const policy = (statements: readonly Statement[], otherwise: Policy['default'] = 'reject'): Policy => ({
  name: 'test',
  statements,
  default: otherwise,
})

for (const family of families) {
  const { inside, outside } = samples[family]

  describe(`a policy on ${family}`, () => {
    it('lets the first statement that matches decide, and names it', () => {
      const both = [statement('ours', 'reject', { prefixes: networks }), statement('the rest', 'accept')]
      const forth = compile(policy(both))
      const back = compile(policy(both.toReversed()))
      expect(forth.evaluate(learned(inside))).to.include({ accept: false, statement: 'ours' })
      expect(forth.evaluate(learned(outside))).to.include({ accept: true, statement: 'the rest' })
      expect(back.evaluate(learned(inside))).to.include({ accept: true, statement: 'the rest' })
    })

    it('falls to the default when no statement matches', () => {
      for (const otherwise of ['accept', 'reject'] as const) {
        const compiled = compile(policy([statement('ours', 'reject', { prefixes: networks })], otherwise))
        const verdict = { accept: otherwise === 'accept', statement: 'default', actions: [] }
        expect(compiled.evaluate(learned(outside))).to.deep.include(verdict)
      }
    })

    it('goes on after next with the actions collected in order', () => {
      const compiled = compile(
        policy([
          statement('tag', 'next', { prefixes: networks }, { addCommunities: [1] }),
          statement('nothing to set', 'next'),
          statement('prefer', 'next', {}, { localPref: 200 }),
          statement('take', 'accept', {}, { med: 5 }),
        ]),
      )
      expect(compiled.evaluate(learned(inside))).to.deep.include({
        accept: true,
        statement: 'take',
        actions: [{ addCommunities: [1] }, { localPref: 200 }, { med: 5 }],
      })
      expect(compiled.evaluate(learned(outside)).actions).to.deep.equal([{ localPref: 200 }, { med: 5 }])
    })

    it('keeps what next collected when the default accepts, and drops it when the route is rejected', () => {
      const tag = statement('tag', 'next', {}, { med: 9 })
      const accepted = compile(policy([tag], 'accept')).evaluate(learned(inside))
      expect(accepted).to.deep.include({ accept: true, statement: 'default', actions: [{ med: 9 }] })
      const rejected = compile(policy([tag, statement('no', 'reject')], 'accept')).evaluate(learned(inside))
      expect(rejected).to.deep.include({ accept: false, statement: 'no', actions: [] })
    })

    it('carries nothing over from one route to the next', () => {
      const compiled = compile(policy([statement('tag', 'next', { prefixes: networks }, { med: 9 })], 'accept'))
      expect(compiled.evaluate(learned(inside)).actions).to.have.lengthOf(1)
      expect(compiled.evaluate(learned(outside)).actions).to.have.lengthOf(0)
      expect(compiled.evaluate(learned(inside)).actions).to.have.lengthOf(1)
    })

    it('hands out the same verdict again and again when nothing was collected', () => {
      const compiled = compile(policy([statement('take', 'accept', {}, { med: 5 })]))
      expect(compiled.evaluate(learned(inside))).to.equal(compiled.evaluate(learned(outside)))
    })

    const tagged: Attributes = {
      communities: [0xffff0000, 0xfde90064],
      asPath: [
        { type: 'sequence', asns: [65001, 4200000000] },
        { type: 'set', asns: [7] },
      ],
    }
    const withAttributes = (attributes: Attributes) => learned(inside, { attributes: () => attributes })
    const other = families.find((each) => each !== family)!

    const matches: [title: string, match: Match, takes: Subject, leaves: Subject][] = [
      ['prefixes', { prefixes: networks }, learned(inside), learned(outside)],
      ['the family', { families: [family] }, learned(inside), learned(samples[other].inside)],
      ['the source', { source: 'originated' }, originated(inside, 'static'), learned(inside)],
      ['the other source', { source: 'learned' }, learned(inside), originated(inside, 'static')],
      ['a kind', { kinds: ['pod-cidr', 'static'] }, originated(inside, 'static'), originated(inside, 'cluster-ip')],
      [
        'a kind, which a learned route has none of',
        { kinds: ['pod-cidr'] },
        originated(inside, 'pod-cidr'),
        learned(inside),
      ],
      ['the neighbour', { neighbours: ['spine', 'tor'] }, learned(inside), learned(inside, { neighbour: 'torino' })],
      ['external peers', { peerType: 'external' }, learned(inside), learned(inside, { external: false })],
      ['internal peers', { peerType: 'internal' }, learned(inside, { external: false }), learned(inside)],
      ['any community', { communities: [1, 0xffff0000] }, withAttributes(tagged), withAttributes({ communities: [2] })],
      ['a community, not its absence', { communities: [1] }, withAttributes({ communities: [1] }), withAttributes({})],
      ['an ASN in the path', { asns: [4200000000] }, withAttributes(tagged), withAttributes({ asPath: [] })],
      ['an ASN in a set', { asns: [7] }, withAttributes(tagged), withAttributes({})],
      [
        'all conditions together',
        { prefixes: networks, peerType: 'external', communities: [0xffff0000] },
        withAttributes(tagged),
        { ...withAttributes(tagged), external: false },
      ],
    ]
    for (const [title, match, takes, leaves] of matches) {
      it(`${match.prefixes || match.communities || match.asns ? 'J2 ' : ''}matches ${title}`, () => {
        const compiled = compile(policy([statement('it', 'accept', match)]))
        expect([compiled.evaluate(takes).accept, compiled.evaluate(leaves).accept]).to.deep.equal([true, false])
      })
    }

    it('decodes no attributes for a route that the other conditions leave out', () => {
      const compiled = compile(policy([statement('it', 'accept', { prefixes: networks, communities: [1] })]))
      expect(compiled.evaluate(learned(outside)).accept).to.equal(false)
    })

    it('takes all, none, or only what is originated, by the policies that are built in', () => {
      const verdicts = [acceptAll, rejectAll, originatedOnly].map((each) => {
        const compiled = compile(each)
        return [compiled.evaluate(originated(inside, 'static')).accept, compiled.evaluate(learned(inside)).accept]
      })
      expect(verdicts).to.deep.equal([
        [true, true],
        [false, false],
        [true, false],
      ])
    })
  })
}

describe('a compiled policy', () => {
  const uses: [match: Match, used: string[]][] = [
    [{}, []],
    [{ prefixes: networks }, ['usesPrefix']],
    [{ communities: [1] }, ['usesAttributes']],
    [{ asns: [1] }, ['usesAttributes']],
    [{ neighbours: ['tor'] }, ['usesNeighbour']],
    [{ families: ['ipv6-unicast'], source: 'learned', kinds: ['static'], peerType: 'external' }, []],
  ]
  for (const [match, used] of uses) {
    it(`knows that a match on ${Object.keys(match).join(', ') || 'nothing'} needs ${used.join(', ') || 'nothing'}`, () => {
      const compiled = compile(policy([statement('first', 'next'), statement('it', 'accept', match)]))
      const flags = (['usesPrefix', 'usesAttributes', 'usesNeighbour'] as const).filter((name) => compiled[name])
      expect(flags).to.deep.equal(used)
    })
  }

  const transit: [title: string, policy: Policy, accepts: boolean][] = [
    ['accept all', acceptAll, true],
    ['reject all', rejectAll, false],
    ['originated only', originatedOnly, false],
    [
      'a default of accept after a reject of learned routes',
      policy([statement('no', 'reject', { source: 'learned' })], 'accept'),
      false,
    ],
    ['a default of accept after a reject of everything', policy([statement('no', 'reject')], 'accept'), false],
    [
      'a default of accept after a reject of some',
      policy([statement('no', 'reject', { prefixes: networks })], 'accept'),
      true,
    ],
    [
      'a default of accept after a reject of one family',
      policy([statement('no', 'reject', { families: ['ipv4-unicast'] })], 'accept'),
      true,
    ],
    ['an accept of some prefixes', policy([statement('some', 'accept', { prefixes: networks })]), true],
    [
      'an accept of kinds, which only originated routes have',
      policy([statement('vips', 'accept', { kinds: ['cluster-ip'] })]),
      false,
    ],
    [
      'an accept behind a reject of learned routes',
      policy([statement('no', 'reject', { source: 'learned' }), statement('all', 'accept')]),
      false,
    ],
    ['next alone, which decides nothing', policy([statement('tag', 'next', {}, { med: 1 })]), false],
  ]
  for (const [title, subject, accepts] of transit) {
    it(`knows that learned routes ${accepts ? 'may' : 'cannot'} pass ${title}`, () => {
      expect(compile(subject).acceptsLearned).to.equal(accepts)
    })
  }

  it('never accepts a learned route when it says that it cannot', () => {
    for (const [title, subject, accepts] of transit) {
      const compiled = compile(subject)
      const routes = families.flatMap((family) => [samples[family].inside, samples[family].outside])
      const accepted = routes.some((each) => compiled.evaluate(learned(each)).accept)
      if (!accepts) expect(accepted, title).to.equal(false)
    }
  })

  it('has an equal key for a policy that is written again, whatever its name', () => {
    const written = () =>
      policy([
        statement('it', 'accept', { prefixes: new PrefixSet(networks.entries) }, { nextHop: address('fd00::1') }),
      ])
    expect(compile(written()).key).to.equal(compile({ ...written(), name: 'another' }).key)
  })

  it('has another key for every change of behaviour', () => {
    const changed: Policy[] = [
      acceptAll,
      rejectAll,
      policy([statement('it', 'accept')]),
      policy([statement('it', 'reject')]),
      policy([statement('it', 'accept', { families: ['ipv4-unicast'] })]),
      policy([statement('it', 'accept', { families: ['ipv6-unicast'] })]),
      ...families.map((family) =>
        policy([statement('it', 'accept', { prefixes: new PrefixSet([insideEntry(samples[family].network)]) })]),
      ),
      policy([statement('it', 'accept', { prefixes: networks })]),
      policy([statement('it', 'accept', {}, { med: 1 })]),
      policy([statement('it', 'accept', {}, { localPref: 1 })]),
      policy([statement('it', 'accept', {}, { nextHop: 'self' })]),
      policy([statement('it', 'accept', {}, { nextHop: address('10.0.0.1') })]),
      policy([statement('it', 'accept', {}, { nextHop: address('fd00::1') })]),
    ]
    expect(new Set(changed.map((each) => compile(each).key)).size).to.equal(changed.length)
  })
})

describe('actions on attributes', () => {
  const before: Attributes = {
    origin: 'igp',
    asPath: [{ type: 'sequence', asns: [65001] }],
    med: 10,
    communities: [1, 2],
    largeCommunities: [[1, 2, 3]],
  }
  const rows: [title: string, action: Actions, after: Partial<Attributes>][] = [
    ['set MED', { med: 0 }, { med: 0 }],
    ['set the local preference', { localPref: 0 }, { localPref: 0 }],
    ['add communities', { addCommunities: [3] }, { communities: [1, 2, 3] }],
    ['remove communities', { removeCommunities: [1, 9] }, { communities: [2] }],
    ['add and remove communities at once', { addCommunities: [3], removeCommunities: [1] }, { communities: [2, 3] }],
    [
      'add large communities',
      { addLargeCommunities: [[4, 5, 6]] },
      {
        largeCommunities: [
          [1, 2, 3],
          [4, 5, 6],
        ],
      },
    ],
    [
      'prepend',
      { prepend: { asn: 4200000000, count: 2 } },
      { asPath: [{ type: 'sequence', asns: [4200000000, 4200000000, 65001] }] },
    ],
    ['leave all as it is without an action', {}, {}],
    ['leave the next hop to the sender', { nextHop: 'self' }, {}],
  ]
  for (const [title, action, after] of rows) {
    it(title, () => {
      expect(applyActions([action], before)).to.deep.equal({ ...before, ...after })
    })
  }

  it('begin an AS path where there was none, and communities too', () => {
    const actions: Actions = {
      prepend: { asn: 65001, count: 1 },
      addCommunities: [1],
      addLargeCommunities: [[1, 1, 1]],
    }
    expect(applyActions([actions], {})).to.deep.equal({
      asPath: [{ type: 'sequence', asns: [65001] }],
      communities: [1],
      largeCommunities: [[1, 1, 1]],
    })
  })

  it('apply in order: the last to set a value wins', () => {
    const actions: Actions[] = [{ med: 1, addCommunities: [7] }, { removeCommunities: [7] }, { med: 2 }]
    expect(applyActions(actions, {})).to.deep.include({ med: 2 })
    expect(applyActions(actions, {}).communities ?? []).to.deep.equal([])
  })

  it('leave the list they were given untouched', () => {
    const given = structuredClone(before)
    applyActions([{ addCommunities: [3], prepend: { asn: 1, count: 1 }, med: 3 }], given)
    expect(given).to.deep.equal(before)
  })

  it('E8 name the next hop that the last of them asks for, in either family', () => {
    for (const family of families) {
      const hop = address(family === 'ipv4-unicast' ? '10.0.0.1' : 'fd00::1')
      expect(nextHopOf([{ nextHop: 'self' }, { nextHop: hop }, { med: 1 }], family)).to.equal(hop)
      expect(nextHopOf([{ nextHop: hop }, { nextHop: 'self' }], family)).to.equal('self')
      expect(nextHopOf([{ nextHop: 'self' }, { nextHop: { [family]: hop } }], family)).to.equal(hop)
      const other = families.find((each) => each !== family)!
      expect(nextHopOf([{ nextHop: 'unchanged' }, { nextHop: { [other]: hop } }], family)).to.equal('unchanged')
      expect(nextHopOf([{ med: 1 }], family)).to.equal(undefined)
    }
  })
})
