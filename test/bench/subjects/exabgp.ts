/** ExaBGP, which has no table of its own: the scenario that it takes part in configures it. */

import type { Subject } from '../subject.ts'

export const exabgp: Subject = {
  name: 'exabgp',
  packages: ['exabgp'],
  originates: true,
  start: () => {
    throw new Error('ExaBGP takes part in the scenario of churn alone')
  },
  count: async () => 0,
}
