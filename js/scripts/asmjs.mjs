// The WebAssembly module as JavaScript, by binaryen's wasm2js, for engines and pages that
// have no WebAssembly. It takes a while: what was made of the same module is taken again.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { transform } from 'esbuild'

/** What the module may use, and wasm2js knows nothing of until it is lowered. */
const FEATURES = ['bulk-memory', 'nontrapping-float-to-int', 'sign-ext', 'mutable-globals', 'multivalue', 'reference-types']
const LOWERED = ['--llvm-memory-copy-fill-lowering', '--llvm-nontrapping-fptoint-lowering', '--signext-lowering']

/** What `isTrap` of the platform looks for. */
const TRAP = 'evenkeel: trap'

export async function inJavaScript(home, wasm, out) {
  const self = readFileSync(new URL(import.meta.url))
  const hash = createHash('sha256').update(wasm).update(self).digest('hex').slice(0, 16)
  const cache = join(home, '.cache', `asmjs-${hash}.mjs`)
  if (!existsSync(cache)) {
    mkdirSync(join(home, '.cache'), { recursive: true })
    writeFileSync(cache, await translate(home, wasm))
  }
  writeFileSync(out, readFileSync(cache))
}

async function translate(home, wasm) {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-asmjs-'))
  const program = (name) => join(home, 'node_modules/.bin', name)
  const at = (name) => join(folder, name)
  try {
    writeFileSync(at('in.wasm'), wasm)
    const features = FEATURES.map((name) => `--enable-${name}`)
    execFileSync(program('wasm-opt'), [...features, ...LOWERED, at('in.wasm'), '-o', at('low.wasm')])
    execFileSync(program('wasm2js'), ['-Oz', '--emscripten', at('low.wasm'), '-o', at('out.js')])
    const { code } = await transform(adapted(readFileSync(at('out.js'), 'utf8')), {
      format: 'esm',
      minify: true,
      target: 'es2020',
    })
    return code
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Its errors have a name, and its memory says that it moves when it grows. */
function adapted(code) {
  const traps = code.replaceAll("Error('abort')", `Error('${TRAP}')`)
  const whole = traps.replace('Object.create(Object.prototype, {', 'Object.create(Object.prototype, { moves: { value: true },')
  if (traps === code || whole === traps) throw new Error('wasm2js writes something else than before: see scripts/asmjs.mjs')
  return `${whole}\nexport const makeExports = () => instantiate({})`
}
