// A WebAssembly module as text of a script. What is alike is put together first (codes of
// instructions, numbers of variables, offsets), as LZMA finds more in that: together an eighth
// less than what Brotli makes of the module, and no more behind gzip.
// `src/platform/browser/unpack.ts` reads it, and has the same kinds in the same order.
import { createRequire } from 'node:module'
import { join } from 'node:path'

import { build } from 'esbuild'

const { LZMA_WORKER: lzma } = createRequire(import.meta.url)('lzma/src/lzma_worker.js')

const [FRAME, CODE, VARIABLES, VARIABLE, OFFSET, CALL, BLOCK, BRANCH, NUMBER, LONG, OTHER] = Array(11).keys()
/** Properties and sizes: it is always the same properties, and the sizes are told apart. */
const LZMA_HEADER = 13
const PROPERTIES = 0x5d

export async function packed(home, wasm) {
  const { before, functions, kinds } = parted(wasm)
  const compressed = lzma.compress(kinds.flat(), 9)
  if (compressed[0] !== PROPERTIES) throw new Error('LZMA has other parameters than unpack.ts reads')
  const made = {
    size: wasm.length,
    before,
    functions,
    parts: kinds.map((kind) => kind.length),
    text: textOf(Buffer.from(compressed.slice(LZMA_HEADER))),
  }
  if (!wasm.equals((await unpacker(home))(made))) throw new Error('the packed module is read as another one')
  return made
}

/** Whether the instruction is its code alone. */
const isPlain = (code) =>
  [0, 1, 5, 11, 15, 26, 27].includes(code) || (code >= 69 && code <= 196)

/** The bytes by their kinds. */
function parted(wasm) {
  const kinds = Array.from(Array(11), () => [])
  let at = 8
  const byte = (kind) => {
    kinds[kind]?.push(wasm[at])
    return wasm[at++]
  }
  const number = (kind) => {
    const first = byte(kind)
    return first < 128 ? first : first - 128 + number(kind) * 128
  }
  const times = (count, act) => {
    for (; count > 0; count--) act()
  }
  /** Numbered by how long ago it was used: those of late are small. */
  let recent = []
  const variable = () => {
    const which = number()
    while (recent.length <= which) recent.push(recent.length)
    let place = recent.indexOf(which)
    recent.unshift(...recent.splice(place, 1))
    for (; place > 127; place >>= 7) kinds[VARIABLE].push((place & 127) | 128)
    kinds[VARIABLE].push(place)
  }
  const instruction = () => {
    const code = byte(CODE)
    if (code >= 2 && code <= 4) number(BLOCK)
    else if (code === 12 || code === 13) number(BRANCH)
    else if (code === 14) times(number(BRANCH) + 1, () => number(BRANCH))
    else if (code === 16) number(CALL)
    else if (code === 17) times(2, () => number(OTHER))
    else if (code >= 32 && code <= 34) variable()
    else if (code === 35 || code === 36 || code === 63 || code === 64) number(OTHER)
    else if (code >= 40 && code <= 62) {
      number(CODE)
      number(OFFSET)
    } else if (code === 65) number(NUMBER)
    else if (code === 66) number(LONG)
    else if (code === 67 || code === 68) times(code === 67 ? 4 : 8, () => byte(OTHER))
    else if (code === 252) {
      const more = number(CODE)
      if (more === 10 || more === 11) times(12 - more, () => byte(OTHER))
      else if (more > 7) throw new Error(`unpack.ts does not know instruction 252 ${more}`)
    } else if (!isPlain(code)) {
      throw new Error(`unpack.ts does not know instruction ${code}`)
    }
  }
  const body = () => {
    const end = number() + at
    recent = []
    times(number(VARIABLES), () => {
      number(VARIABLES)
      byte(VARIABLES)
    })
    while (at < end) instruction()
  }

  while (at < wasm.length) {
    const section = byte()
    const end = number() + at
    if (section !== 10) {
      at = end
      continue
    }
    const functions = number()
    const before = at
    times(functions, body)
    kinds[FRAME] = [...wasm.subarray(0, before), ...wasm.subarray(at)]
    return { before, functions, kinds }
  }
  throw new Error('the module has no functions')
}

/** Six bits in each character, and none that has a meaning in a string, or in a page. */
function textOf(bytes) {
  const character = (value) => (value === 57 ? 'c' : value === 25 ? 'd' : String.fromCharCode(35 + value))
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const bits = (bytes[at] << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    for (const shift of [18, 12, 6, 0]) text += character((bits >> shift) & 63)
  }
  return text
}

/** What the bundles read it by. */
async function unpacker(home) {
  const entry = join(home, 'src/platform/browser/unpack.ts')
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, format: 'esm', write: false })
  const code = Buffer.from(outputFiles[0].contents).toString('base64')
  return (await import(`data:text/javascript;base64,${code}`)).moduleOf
}
