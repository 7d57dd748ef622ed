// The bundles for browsers: how large they are, what is in them, and that they can be had
// by every way that MQTT.js's can.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { brotliCompressSync, gzipSync } from 'node:zlib'

import { build } from 'esbuild'

import { packed } from '../scripts/pack.mjs'

const home = join(dirname(fileURLToPath(import.meta.url)), '..')
const dist = (name) => join(home, 'dist', name)
const text = (name) => readFileSync(dist(name), 'utf8')

const NAMES = [
  'Client', 'DefaultMessageIdProvider', 'DurableSession', 'ErrorWithReasonCode', 'ErrorWithSubackPacket', 'EvenkeelError',
  'KeepaliveManager', 'MQTTJS_VERSION', 'MqttClient', 'ReasonCodes', 'Store', 'UniqueMessageIdProvider',
  'applyMixin', 'connect', 'connectAsync', 'default', 'nextTick', 'validateTopic', 'validateTopics',
]

const BUNDLES = ['browser.mjs', 'evenkeel.min.js', 'react-native.mjs', 'asmjs.mjs', 'mini/index.js']

describe('sizes', () => {
  // They hold for the module that is built for size alone.
  const skip = process.env.EVENKEEL_WASM_SIZE ? false : 'EVENKEEL_WASM_SIZE is not set: js/run sets it'

  // To be lowered with each module that is smaller.
  const [GZIP, BROTLI] = [131_700, 125_300]
  // Without the folder for mini programs, which holds the module in JavaScript once more, as
  // hosts take it as one script; and with it.
  const [PACKAGE, WITH_MINI] = [1_912_000, 2_661_000]

  test('evenkeel.min.js behind gzip and Brotli', { skip }, () => {
    const script = readFileSync(dist('evenkeel.min.js'))
    const gzip = gzipSync(script, { level: 9 }).length
    const brotli = brotliCompressSync(script).length
    assert.ok(gzip <= GZIP && brotli <= BROTLI, `gzip ${gzip}, Brotli ${brotli}`)
  })

  test('the package', { skip }, () => {
    const sizeOf = (folder) =>
      readdirSync(join(home, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.endsWith('.map'))
        .reduce((sum, entry) => sum + statSync(join(entry.parentPath ?? entry.path, entry.name)).size, 0)
    const size = sizeOf('dist') + sizeOf('lib') + sizeOf('bin')
    const mini = sizeOf('dist/mini')
    assert.ok(size - mini <= PACKAGE && size <= WITH_MINI, `${size} bytes, ${mini} of them for mini programs`)
  })
})

describe('what is in them', () => {
  for (const name of BUNDLES) {
    test(`${name} needs nothing of Node`, () => {
      const code = text(name)
      assert.doesNotMatch(code, /\brequire\(|from ?["'](node:|buffer|events|stream)|\bprocess\.(nextTick|env|stderr)/)
      assert.doesNotMatch(code, /sourceMappingURL/)
    })
  }

  test('React Native gets no WebAssembly', () => {
    assert.ok(statSync(dist('react-native.mjs')).size < 200_000)
    assert.match(text('react-native.mjs'), /from ?".\/asmjs.mjs"/)
  })

  test('the names are those of the package', async () => {
    const module = await import(pathToFileURL(dist('browser.mjs')).href)
    assert.deepEqual(Object.keys(module).sort(), [...NAMES].sort())
    for (const name of NAMES) if (name !== 'default') assert.equal(module.default[name], module[name], name)
  })
})

describe('the script', () => {
  const run = (globals) => {
    const context = createContext({ performance, queueMicrotask, setTimeout, clearTimeout, URL, WebAssembly, TextDecoder, TextEncoder, ...globals })
    runInContext(text('evenkeel.min.js'), context)
    return context
  }

  test('makes the global mqtt', () => {
    const { mqtt } = run({})
    assert.deepEqual(Object.keys(mqtt).sort(), [...NAMES].sort())
    assert.equal(mqtt.default.connect, mqtt.connect)
  })

  test('keeps no sessions, and says so', () => {
    const { mqtt } = run({})
    assert.throws(() => new mqtt.DurableSession('name'), { code: 'NOT_SUPPORTED', message: /browser\.mjs/ })
  })

  test('is a module of CommonJS', () => {
    const module = { exports: {} }
    run({ module })
    assert.equal(typeof module.exports.connect, 'function')
  })

  test('is a module of AMD', () => {
    let defined
    run({ define: Object.assign((_needs, make) => (defined = make()), { amd: {} }) })
    assert.equal(typeof defined.connect, 'function')
  })
})

describe('the module in a script', () => {
  const length = (value) => (value < 128 ? [value] : [(value & 127) | 128, value >> 7])
  const within = (bytes) => [...length(bytes.length), ...bytes]
  /** A module of one function, whose code is this. */
  const moduleOf = (code) =>
    Buffer.from([
      ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0],
      ...[10, ...within([1, ...within([1, 1, 127, ...code])])],
    ])

  test('is the same when it is read again', async () => {
    const long = Array.from({ length: 60 }, (_, index) => [65, index, 26]).flat()
    // Blocks, tables of branches, numbers of several bytes, a function whose length takes two.
    for (const code of [[11], [2, 64, 65, 0x80, 1, 14, 1, 0, 0, 11, 11], [68, 0, 0, 0, 0, 0, 0, 11, 11, 26, 11], [...long, 11]]) {
      const wasm = moduleOf(code)
      assert.ok(WebAssembly.validate(wasm))
      // It fails if the module is read as another one.
      const { size, functions } = await packed(home, wasm)
      assert.deepEqual([size, functions], [wasm.length, 1])
    }
  })

  test('holds no instruction that could not be read again', async () => {
    assert.ok(WebAssembly.validate(moduleOf([11])))
    await assert.rejects(packed(home, moduleOf([0xd0, 112, 26, 11])), /instruction 208/)
    await assert.rejects(packed(home, moduleOf([0xfc, 17, 0, 26, 11])), /instruction 252 17/)
  })
})

describe('a bundler for browsers', () => {
  const bundled = async (contents, options = {}) => {
    const { outputFiles, metafile } = await build({
      stdin: { contents, resolveDir: join(home, 'test') },
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      // The folders of the outputs alone: nothing is written.
      outdir: join(home, '.cache/bundled'),
      write: false,
      metafile: true,
      ...options,
    })
    return { code: outputFiles[0].text, inputs: Object.keys(metafile.inputs).map((path) => path.replace(/.*(dist|lib)\//, '$1/')) }
  }

  const PATHS = ['', '/dist/mqtt', '/dist/mqtt.min', '/dist/mqtt.min.js', '/dist/mqtt.esm', '/dist/mqtt.esm.js']
  for (const path of PATHS) {
    test(`imports browser.mjs as evenkeel${path}`, async () => {
      const { inputs } = await bundled(`import mqtt from 'evenkeel${path}'; mqtt.connect()`)
      assert.ok(inputs.includes('dist/browser.mjs'), inputs)
      assert.ok(!inputs.includes('dist/evenkeel.cjs'))
    })
    test(`requires evenkeel.min.js as evenkeel${path}`, async () => {
      const { inputs } = await bundled(`require('evenkeel${path}').connect()`)
      assert.deepEqual(inputs.filter((input) => input.startsWith('dist')), ['dist/evenkeel.min.js'])
    })
  }

  for (const path of ['client', 'connect', 'store', 'TypedEmitter', 'validations', 'shared']) {
    test(`has lib/${path} from browser.mjs`, async () => {
      for (const use of [`import * as all from 'evenkeel/lib/${path}'; use(all)`, `use(require('evenkeel/lib/${path}'))`]) {
        const { inputs } = await bundled(use)
        assert.ok(inputs.includes('dist/browser.mjs'), use)
        assert.ok(!inputs.includes('dist/evenkeel.cjs'), use)
      }
    })
  }

  test('React Native has react-native.mjs', async () => {
    const { inputs } = await bundled(`import mqtt from 'evenkeel'; mqtt.connect()`, { conditions: ['react-native'] })
    assert.ok(inputs.includes('dist/react-native.mjs') && inputs.includes('dist/asmjs.mjs'), inputs)
  })

  test('a worker has browser.mjs', async () => {
    const { inputs } = await bundled(`import mqtt from 'evenkeel'; mqtt.connect()`, { platform: 'neutral', conditions: ['worker'] })
    assert.ok(inputs.includes('dist/browser.mjs'), inputs)
  })

  test('leaves out what is not used', async () => {
    const { code } = await bundled(`import { validateTopic } from 'evenkeel'; console.log(validateTopic('a/#'))`)
    assert.ok(code.length < 15_000, `${code.length}`)
  })
})
