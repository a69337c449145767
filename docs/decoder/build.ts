/** `node docs/decoder/build.ts`, a part of `npm run docs`: the page's program with bgp-ts as one module, which is kept beside the page. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const folder = import.meta.dirname

/** The text of `decoder.js`. */
export async function decoderScript(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(folder, 'decoder.ts')],
    absWorkingDir: join(folder, '../..'),
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    legalComments: 'none',
    banner: { js: '// Made by `npm run docs` from decoder.ts and bgp/. Change those.' },
  })
  return outputFiles[0]!.text
}

if (import.meta.main) writeFileSync(join(folder, 'decoder.js'), await decoderScript())
