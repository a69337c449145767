/** What is kept from route to route, and what lists of policies make of each other. */

import type { Attributes } from 'bgp-ts'
import { expect } from 'chai'
import {
  acceptAll,
  chain,
  compile,
  defaultExport,
  defaultImport,
  formatOrigin,
  inFront,
  insideEntry,
  NeighbourSet,
  noPolicy,
  originatedOnly,
  type Policy,
  PrefixSet,
  parseNeighbour,
  rejectAll,
  type Statement,
  type Subject,
} from '../../../policy/index.ts'
import { prefix } from '../../support/fabric.ts'

const learned = (text: string, more: Partial<Subject> = {}): Subject => {
  const { family, w0, w1, w2, w3, length } = prefix(text)
  const about = { source: 'learned' as const, kind: '', neighbour: 'tor', external: true, fromExternal: true }
  return { family, w0, w1, w2, w3, length, ...about, attributes: () => ({}), ...more }
}
const originated = (text: string, kind: string) => learned(text, { source: 'originated', kind })
const statement = (name: string, action: Statement['action'], more: Partial<Statement> = {}): Statement => {
  return { name, action, match: {}, ...more }
}
const policy = (name: string, otherwise: Policy['default'], ...statements: Statement[]): Policy => {
  return { name, default: otherwise, statements, place: `${name}.yaml:1:1` }
}
const inside = (...texts: string[]) => new PrefixSet(texts.map((text) => insideEntry(prefix(text))))

describe('what is remembered of attributes', () => {
  const tagged = policy('tagged', 'reject', statement('tagged', 'accept', { match: { communities: [7] } }))
  /** Attributes stored under an id, and how often they were decoded. */
  const stored = (table: object, id: number, generation: number, attributes: Attributes) => {
    const subject = learned('10.0.0.0/8', {
      stored: { table, id, generation },
      attributes: () => {
        state.decoded++
        return attributes
      },
    })
    const state = { decoded: 0, subject }
    return state
  }

  it('is asked once for all routes that share them', () => {
    const compiled = compile(tagged)
    const one = stored({}, 5, 0, { communities: [7] })
    for (let route = 0; route < 10; route++) expect(compiled.evaluate(one.subject).accept).to.equal(true)
    expect(one.decoded).to.equal(1)
  })

  it('is not taken for that of others under the same id', () => {
    const compiled = compile(tagged)
    const [here, there] = [{}, {}]
    const verdicts = [
      stored(here, 5, 0, { communities: [7] }),
      stored(here, 5, 1, {}),
      stored(here, 5, 2, { communities: [7] }),
      stored(there, 5, 2, {}),
      stored(here, 5 + 1024, 2, {}),
      stored(here, 5, 2, { communities: [7] }),
    ].map(({ subject }) => compiled.evaluate(subject).accept)
    expect(verdicts).to.deep.equal([true, false, true, false, false, true])
  })

  it('is not what they were before a next changed them', () => {
    const compiled = compile(
      policy(
        'tagging',
        'reject',
        statement('tag some', 'next', { match: { prefixes: inside('10.0.0.0/8') }, set: { addCommunities: [7] } }),
        statement('tagged', 'accept', { match: { communities: [7] } }),
      ),
    )
    const table = {}
    const shared = { stored: { table, id: 5, generation: 0 } }
    for (const _time of [1, 2]) {
      expect(compiled.evaluate(learned('10.1.0.0/16', shared)).accept).to.equal(true)
      expect(compiled.evaluate(learned('192.0.2.0/24', shared)).accept).to.equal(false)
    }
  })

  it('depends on our ASN where a statement prepends it', () => {
    const compiled = compile(
      policy(
        'prepending',
        'reject',
        statement('longer', 'next', { set: { prepend: { asn: 'self', count: 1 } } }),
        statement('ours', 'accept', { match: { asns: [64512] } }),
      ),
    )
    const shared = { stored: { table: {}, id: 5, generation: 0 } }
    const accepts = [64512, 64513, 64512].map((localAsn) => {
      return compiled.evaluate(learned('10.0.0.0/8', { ...shared, localAsn })).accept
    })
    expect(accepts).to.deep.equal([true, false, true])
  })

  it('is bounded, whatever communities peers choose: the ways through many statements too', () => {
    const many = Array.from({ length: 16 }, (_, bit) =>
      statement(`tag ${bit}`, 'next', { match: { communities: [bit] }, set: { addCommunities: [100 + bit] } }),
    )
    const compiled = compile(policy('many', 'accept', ...many))
    for (let mask = 0; mask < 20_000; mask += 3) {
      const communities = Array.from({ length: 16 }, (_, bit) => bit).filter((bit) => (mask >> bit) & 1)
      const { actions } = compiled.evaluate(learned('10.0.0.0/8', { attributes: () => ({ communities }) }))
      expect(actions.map(({ addCommunities }) => addCommunities?.[0])).to.deep.equal(
        communities.map((bit) => 100 + bit),
      )
    }
  })

  it('makes one verdict of one way, so that what follows from it is found again', () => {
    const compiled = compile(
      policy(
        'two',
        'accept',
        statement('one', 'next', { set: { med: 1 } }),
        statement('two', 'next', { set: { localPref: 1 } }),
      ),
    )
    expect(compiled.evaluate(learned('10.0.0.0/8'))).to.equal(compiled.evaluate(learned('fd00::/8')))
  })
})

describe('counts of what statements matched', () => {
  it('have one number for each statement and default, in order', () => {
    const compiled = compile(
      policy(
        'counted',
        'reject',
        statement('tag', 'next', { match: { prefixes: inside('10.0.0.0/8', 'fd00::/8') }, set: { med: 1 } }),
        statement('take', 'accept', { match: { prefixes: inside('10.1.0.0/16', 'fd01::/16') } }),
      ),
    )
    const hits = new Float64Array(compiled.rules.length)
    for (const text of ['10.1.0.0/16', 'fd01::/16', '10.2.0.0/16', '192.0.2.0/24'])
      compiled.evaluate(learned(text), hits)
    expect([...hits]).to.deep.equal([3, 2, 2])
    expect(compiled.rules.map(({ name, action }) => `${name} ${action}`)).to.deep.equal([
      'tag next',
      'take accept',
      'default reject',
    ])
  })
})

describe('a list of policies', () => {
  const bogons = policy(
    'bogons',
    'next',
    statement('ours', 'reject', { match: { prefixes: inside('10.0.0.0/8', 'fd00::/8') } }),
  )
  const tag = policy('tag', 'next', statement('all', 'next', { set: { localPref: 200 } }))
  const customers = policy(
    'customers',
    'reject',
    statement('known', 'accept', { match: { prefixes: inside('192.0.2.0/24', '2001:db8::/32') } }),
  )
  const decided = (list: readonly Policy[], text: string) => {
    const { accept, statement: by, actions, rule } = compile(chain(list)).evaluate(learned(text))
    return { accept, by, actions, where: formatOrigin(compile(chain(list)).rules[rule]!.origin) }
  }

  for (const [ours, known, other] of [
    ['10.1.0.0/16', '192.0.2.0/25', '198.51.100.0/24'],
    ['fd01::/16', '2001:db8:1::/48', '2001:db9::/32'],
  ] as const) {
    it(`is asked in order, and what decided is named with its policy and line: ${known}`, () => {
      const list = [bogons, tag, customers]
      expect(decided(list, ours)).to.deep.equal({
        accept: false,
        by: 'bogons: ours',
        actions: [],
        where: 'ours, policy "bogons" (bogons.yaml:1:1)',
      })
      expect(decided(list, known)).to.deep.equal({
        accept: true,
        by: 'customers: known',
        actions: [{ localPref: 200 }],
        where: 'known, policy "customers" (customers.yaml:1:1)',
      })
      expect(decided(list, other)).to.deep.equal({
        accept: false,
        by: 'customers: default',
        actions: [],
        where: 'default, policy "customers" (customers.yaml:1:1)',
      })
    })
  }

  it('ends with the first policy whose default decides', () => {
    expect(decided([customers, acceptAll], '198.51.100.0/24').accept).to.equal(false)
  })

  it('rejects what all of its policies left open', () => {
    expect(decided([bogons, tag], '192.0.2.0/24')).to.deep.include({ accept: false, by: 'default' })
  })

  it('may hold what is built in', () => {
    expect(decided([bogons, acceptAll], '192.0.2.0/24')).to.deep.include({ accept: true, by: 'accept-all: default' })
    expect(decided([tag, originatedOnly], '192.0.2.0/24')).to.deep.include({
      accept: false,
      by: 'originated-only: default',
    })
  })

  it('of one that is built in is that policy', () => {
    expect(chain([acceptAll])).to.equal(acceptAll)
    expect(chain([rejectAll])).to.equal(rejectAll)
  })

  it('has the key of the same list elsewhere in a file, and another once a statement changes', () => {
    const moved = { ...customers, place: 'customers.yaml:9:1' }
    expect(compile(chain([bogons, moved])).key).to.equal(compile(chain([bogons, customers])).key)
    expect(compile(chain([tag, customers])).key).not.to.equal(compile(chain([customers])).key)
  })
})

describe('policies in front of the built-in pair', () => {
  const builtInImport = defaultImport({
    default: 'reject',
    ownPodCidrs: [prefix('10.244.1.0/24'), prefix('fd00:244:1::/64')],
    serviceCidrs: [],
    vips: [],
    clusterPodCidrs: [],
    customImportReject: [],
  })
  const builtInExport = defaultExport({ podCidrsToExternal: true, communities: [1], nextHopSelf: false })
  const evaluate = (front: Policy, lastWord: Policy, subject: Subject) => {
    return compile(inFront(chain([front]), lastWord)).evaluate(subject)
  }

  for (const [own, foreign, vip] of [
    ['10.244.1.0/25', '192.0.2.0/24', '203.0.113.1/32'],
    ['fd00:244:1::/65', '2001:db8::/32', '2001:db8:113::1/128'],
  ] as const) {
    it(`J11 cannot let in what the pair refuses: ${own}`, () => {
      const all = policy('all', 'reject', statement('everything', 'accept'))
      expect(evaluate(all, builtInImport, learned(own))).to.include({
        accept: false,
        statement: "this node's pod CIDRs",
      })
      expect(evaluate(all, builtInImport, learned(foreign))).to.include({ accept: true, statement: 'all: everything' })
    })

    it(`leave to the default of the pair what they did not decide: ${foreign}`, () => {
      const nothing = policy('nothing', 'next')
      expect(evaluate(nothing, builtInImport, learned(foreign))).to.include({ accept: false, statement: 'default' })
      expect(evaluate(nothing, { ...builtInImport, default: 'accept' }, learned(foreign)).accept).to.equal(true)
    })

    it(`cannot make the node pass on what it learned: ${foreign}`, () => {
      const all = policy('all', 'accept')
      const compiled = compile(inFront(chain([all]), builtInExport))
      expect(compiled.evaluate(learned(foreign))).to.include({
        accept: false,
        statement: 'not originated by this node',
      })
      expect(compiled.acceptsLearned).to.equal(false)
    })

    it(`refuse and change what goes out, and the pair adds what it adds: ${vip}`, () => {
      const front = policy(
        'front',
        'next',
        statement('not this one', 'reject', { match: { prefixes: inside(own) } }),
        statement('longer', 'accept', { set: { med: 5 } }),
      )
      expect(evaluate(front, builtInExport, originated(own, 'pod-cidr'))).to.include({
        accept: false,
        statement: 'front: not this one',
      })
      expect(evaluate(front, builtInExport, originated(vip, 'cluster-ip'))).to.deep.include({
        accept: true,
        statement: 'service VIPs to external peers',
        actions: [{ med: 5 }, { addCommunities: [1] }],
      })
    })
  }

  it('are one object for all peers that have them', () => {
    const front = chain([policy('front', 'next')])
    expect(inFront(front, builtInExport)).to.equal(inFront(front, builtInExport))
  })
})

describe('no policy', () => {
  it('J1 lets nothing pass, and says by which RFC', () => {
    for (const subject of [learned('10.0.0.0/8'), originated('fd00::/8', 'static')]) {
      expect(compile(noPolicy).evaluate(subject)).to.include({
        accept: false,
        statement: 'no policy in this direction, RFC 8212',
      })
    }
    expect(compile(noPolicy).acceptsLearned).to.equal(false)
  })
})

describe('what can be said of a policy without a route', () => {
  it('knows towards which peers learned routes may pass', () => {
    const towards = (...statements: Statement[]) =>
      compile(policy('one', 'reject', ...statements)).acceptsLearnedTowards
    const external = statement('out', 'accept', { match: { peerType: 'external' } })
    expect(towards(external)).to.deep.equal({ external: true, internal: false })
    expect(
      towards(statement('none', 'reject', { match: { peerType: 'external' } }), statement('all', 'accept')),
    ).to.deep.equal({
      external: false,
      internal: true,
    })
    expect(
      towards(statement('not', 'reject', { match: { not: { source: 'originated' } } }), statement('all', 'accept')),
    ).to.deep.equal(
      // It rejects all that is learned, but that is not looked into: true only means that one may.
      { external: true, internal: true },
    )
  })

  it('takes no longer for many statements that go on', () => {
    const many = Array.from({ length: 2000 }, (_, index) => {
      return statement(`next ${index}`, 'next', { match: { communities: [index] }, set: { med: index } })
    })
    expect(compile(policy('many', 'reject', ...many)).acceptsLearned).to.equal(false)
  })

  it('knows what is under not as well', () => {
    const neighbours = new NeighbourSet([parseNeighbour('external')])
    const not = (conditions: Statement['match']) =>
      compile(policy('one', 'reject', statement('it', 'accept', { match: { not: conditions } })))
    expect(not({ neighbours }).usesNeighbour).to.equal(true)
    expect(not({ communities: [1] }).usesAttributes).to.equal(true)
    expect(not({ prefixes: inside('10.0.0.0/8') }).usesPrefix).to.equal(true)
  })
})
