import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Finding, formatFinding, ManifestSource, type View } from '../../../controllers/index.ts'

const good = (name: string, ...clusterIps: string[]) => `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: default }
spec: { type: ClusterIP, clusterIPs: [${clusterIps.map((ip) => `"${ip}"`).join(', ')}] }
`

describe('a folder of manifests', () => {
  let folder: string
  let source: ManifestSource
  let views: { view: View; findings: readonly Finding[] }[]
  let arrived: () => void

  const write = (file: string, text: string) => {
    writeFileSync(join(folder, `.${file}.new`), text)
    renameSync(join(folder, `.${file}.new`), join(folder, file))
  }
  const last = () => views.at(-1)!
  const ips = () =>
    [...last().view.services.values()].map(({ name, clusterIps }) => `${name} ${clusterIps.join(' ')}`).sort()

  /** Waits for a view for which this holds. */
  const until = async (holds: () => boolean) => {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        arrived = resolve
      })
    }
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tandem-manifests-'))
    views = []
    arrived = () => {}
    source = new ManifestSource(folder)
  })

  afterEach(async () => {
    await source.stop()
    rmSync(folder, { recursive: true })
  })

  const start = () =>
    source.start((view, _change, findings) => {
      views.push({ view, findings })
      arrived()
    })

  it('is read whole, in both families, with lists and several documents a file', async () => {
    write(
      'a.yaml',
      `${good('one', '10.96.0.1', 'fd00:96::1')}---\n${good('two', '10.96.0.2', 'fd00:96::2')}---\nkind: Pod\nmetadata: { name: x }\n`,
    )
    write(
      'b.json',
      JSON.stringify({
        kind: 'List',
        items: [{ kind: 'Service', metadata: { name: 'three' }, spec: { clusterIPs: ['10.96.0.3'] } }],
      }),
    )
    await start()
    expect(ips()).to.deep.equal(['one 10.96.0.1 fd00:96::1', 'three 10.96.0.3', 'two 10.96.0.2 fd00:96::2'])
    expect(last().findings).to.deep.equal([])
  })

  it('is followed: files that come, change and go', async () => {
    await start()
    write('a.yaml', good('one', '10.96.0.1'))
    await until(() => ips().join() === 'one 10.96.0.1')
    write('a.yaml', good('one', 'fd00:96::1'))
    await until(() => ips().join() === 'one fd00:96::1')
    rmSync(join(folder, 'a.yaml'))
    await until(() => ips().length === 0)
  })

  it('keeps the last good objects of a garbled document, and names file, line and column', async () => {
    write('a.yaml', `${good('one', '10.96.0.1')}---\n${good('two', 'fd00:96::2')}`)
    await start()
    write(
      'a.yaml',
      `${good('one', '10.96.0.9')}---\n${good('two', 'fd00:96::2').replace('kind: Service', 'kind: [Service')}`,
    )
    await until(() => last().findings.length > 0)
    expect(ips()).to.deep.equal(['one 10.96.0.9', 'two fd00:96::2'])
    expect(
      last()
        .findings.map(({ object }) => object)
        .join(),
    ).to.match(/^a\.yaml:\d+:\d+$/)
    write('a.yaml', `${good('one', '10.96.0.9')}---\n${good('two', 'fd00:96::3')}`)
    await until(() => last().findings.length === 0)
    expect(ips()).to.deep.equal(['one 10.96.0.9', 'two fd00:96::3'])
  })

  it('keeps the last good form of a broken object, and names the field', async () => {
    write('a.yaml', `${good('one', '10.96.0.1')}---\n${good('two', 'fd00:96::2')}`)
    await start()
    write(
      'a.yaml',
      `${good('one', '10.96.0.9')}---\n${good('two', 'fd00:96::2').replace('type: ClusterIP', 'type: 7')}`,
    )
    await until(() => last().findings.length > 0)
    expect(ips()).to.deep.equal(['one 10.96.0.9', 'two fd00:96::2'])
    expect(last().findings.map(formatFinding)[0]).to.match(/^a\.yaml:\d+ spec\.type: "7" is wrong/)
  })

  it('refuses a folder that is not there', async () => {
    const error = await new ManifestSource(join(folder, 'nowhere'))
      .start(() => {})
      .then(
        () => undefined,
        (reason: Error) => reason,
      )
    expect(error?.message).to.include('is no folder')
  })

  it('is not believed while a file is written in place and is whole YAML at each line', async () => {
    const [one, two] = [good('one', '10.96.0.1', 'fd00:96::1'), good('two', '10.96.0.2', 'fd00:96::2')]
    write('a.yaml', `${one}---\n${two}`)
    await start()
    writeFileSync(join(folder, 'a.yaml'), one)
    // Read after the file above in any case, since its writer is done first.
    write('mark.yaml', good('mark', '10.96.0.9', 'fd00:96::9'))
    await until(() => last().view.services.has('default/mark'))
    writeFileSync(join(folder, 'a.yaml'), `${one}---\n${two}---\n${good('three', '10.96.0.3', 'fd00:96::3')}`)
    await until(() => last().view.services.has('default/three'))
    expect(views.filter(({ view }) => !view.services.has('default/two'))).to.deep.equal([])
    writeFileSync(join(folder, 'a.yaml'), one)
    await until(() => !last().view.services.has('default/two'))
    expect([...last().view.services.keys()]).to.have.members(['default/one', 'default/mark'])
  })

  it('is told whole from the first time on, though files change while it is read', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `s${String(index).padStart(3, '0')}`)
    for (const name of names) writeFileSync(join(folder, `${name}.yaml`), good(name, '10.96.0.1', 'fd00:96::1'))
    let isStarted = false
    const churn = async () => {
      while (!isStarted) {
        write('restless.yaml', good('restless', '10.96.0.2', 'fd00:96::2'))
        await new Promise((resolve) => setTimeout(resolve, 3))
      }
    }
    const churning = churn()
    await start()
    isStarted = true
    await churning
    expect(views.map(({ view }) => names.filter((name) => !view.services.has(`default/${name}`)).length)).to.satisfy(
      (missing: number[]) => missing.every((count) => count === 0),
    )
  })
})
