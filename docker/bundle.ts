/**
 * `npm run bundle [FILE]`: the daemon and all it needs as one minified file, as the image runs it. Beside it: what finds the API server, which is
 * more than half of the text and read only where there is one; what runs a command in a pod; the page; the program of the BFD thread; the one package
 * that is no JavaScript, where it is installed; and the list of all packages that are in it (`sbom.json`).
 */

import { cpSync, existsSync, globSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { sbom } from './sbom.ts'

const root = join(import.meta.dirname, '..')
const file = process.argv[2] ?? join(root, 'dist/tandem.cjs')

const options = {
  bundle: true,
  // `debug` takes it where it finds it, and here it belongs to the tools: what is no dependency stays outside.
  external: ['supports-color'],
  platform: 'node',
  target: 'node24',
  // CommonJS, because it starts with less memory than a module does.
  format: 'cjs',
  define: { 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' },
  minify: true,
  // Names would be set by a call for each function that is made, in the middle of the hot paths.
  keepNames: false,
  sourcemap: false,
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
  absWorkingDir: root,
} satisfies BuildOptions

/** Loaded when they are needed: by the daemon, and by what asks the daemons of all nodes. Each `controllers/api/NAME.ts` is `tandem-NAME.cjs`. */
const loaded = ['kube-config', 'kube-exec'] as const

const apart: Plugin = {
  name: 'what is loaded apart',
  setup: (making) => {
    making.onResolve({ filter: /\/kube-(config|exec)\.ts$/ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path: `./tandem-${basename(path, '.ts')}.cjs`, external: true } : undefined,
    )
  },
}

/** Messages are in English; zod brings them in fifty languages. */
const oneLanguage: Plugin = {
  name: 'one language',
  setup: (making) => {
    making.onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js'",
    }))
  },
}

const daemon = await build({
  ...options,
  plugins: [apart, oneLanguage],
  entryPoints: [join(root, 'daemon/main.ts')],
  outfile: file,
})
const kube = await Promise.all(
  loaded.map((name) =>
    build({
      ...options,
      entryPoints: [join(root, `controllers/api/${name}.ts`)],
      outfile: join(dirname(file), `tandem-${name}.cjs`),
    }),
  ),
)
// Under the name that speaker/bfd/thread.ts looks for.
const thread = await build({
  ...options,
  entryPoints: [join(root, 'speaker/bfd/worker.ts')],
  outfile: join(dirname(file), 'tandem-bfd.cjs'),
})

cpSync(join(root, 'daemon/web/page'), join(dirname(file), 'page'), { recursive: true })

const packages = join(root, 'node_modules')
const ofKoffi = ['package.json', 'LICENSE.txt', 'index.cjs', 'src/koffi/index.cjs', 'src/koffi/src/static.cjs']
const parts = [...ofKoffi.map((name) => join('koffi', name)), ...globSync('@koromix/koffi-*', { cwd: packages })]
for (const part of parts) {
  const from = join(packages, part)
  if (existsSync(from)) cpSync(from, join(dirname(file), 'node_modules', part), { recursive: true })
}

const beside = parts.filter((part) => existsSync(join(packages, part))).map((part) => `node_modules/${part}/`)
// What was read and left out again is not in the image.
const inside = [daemon, ...kube, thread]
  .flatMap(({ metafile }) => Object.values(metafile.outputs))
  .flatMap(({ inputs }) => Object.entries(inputs))
  .flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []))
writeFileSync(join(dirname(file), 'sbom.json'), sbom(root, [...inside, ...beside], process.version))
