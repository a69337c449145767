import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { flags } from '../../daemon/config/flags.ts'
import { schemaPath, valuesSchema } from '../../docker/values-schema.ts'

describe('the schema of the chart', () => {
  it('is that of the flags as they are: run npm run docs', () => {
    expect(readFileSync(schemaPath, 'utf8')).to.equal(valuesSchema())
  })

  it('has a type for every flag that the chart leaves to its user', () => {
    const { properties } = JSON.parse(valuesSchema()) as {
      properties: { config: { properties: Record<string, { type?: unknown; enum?: unknown }> } }
    }
    const { config } = properties
    expect(config.properties['cluster-asn']).to.include({ type: 'integer' })
    expect(config.properties['node-status']).to.deep.include({ enum: ['none', 'annotation'] })
    const known = Object.keys(flags).filter((name) => config.properties[name])
    expect(Object.keys(flags).filter((name) => !known.includes(name))).to.have.members([
      'source',
      'manifests',
      'config',
      'kubeconfig',
      'master',
      'admin-socket',
      'hostname-override',
    ])
  })
})
