/** `tandem check`: whether this node is ready for tandem, and the mend for each thing that is not. Exit status 1 if there is any. */

import { families } from 'bgp-ts'
import { plan as makePlan } from '../../controllers/index.ts'
import { type Check, familyChecks, peerCheck, portCheck, rightCheck } from '../check/checks.ts'
import { familyFacts, portFacts, reach } from '../check/machine.ts'
import { rightFacts } from '../check/rights.ts'
import { ConfigError } from '../config/flag.ts'
import { type Loaded, planOptions } from '../config/settings.ts'
import { readSpeakerFile } from '../config/speaker-file.ts'
import { ownNamespace } from '../extras.ts'
import { newLog } from '../log.ts'
import { readOnce } from '../read-once.ts'
import { type Format, written } from '../render/format.ts'
import { openSource } from '../sources.ts'

type Environment = Readonly<Record<string, string | undefined>>
type Peer = Parameters<typeof reach>[0]

export async function check(loaded: Loaded, environment: Environment, format: Format): Promise<void> {
  const { settings } = loaded
  const asked = { 'ipv4-unicast': settings['enable-ipv4'], 'ipv6-unicast': settings['enable-ipv6'] }
  const checks: Check[] = [
    ...families.flatMap((family) => familyChecks(family, asked[family], familyFacts(family))),
    portCheck(await portFacts(settings['bgp-port'], settings['admin-socket'])),
    ...(await sourceChecks(loaded, environment)),
  ]
  process.stdout.write(`${written(format, checks, () => checkText(checks))}\n`)
  if (checks.some(({ ok }) => !ok)) process.exitCode = 1
}

export function checkText(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length))
  const failed = checks.filter(({ ok }) => !ok).length
  return [
    ...checks.flatMap(({ name, ok, saw, mend }) => [
      `${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(width)}  ${saw}`,
      ...(mend === undefined ? [] : [`      ${''.padEnd(width)}  ${mend}`]),
    ]),
    '',
    failed === 0 ? 'all is well' : `${failed} of ${checks.length} to mend`,
  ].join('\n')
}

/** Rights, the node's own plan, and the peers that it names. */
async function sourceChecks(loaded: Loaded, environment: Environment): Promise<Check[]> {
  const { settings, document } = loaded
  if (settings.source === 'none') {
    if (!document) throw new ConfigError('--config', '', 'is needed with --source none: the file of peers')
    const { peers } = readSpeakerFile(document)
    return peerChecks(
      peers
        .filter(({ passive }) => !passive)
        .map(({ localAddress: from, ...peer }) => ({ ...peer, ...(from && { from }) })),
    )
  }
  const options = planOptions(settings, environment)
  const rights = settings.source === 'api' ? await rightChecks(loaded, environment, options.nodeName) : []
  // Without its rights a look would only wait for what never comes.
  if (rights.some(({ ok }) => !ok)) return rights
  const { view, findings } = await readOnce(settings, options.nodeName)
  const { local, peers, findings: own } = makePlan(view, options)
  const name = `node ${options.nodeName}`
  const node: Check = local
    ? { name, ok: true, saw: `AS ${local.asn}, ${Object.values(local.addresses).join(', ')}` }
    : {
        name,
        ok: false,
        saw: 'unknown, or without an address',
        mend: '--hostname-override has to be the name of its Node object',
      }
  const wrong = [...findings, ...own]
    .filter(({ severity }) => severity === 'error')
    .map(
      ({ object, field, value, message }): Check => ({
        name: object,
        ok: false,
        saw: `${field}: "${value}"`,
        mend: message,
      }),
    )
  return [...rights, node, ...wrong, ...(await peerChecks(peers))]
}

async function rightChecks({ settings }: Loaded, environment: Environment, nodeName: string): Promise<Check[]> {
  const source = await openSource(settings, nodeName, newLog('error'))
  try {
    if (!source.api) return []
    return (await rightFacts(source.api, settings, ownNamespace(environment))).map(rightCheck)
  } catch (error) {
    const saw = error instanceof Error ? error.message : String(error)
    return [{ name: source.name, ok: false, saw, mend: 'is it the right address, and does it take our token?' }]
  } finally {
    await source.stop()
  }
}

async function peerChecks(peers: readonly Peer[]): Promise<Check[]> {
  if (peers.length === 0)
    return [{ name: 'peers', ok: false, saw: 'none', mend: '--peer-router-ips, or annotations of the Node, name them' }]
  return (await Promise.all(peers.map(reach))).map(peerCheck)
}
