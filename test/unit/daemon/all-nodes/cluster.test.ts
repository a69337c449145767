import { expect } from 'chai'
import { type ApiClient, ApiError } from '../../../../controllers/index.ts'
import { lookAround } from '../../../../daemon/all-nodes/cluster.ts'

const turn = () => new Promise<void>((go) => setImmediate(go))
const whom = { namespace: 'tandem-system', selector: 'app=tandem', nodeSelector: '' }

/** Refuses everything; what is said of `late` comes last. */
function refusing(late: 'nodes' | 'pods') {
  const request = async ({ path }: { path: string }): Promise<never> => {
    const resource = path.endsWith('/nodes') ? 'nodes' : 'pods'
    if (resource === late) for (let left = 5; left > 0; left--) await turn()
    throw new ApiError(403, 'Forbidden', `${resource} is forbidden`)
  }
  return { api: { request } as unknown as ApiClient, server: 'https://cluster:6443' }
}

const said = (error: unknown) => String(error)

describe('looking around in a cluster', () => {
  for (const late of ['nodes', 'pods'] as const)
    it(`names the right to list nodes where both are lacking, though the answer for ${late} comes last`, async () => {
      expect(await lookAround(refusing(late), whom).catch(said)).to.match(
        /API server https:\/\/cluster:6443: nodes is forbidden; rights: docs\/howto\/all-nodes\.md$/,
      )
    })
})
