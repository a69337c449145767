/** Lets a test outside a network namespace reach a port inside it: a Unix socket, which knows no namespaces, to a TCP port. */

import { connect, createServer } from 'node:net'

const [path, port] = process.argv.slice(2)

createServer((near) => {
  const far = connect({ host: '127.0.0.1', port: Number(port) })
  near.pipe(far)
  far.pipe(near)
  near.on('error', () => far.destroy())
  far.on('error', () => near.destroy())
  near.on('close', () => far.destroy())
  far.on('close', () => near.destroy())
}).listen(path)
