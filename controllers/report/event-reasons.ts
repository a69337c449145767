/** Every reason of a Kubernetes event that is written: its type, on which objects, what it says and when. docs/events.md is this table. */

export interface EventReasonRow<Words extends readonly unknown[]> {
  readonly type: 'Normal' | 'Warning'
  readonly on: 'Node' | 'Node or Service'
  readonly says: (...words: Words) => string
  readonly when: string
}

type Words<Name extends string> = Readonly<Record<Name, string>>

const reason = <Given extends readonly unknown[]>(row: EventReasonRow<Given>) => row

export const eventReasons = {
  SessionUp: reason({
    type: 'Normal',
    on: 'Node',
    says: ({ peer, families }: Words<'peer' | 'families'>) => `BGP session with ${peer} is up for ${families}`,
    when: 'A session of this node has come up.',
  }),
  SessionDown: reason({
    type: 'Warning',
    on: 'Node',
    says: ({ peer, why }: Words<'peer' | 'why'>) => `BGP session with ${peer} is down: ${why}`,
    when: 'A session that was up has ended. One that does not come up writes nothing.',
  }),
  Draining: reason({
    type: 'Normal',
    on: 'Node',
    says: ({ signal }: Words<'signal'>) => `VIPs are advertised with GRACEFUL_SHUTDOWN (${signal}); pod CIDRs stay`,
    when: 'A drain has begun: routers look for other ways while this one still works (RFC 8326).',
  }),
  Drained: reason({
    type: 'Normal',
    on: 'Node',
    says: ({ signal }: Words<'signal'>) => `VIPs are withdrawn (${signal}); pod CIDRs stay`,
    when: '`--drain-wait` is over.',
  }),
  Undrained: reason({
    type: 'Normal',
    on: 'Node',
    says: () => 'VIPs are advertised again',
    when: 'The signal that drained the node is gone.',
  }),
  GateClosed: reason({
    type: 'Warning',
    on: 'Node',
    says: ({ why }: Words<'why'>) => `VIPs wait: ${why}`,
    when: 'The node cannot forward yet (`--gate`).',
  }),
  GateOpen: reason({
    type: 'Normal',
    on: 'Node',
    says: () => 'VIPs are advertised',
    when: 'All that `--gate` names held at once. It stays open.',
  }),
  InvalidValue: reason({
    type: 'Warning',
    on: 'Node or Service',
    says: ({ finding }: Words<'finding'>) => finding,
    when: 'A finding that is an error, on the object that it is about ([findings.md](findings.md)). What is about no object is on the Node; what is about another Node is left to that one.',
  }),
  Notice: reason({
    type: 'Normal',
    on: 'Node or Service',
    says: ({ finding }: Words<'finding'>) => finding,
    when: 'The same of a finding that is a warning.',
  }),
} as const

export type EventReason = keyof typeof eventReasons
