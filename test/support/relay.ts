/**
 * `relay.ts LISTEN TARGET`, each a port of this network namespace's loopback or the path of a Unix socket, which knows no namespaces: so a
 * program inside can be reached from outside, and the other way about.
 */

import { connect, createServer } from 'node:net'

const [listen = '', target = ''] = process.argv.slice(2)
const place = (text: string) => (/^\d+$/.test(text) ? { host: '127.0.0.1', port: Number(text) } : { path: text })

createServer((near) => {
  const far = connect(place(target))
  near.pipe(far)
  far.pipe(near)
  near.on('error', () => far.destroy())
  far.on('error', () => near.destroy())
  near.on('close', () => far.destroy())
  far.on('close', () => near.destroy())
}).listen(place(listen))
