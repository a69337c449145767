/** `npm run bundle [FILE]`: the daemon and all it needs as one minified file, as the image runs it. */

import { join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')

await build({
  entryPoints: [join(root, 'daemon/main.ts')],
  outfile: process.argv[2] ?? join(root, 'dist/tandem.cjs'),
  bundle: true,
  platform: 'node',
  target: 'node24',
  // CommonJS, because it starts with less memory than a module does.
  format: 'cjs',
  define: { 'import.meta.dirname': '__dirname' },
  minify: true,
  keepNames: true,
  sourcemap: false,
  legalComments: 'none',
  logLevel: 'warning',
})
