import { join } from 'node:path'
import { expect } from 'chai'
import { LabCluster } from '../../../daemon/lab/cluster.ts'
import { chooseNetwork } from '../../../daemon/lab/network.ts'
import { labText } from '../../../daemon/lab/screen.ts'

describe('the lab', () => {
  it('converges over real sessions: both families at both routers, and one VIP withheld in one family alone', async () => {
    const cluster = new LabCluster(join(import.meta.dirname, '../../../daemon/lab/manifests'), await chooseNetwork())
    await cluster.start()
    expect(await cluster.converged(8000)).to.equal(true)
    const view = cluster.view()
    for (const { name, sessions, routes } of view.routers) {
      expect(
        sessions.map(({ state }) => state),
        name,
      ).to.deep.equal(['Established', 'Established'])
      const via = (prefix: string) =>
        routes
          .filter((one) => one.prefix === prefix)
          .map(({ nextHop }) => nextHop)
          .sort()
      expect(via('203.0.113.80/32'), name).to.deep.equal(['192.0.2.11', '192.0.2.12'])
      expect(via('2001:db8:113::80/128'), name).to.deep.equal(['2001:db8::11'])
    }
    const withheld = view.nodes
      .find(({ name }) => name === 'node-2')
      ?.withheld.find(({ prefix }) => prefix === '2001:db8:113::80/128')
    expect(withheld?.reason).to.include('no ready IPv6 endpoint is on this node (1 elsewhere)')
    expect(view.findings).to.deep.equal([])
    expect(labText(view, { folder: '/here', note: '', page: '', changes: [] })).to.include('edit /here/endpoints.yaml')
    await cluster.stop()
  })
})
