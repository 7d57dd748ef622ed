// Builds `dist` from `src` and the WebAssembly module, which EVENKEEL_WASM names
// if it is not where `js/run` puts it: `npm run build`. EVENKEEL_WASM_BROWSER may
// name a smaller one, for bundlers, and EVENKEEL_WASM_SIZE the smallest, for a script tag.
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'

import { build } from 'esbuild'

import { buildBundles } from './bundles.mjs'
import { writeDeep } from './deep.mjs'
import { thirdPartyLicenses } from './licenses.mjs'
import { pruneTypes } from './prune.mjs'

const home = join(dirname(fileURLToPath(import.meta.url)), '..')
const dist = join(home, 'dist')
const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))

const wasm = process.env.EVENKEEL_WASM ?? join(home, 'dist.wasm')
if (!existsSync(wasm)) {
  console.error(`${wasm} is not there: run js/run first, or set EVENKEEL_WASM`)
  process.exit(1)
}

rmSync(dist, { recursive: true, force: true })
mkdirSync(dist)
// A third of its size: less to read, and a smaller package.
writeFileSync(join(dist, 'evenkeel.wasm.br'), brotliCompressSync(readFileSync(wasm)))
for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) copyFileSync(join(home, '..', name), join(home, name))
writeFileSync(join(home, 'THIRD-PARTY-LICENSES'), thirdPartyLicenses(join(home, '..')))

await build({
  entryPoints: [join(home, 'src/index.ts')],
  outfile: join(dist, 'evenkeel.cjs'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  sourcemap: 'external',
  define: { PACKAGE_VERSION: JSON.stringify(version) },
  external: ['ws'],
  // What files say of themselves at their head.
  legalComments: 'none',
  // `require()` gives what `import` does: the names, and all of them as `default`.
  footer: {
    js: `module.exports = Object.assign({}, module.exports)
module.exports.default = module.exports
Object.defineProperty(module.exports, '__esModule', { value: true })
// People print the names of classes. (\`keepNames\` of esbuild would name each function
// whenever it is made, which takes more time and memory than what they do.)
for (const [name, value] of Object.entries(module.exports)) {
  if (/^_?(.*?)\\d*$/.exec(value.name)?.[1] === name) Object.defineProperty(value, 'name', { value: name })
}`,
  },
  logLevel: 'warning',
})

// The ES module is the same module by other names, so that `instanceof` holds.
const names = Object.keys(createRequire(import.meta.url)(join(dist, 'evenkeel.cjs')))
  .filter((name) => name !== 'default')
  .sort()
const lines = ["import mqtt from './evenkeel.cjs'", 'export default mqtt']
for (const name of names) lines.push(`export const ${name} = mqtt.${name}`)
writeFileSync(join(dist, 'evenkeel.mjs'), `${lines.join('\n')}\n`)

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
execFileSync(process.execPath, [tsc, '-p', home], { stdio: 'inherit' })
pruneTypes(join(dist, 'types'), ['index.d.ts', 'mqtt.d.ts'])
writeFileSync(
  join(dist, 'evenkeel.d.ts'),
  "import mqtt = require('./types/index.js')\nexport = mqtt\n",
)
writeFileSync(
  join(dist, 'evenkeel.d.mts'),
  "import * as mqtt from './types/mqtt.js'\nexport * from './types/mqtt.js'\nexport default mqtt\n",
)
writeDeep(home)
await buildBundles({
  home,
  version,
  wasm: process.env.EVENKEEL_WASM_BROWSER ?? wasm,
  smallest: process.env.EVENKEEL_WASM_SIZE ?? wasm,
  names,
})
