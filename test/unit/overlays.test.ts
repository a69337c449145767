/** What depends on annotations beside the manifests: nodes with reflectors, and the lab for containerlab. They fit together, and nodes take them. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import { plan } from '../../controllers/index.ts'
import { flags } from '../../daemon/config/flags.ts'
import { loadSettings, planOptions } from '../../daemon/config/settings.ts'
import { node, view } from '../support/cluster.ts'
import { baseArguments, docker, given, patchedArguments } from '../support/kustomize.ts'

describe('the overlay with route reflectors', () => {
  const commands = [
    ...readFileSync(join(docker, 'kustomize/overlays/route-reflectors/kustomization.yaml'), 'utf8').matchAll(
      /^# +kubectl annotate node (.+) ([\w./-]+)=(\w+)$/gm,
    ),
  ].map(([, names = '', key = '', value = '']) => ({ names: names.split(' '), annotation: { [key]: value } }))
  const names = commands.flatMap((one) => one.names)
  const cluster = view(
    ...names.map((name, index) => {
      const { annotation = {} } = commands.find((one) => one.names.includes(name)) ?? {}
      return node(name, { annotations: annotation, ips: [`10.0.0.${index + 1}`, `fd00::${index + 1}`] })
    }),
  )
  const planOf = (name: string) => {
    const line = [...baseArguments(), ...patchedArguments('kustomize/overlays/route-reflectors')]
    const { settings } = loadSettings({ commandLine: Object.fromEntries(given(line)), environment: {} })
    return plan(cluster, planOptions(settings, { NODE_NAME: name }))
  }
  const nameOf = (origin: string) => origin.replace('node/', '')

  it('says which nodes are to be annotated, reflectors first', () => {
    expect(commands.map(({ annotation }) => Object.keys(annotation)[0])).to.deep.equal([
      'kube-router.io/rr.server',
      'kube-router.io/rr.client',
    ])
    for (const one of commands) expect(one.names).to.have.length(2)
  })

  it('makes of these annotations sessions with reflectors alone, of which both families go', () => {
    const [reflectors, clients] = commands.map((one) => one.names) as [string[], string[]]
    for (const name of clients) {
      const { peers, findings } = planOf(name)
      expect(findings, name).to.deep.equal([])
      expect(
        peers.map(({ origin }) => nameOf(origin)),
        name,
      ).to.have.members(reflectors)
      expect(
        peers.map(({ families }) => families.length),
        name,
      ).to.deep.equal([2, 2])
    }
    for (const name of reflectors) {
      const { peers, local } = planOf(name)
      expect(local?.clusterId, name).to.equal(1)
      expect(
        peers.map(({ origin }) => nameOf(origin)),
        name,
      ).to.have.members(names.filter((other) => other !== name))
      expect(
        peers.filter(({ reflectorClient }) => reflectorClient).map(({ origin }) => nameOf(origin)),
      ).to.have.members(clients)
    }
  })
})

describe('the lab for containerlab', () => {
  const lab = join(docker, 'containerlab')
  const text = (name: string) => readFileSync(join(lab, name), 'utf8')
  interface LabNode {
    readonly kind: string
    readonly image?: string
    readonly 'startup-config'?: string
    readonly binds?: readonly string[]
    readonly exec?: readonly string[]
  }
  const { name: labName, topology } = parse(text('tandem.clab.yml')) as {
    readonly name: string
    readonly topology: { nodes: Record<string, LabNode>; links: { endpoints: string[] }[] }
  }
  const kind = parse(text('kind.yaml')) as {
    readonly networking: { readonly ipFamily: string; readonly podSubnet: string; readonly serviceSubnet: string }
    readonly nodes: readonly { readonly role: string }[]
  }
  const ofKind = (wanted: string) =>
    Object.entries(topology.nodes)
      .filter(([, one]) => one.kind === wanted)
      .map(([name]) => name)
  const lines = () => patchedArguments('containerlab/tandem')

  it('is of files that are there, and all of them are of use', () => {
    const bound = Object.values(topology.nodes).flatMap((one) => [
      ...(one.binds ?? []).map((bind) => bind.split(':')[0]!),
      ...(one['startup-config'] === undefined ? [] : [one['startup-config']]),
    ])
    const readme = text('README.md')
    const others = readdirSync(lab).filter((name) => !bound.includes(name) && name !== 'README.md')
    expect(bound.filter((name) => !existsSync(join(lab, name)))).to.deep.equal([])
    expect(others.filter((name) => !readme.includes(name))).to.deep.equal([])
  })

  it('has for each node of the kind cluster the container that kind makes', () => {
    const [cluster = ''] = ofKind('k8s-kind')
    expect(topology.nodes[cluster]?.['startup-config']).to.equal('kind.yaml')
    const counts: Record<string, number> = {}
    const expected = kind.nodes.map(({ role }) => {
      counts[role] = (counts[role] ?? 0) + 1
      return `${cluster}-${role}${counts[role] > 1 ? counts[role] : ''}`
    })
    expect(ofKind('ext-container')).to.have.members(expected)
    expect(labName).to.equal('tandem')
    expect(Object.values(topology.nodes).map((one) => one.kind)).to.have.length(
      1 + expected.length + ofKind('linux').length,
    )
  })

  it('links every node to both routers, each port once', () => {
    const ends = topology.links.flatMap(({ endpoints }) => endpoints)
    expect(new Set(ends).size).to.equal(ends.length)
    const pairs = topology.links.map(({ endpoints }) => endpoints.map((end) => end.split(':')[0]).join(' '))
    const wanted = ofKind('ext-container').flatMap((node) => ofKind('linux').map((tor) => `${node} ${tor}`))
    expect(pairs).to.have.members(wanted)
  })

  it('has flags that there are, and ranges as kind and both routers have them', () => {
    const flagsOf = Object.fromEntries(given(lines()))
    for (const name of Object.keys(flagsOf)) expect(flags).to.have.property(name)
    expect(kind.networking).to.include({ ipFamily: 'dual', serviceSubnet: flagsOf['service-cluster-ip-range'] })
    for (const tor of ['tor-1.conf', 'tor-2.conf']) {
      const ranges = [kind.networking.podSubnet, kind.networking.serviceSubnet, flagsOf['loadbalancer-ip-range'] ?? '']
      for (const range of ranges.flatMap((one) => one.split(','))) expect(text(tor)).to.include(`permit ${range} `)
      expect(text(tor)).to.include(`remote-as ${flagsOf['cluster-asn']}`)
    }
  })

  it('has peers that a node takes, one a family and router', () => {
    const annotations = { 'kube-router.io/peers': text('peers.yaml').replaceAll('HOST', '12') }
    const line = [...baseArguments(), ...lines()]
    const { settings } = loadSettings({ commandLine: Object.fromEntries(given(line)), environment: {} })
    const ips = ['172.18.0.3', 'fc00:f853:ccd:e793::3']
    const { peers, findings } = plan(view(node('n', { annotations, ips })), planOptions(settings, { NODE_NAME: 'n' }))
    expect(findings).to.deep.equal([])
    expect(peers.map((one) => `${one.name} ${one.families} from ${String(one.localAddress)}`)).to.have.members([
      '10.1.0.1 ipv4-unicast from 10.1.0.12',
      'fd01::1 ipv6-unicast from fd01::12',
      '10.2.0.1 ipv4-unicast from 10.2.0.12',
      'fd02::1 ipv6-unicast from fd02::12',
    ])
  })
})
