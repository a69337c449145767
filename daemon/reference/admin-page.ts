/** The reference of the admin socket, made from the table that answers it. */

import { type AdminRoute, adminRoutes } from '../admin/routes.ts'
import { shapeRows } from './shape.ts'
import { cell, generated } from './words.ts'

const socket = '/run/tandem/tandem.sock'

export function adminPage(): string {
  return [
    '# The admin API',
    '',
    generated,
    '',
    'A running daemon answers HTTP and JSON at a Unix socket (`--admin-socket`, by default `/run/tandem/tandem.sock`) that its owner alone may open',
    '(mode 0600). The commands of tandem ask there; so may programs of yours. It is the one door through which state can be changed: nothing that does',
    'listens on TCP.',
    '',
    '| ask | for |',
    '| --- | --- |',
    ...adminRoutes.map((route) => `| [\`${route.method} ${route.path}\`](#${anchor(route)}) | ${route.does} |`),
    '',
    'The status is 200, or says why not; then the body is `{"error": {"code": 404, "message": "..."}}`. Every path can also be answered with 404, where',
    'method and path together are none of these, and with 500, which is a defect. A body ends in a newline. Times are in',
    'milliseconds where nothing else is said, and ages count from the answer; a field is absent where it has nothing to say. `FAMILY` stands for `ipv4-unicast` and `ipv6-unicast`.',
    '',
    ...adminRoutes.flatMap(routeSection),
  ].join('\n')
}

const anchor = ({ method, path }: AdminRoute) =>
  `${method} ${path}`.toLowerCase().replaceAll('/', '').replaceAll(' ', '-')

function routeSection(route: AdminRoute): string[] {
  const { method, path, does, parameters, body, shape, shapeIsOf, refuses } = route
  return [
    `## ${method} ${path}`,
    '',
    does,
    '',
    '```sh',
    exampleOf(route),
    '```',
    '',
    ...pairs(['parameter', 'meaning'], parameters),
    ...(body === undefined ? [] : [`Body: ${body}`, '']),
    ...pairs(['status', 'when'], refuses),
    ...(shapeIsOf === undefined
      ? ['| field | kind | meaning |', '| --- | --- | --- |', ...shapeRows(shape), '']
      : [`It has the fields of \`${shapeIsOf}\` but for ${missing(shape, shapeIsOf)}.`, '']),
  ]
}

export function exampleOf({ method, path, example }: AdminRoute): string {
  const url = example === '' ? `http://tandem${path}` : `'http://tandem${path}?${example}'`
  const sent = method === 'POST' ? ' --data-binary @tandem.yaml' : ''
  return `curl --unix-socket ${socket}${sent} ${url}`
}

function pairs(heads: readonly [string, string], rows: Readonly<Record<string, string>>): string[] {
  const entries = Object.entries(rows)
  if (entries.length === 0) return []
  return [
    `| ${heads.join(' | ')} |`,
    '| --- | --- |',
    ...entries.map(([name, meaning]) => `| \`${name}\` | ${cell(meaning)} |`),
    '',
  ]
}

function missing(shape: AdminRoute['shape'], from: string): string {
  const whole = adminRoutes.find(({ path }) => path === from)?.shape ?? {}
  return Object.keys(whole)
    .filter((key) => !(key in shape))
    .map((key) => `\`${key}\``)
    .join(' and ')
}
