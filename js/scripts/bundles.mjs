// The bundles without Node: `dist/browser.mjs`, which bundlers take, and
// `dist/evenkeel.min.js` for a script tag, each with the module in it;
// `dist/asmjs.mjs`, the module in JavaScript; `dist/react-native.mjs`, which uses that; and
// `dist/mini`, which has it in it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { build } from 'esbuild'

import { inJavaScript } from './asmjs.mjs'
import { packed } from './pack.mjs'
import { privateNames } from './private.mjs'

/** Engines from 2022 on: Chrome 97, Firefox 104, Safari 15.4. */
const TARGET = ['chrome97', 'firefox104', 'safari15.4']

/** Puts the files of a platform, and what is made here, in their place. */
function platform(home, name, made, { keepsSessions = false, holdsFallback = false } = {}) {
  return {
    name: 'platform',
    setup({ onResolve, onLoad }) {
      if (!keepsSessions) {
        const absent = join(home, 'src/session/absent.ts')
        onResolve({ filter: /session\/indexed-db$/ }, () => ({ path: absent }))
      }
      onResolve({ filter: /^(\.\.?\/)+platform$/ }, () => ({ path: join(home, 'src/platform', `${name}.ts`) }))
      const fallback = holdsFallback
        ? { path: join(home, 'dist/asmjs.mjs') }
        : { path: './asmjs.mjs', external: true }
      onResolve({ filter: /^evenkeel:asmjs$/ }, () => fallback)
      onResolve({ filter: /^evenkeel:/ }, ({ path }) => ({ path, namespace: 'made' }))
      onLoad({ filter: /./, namespace: 'made' }, ({ path }) => ({ contents: made[path] }))
    },
  }
}

/** The module as text, so that one file has all. */
async function inScript(home, wasm) {
  return `export const MODULE = ${JSON.stringify(await packed(home, wasm))}`
}

/** Beside the bundle, where bundlers find it. */
const BESIDE = `export const loadFallback = async () => (await import('./asmjs.mjs')).makeExports`

/** Beside the script, which knows where it is from while it runs first. */
const BY_URL = `
const from = typeof document === 'object' ? document.currentScript?.src : undefined
export async function loadFallback() {
  if (from === undefined) throw new Error('Where this script is from is not known')
  return (await import(/* webpackIgnore: true */ /* @vite-ignore */ new URL('asmjs.mjs', from).href)).makeExports
}`

/** Where the module in JavaScript is all there is. */
const NOTHING = {
  'evenkeel:module': 'export const MODULE = undefined',
  'evenkeel:fallback': 'export const loadFallback = undefined',
}

/** Fields without a value need no words. */
const PLAIN_FIELDS = { tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } } }

/** The syntax that mini programs take without being translated. */
const MINI_TARGET = 'es2017'
/** Where programs for MQTT.js look for it: WeChat puts the folder in the place of the package. */
const MINI_PATHS = ['mqtt.js', 'mqtt.min.js', 'mqtt.esm.js']

/** `wasm` for bundlers; `smallest` for a script tag, and in JavaScript. */
export async function buildBundles({ home, version, wasm, smallest, names }) {
  const dist = join(home, 'dist')
  const module = readFileSync(smallest)
  const common = {
    entryPoints: [join(home, 'src/browser.ts')],
    bundle: true,
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: TARGET,
    define: { PACKAGE_VERSION: JSON.stringify(version) },
    inject: [join(home, 'src/platform/browser/globals.ts')],
    external: ['./asmjs.mjs'],
    logLevel: 'warning',
    legalComments: 'none',
    pure: ['Buffer.alloc'],
  }
  const bundle = (options, name, made, how) =>
    build({ ...common, ...options, plugins: [platform(home, name, made, how)] })
  const esm = { format: 'esm', minifySyntax: true }
  const forBundlers = join(dist, 'browser.mjs')
  await bundle({ ...esm, outfile: forBundlers }, 'browser', {
    'evenkeel:module': await inScript(home, readFileSync(wasm)),
    'evenkeel:fallback': BESIDE,
  }, { keepsSessions: true })
  // Bundlers make it small. Here the indentation goes alone: with the rest of the white
  // space esbuild would drop the comments that tell which calls can be left out.
  writeFileSync(forBundlers, readFileSync(forBundlers, 'utf8').replace(/^ +/gm, ''))
  await bundle(
    { ...esm, minifyWhitespace: true, outfile: join(dist, 'react-native.mjs') },
    'react-native',
    NOTHING,
  )
  await bundle(
    {
      // Without the object that has all names, which the footer makes.
      entryPoints: [join(home, 'src/mqtt.ts')],
      outfile: join(dist, 'evenkeel.min.js'),
      format: 'iife',
      globalName: 'mqtt',
      minify: true,
      mangleProps: privateNames(join(home, 'src')),
      ...PLAIN_FIELDS,
      sourcemap: 'external',
      footer: {
        js: `mqtt=Object.assign({},mqtt);mqtt.default=mqtt;if(typeof module==='object'&&module.exports)module.exports=mqtt;else if(typeof define==='function'&&define.amd)define([],function(){return mqtt});`,
      },
    },
    'browser',
    { 'evenkeel:module': await inScript(home, module), 'evenkeel:fallback': BY_URL },
  )
  await inJavaScript(home, module, join(dist, 'asmjs.mjs'))
  await buildMini(home, dist, common.define, names, bundle)
}

async function buildMini(home, dist, define, names, bundle) {
  const how = {
    ...PLAIN_FIELDS,
    outfile: join(dist, 'mini/index.js'),
    format: 'cjs',
    minify: true,
    // For whoever imports it by name: what Node finds without running it.
    footer: { js: `0&&(module.exports={${names.join()}});` },
    target: MINI_TARGET,
    inject: [join(home, 'src/platform/mini/globals.ts')],
    define: {
      ...define,
      'Object.hasOwn': 'hasOwn',
      'Object.fromEntries': 'fromEntries',
    },
  }
  await bundle(how, 'mini', NOTHING, { holdsFallback: true })
  writeFileSync(join(dist, 'mini/index.d.ts'), "import mqtt = require('../types/index.js')\nexport = mqtt\n")
  mkdirSync(join(dist, 'mini/dist'))
  for (const name of MINI_PATHS) writeFileSync(join(dist, 'mini/dist', name), "module.exports = require('../index.js')\n")
}
