// The bundles without Node: `dist/browser.mjs`, which bundlers take, and
// `dist/evenkeel.min.js` for a script tag, each with the module in it;
// `dist/asmjs.mjs`, the module in JavaScript; and `dist/react-native.mjs`, which uses that.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { build } from 'esbuild'

import { inJavaScript } from './asmjs.mjs'
import { textOf } from './text.mjs'

/** Engines from 2022 on: Chrome 97, Firefox 104, Safari 15.4. */
const TARGET = ['chrome97', 'firefox104', 'safari15.4']

/** Puts the files of a platform, and what is made here, in their place. */
function platform(home, name, made, keepsSessions) {
  return {
    name: 'platform',
    setup({ onResolve, onLoad }) {
      if (!keepsSessions) {
        const absent = join(home, 'src/session/absent.ts')
        onResolve({ filter: /session\/indexed-db$/ }, () => ({ path: absent }))
      }
      onResolve({ filter: /^(\.\.?\/)+platform$/ }, () => ({ path: join(home, 'src/platform', `${name}.ts`) }))
      onResolve({ filter: /^evenkeel:asmjs$/ }, () => ({ path: './asmjs.mjs', external: true }))
      onResolve({ filter: /^evenkeel:/ }, ({ path }) => ({ path, namespace: 'made' }))
      onLoad({ filter: /./, namespace: 'made' }, ({ path }) => ({ contents: made[path] }))
    },
  }
}

/** The module as text, so that one file has all. */
function inScript(wasm) {
  return `export const MODULE = ${JSON.stringify({ size: wasm.length, ...textOf(wasm) })}`
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

/** `wasm` for bundlers; `smallest` for a script tag, and in JavaScript. */
export async function buildBundles({ home, version, wasm, smallest }) {
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
  const bundle = (options, name, made, keepsSessions = false) =>
    build({ ...common, ...options, plugins: [platform(home, name, made, keepsSessions)] })
  const esm = { format: 'esm', minifySyntax: true }
  const forBundlers = join(dist, 'browser.mjs')
  await bundle({ ...esm, outfile: forBundlers }, 'browser', {
    'evenkeel:module': inScript(readFileSync(wasm)),
    'evenkeel:fallback': BESIDE,
  }, true)
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
      outfile: join(dist, 'evenkeel.min.js'),
      format: 'iife',
      globalName: 'mqtt',
      minify: true,
      // Fields without a value need no words.
      tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
      sourcemap: 'external',
      footer: {
        js: `if(typeof module==='object'&&module.exports)module.exports=mqtt;else if(typeof define==='function'&&define.amd)define([],function(){return mqtt});`,
      },
    },
    'browser',
    { 'evenkeel:module': inScript(module), 'evenkeel:fallback': BY_URL },
  )
  await inJavaScript(home, module, join(dist, 'asmjs.mjs'))
}
