// What is packed, how it is imported, and that it is one module.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { before, after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const home = join(dirname(fileURLToPath(import.meta.url)), '..')
const NAMES = [
  'Client', 'DefaultMessageIdProvider', 'DurableSession', 'ErrorWithReasonCode', 'ErrorWithSubackPacket', 'EvenkeelError',
  'KeepaliveManager', 'MQTTJS_VERSION', 'MqttClient', 'ReasonCodes', 'Store', 'UniqueMessageIdProvider',
  'applyMixin', 'connect', 'connectAsync', 'default', 'nextTick', 'validateTopic', 'validateTopics',
]

/** What MQTT.js has under `mqtt/lib/..`, and the name that is the default, if there is one. */
const LIB = {
  KeepaliveManager: ['KeepaliveManager', 'KeepaliveManager'],
  TypedEmitter: [undefined],
  client: ['MqttClient', 'MqttClient'],
  connect: ['connect', 'connect', 'connectAsync'],
  'connect/index': ['connect', 'connect', 'connectAsync'],
  'default-message-id-provider': ['DefaultMessageIdProvider', 'DefaultMessageIdProvider'],
  shared: [undefined, 'ErrorWithReasonCode', 'ErrorWithSubackPacket', 'MQTTJS_VERSION', 'ReasonCodes', 'applyMixin', 'nextTick'],
  store: ['Store', 'Store'],
  'unique-message-id-provider': ['UniqueMessageIdProvider', 'UniqueMessageIdProvider'],
  validations: [undefined, 'validateTopic', 'validateTopics'],
}
const DIST = ['mqtt', 'mqtt.min', 'mqtt.esm']

test('all import forms give the same module', async () => {
  const module = await import('evenkeel')
  const required = createRequire(import.meta.url)('evenkeel')
  assert.deepEqual(Object.keys(module).sort(), [...NAMES].sort())
  assert.deepEqual(Object.keys(required).sort(), [...NAMES].sort())
  assert.equal(required.default, required)
  assert.equal(module.default, required)
  for (const name of NAMES) assert.equal(module[name], required[name], name)
  const made = required.connect('mqtt://h', { manualConnect: true })
  assert.ok(made instanceof module.MqttClient)
  assert.ok(made instanceof module.Client)
  made.end(true)
})

test('there are 43 reason codes', async () => {
  const { ReasonCodes } = await import('evenkeel')
  assert.equal(Object.keys(ReasonCodes).length, 43)
  assert.equal(ReasonCodes[135], 'Not authorized')
})

test('applyMixin and nextTick', async () => {
  const { applyMixin, nextTick } = await import('evenkeel')
  class Target {}
  class Mixin {
    greet() {
      return 'hello'
    }
  }
  applyMixin(Target, Mixin)
  assert.equal(new Target().greet(), 'hello')
  assert.equal(await new Promise((resolve) => nextTick(resolve, 7)), 7)
})

test('what Node loads is at most 450 KB', () => {
  const sizes = ['evenkeel.cjs', 'evenkeel.mjs', 'evenkeel.wasm.br'].map((name) => statSync(join(home, 'dist', name)).size)
  assert.ok(sizes.reduce((all, one) => all + one) <= 450_000, sizes.join(' + '))
})

describe('packed and installed', () => {
  let folder
  const npm = (args, cwd) => execFileSync('npm', [...args, '--no-audit', '--no-fund'], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const node = (...args) => execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' })

  let files
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'evenkeel-packed-'))
    const [packed] = JSON.parse(npm(['pack', '--json', '--pack-destination', folder], home))
    files = packed.files.map(({ path }) => path)
    writeFileSync(join(folder, 'package.json'), '{"private":true}')
    // By the alias that replaces MQTT.js in a package's own manifest.
    npm(['install', '--offline', '--omit=optional', `mqtt@file:${join(folder, packed.filename)}`], folder)
  })
  after(() => rmSync(folder, { recursive: true }))

  test('the package holds what it needs and no more', () => {
    const others = files.filter((path) => !/^(dist\/types|lib)\/.*\.d\.m?ts$/.test(path)).sort()
    assert.deepEqual(others, [
      ...['flags', 'help', 'mqtt', 'options', 'pub', 'run', 'sub'].map((name) => `bin/${name}.js`),
      ...DIST.flatMap((name) => [`dist/${name}.js`, `dist/${name}.d.ts`]),
      ...Object.keys(LIB).filter((name) => name !== 'connect').flatMap((name) => [`lib/${name}.js`, `lib/${name}.mjs`]),
      'LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'THIRD-PARTY-LICENSES',
      ...['index.js', 'index.d.ts', ...DIST.map((name) => `dist/${name}.js`)].map((name) => `dist/mini/${name}`),
      'dist/asmjs.mjs', 'dist/browser.mjs', 'dist/evenkeel.min.js', 'dist/react-native.mjs',
      'dist/evenkeel.cjs', 'dist/evenkeel.d.mts', 'dist/evenkeel.d.ts', 'dist/evenkeel.mjs', 'dist/evenkeel.wasm.br', 'package.json',
    ].sort())
  })

  test('source maps are built, and stay apart', () => {
    const { sources } = JSON.parse(readFileSync(join(home, 'dist/evenkeel.cjs.map'), 'utf8'))
    assert.ok(sources.some((path) => path.endsWith('src/driver.ts')))
    assert.ok(!readFileSync(join(home, 'dist/evenkeel.cjs'), 'utf8').includes('sourceMappingURL'))
    assert.ok(!files.some((path) => path.endsWith('.map')))
  })

  test('what npm needs to prove where the package is from is there', () => {
    const { publishConfig, repository, license } = JSON.parse(readFileSync(join(home, 'package.json')))
    assert.deepEqual(publishConfig, { access: 'public', provenance: true })
    assert.deepEqual([repository.type, repository.directory, license], ['git', 'js', 'Apache-2.0 OR MIT'])
  })

  test('the licences of the crates inside are there', () => {
    const text = readFileSync(join(home, 'THIRD-PARTY-LICENSES'), 'utf8')
    for (const name of ['bytes', 'dlmalloc']) assert.ok(text.includes(name), name)
  })

  test('it has no dependency but an optional one', () => {
    const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(home, 'package.json')))
    assert.equal(dependencies, undefined)
    assert.deepEqual(Object.keys(optionalDependencies), ['ws'])
  })

  test('under the name of MQTT.js it is imported and required', () => {
    const use = 'const c = mqtt.connect("mqtt://h", { manualConnect: true }); c.end(true); console.log(c.constructor.name)'
    assert.equal(node('-e', `const mqtt = require('mqtt'); ${use}`), 'MqttClient\n')
    assert.equal(node('--input-type=module', '-e', `import mqtt from 'mqtt'; ${use}`), 'MqttClient\n')
    assert.equal(node('--input-type=module', '-e', `import * as mqtt from 'mqtt'; ${use}`), 'MqttClient\n')
    assert.equal(node('--input-type=module', '-e', `import { connect } from 'mqtt'; const mqtt = { connect }; ${use}`), 'MqttClient\n')
  })

  /** The program fails if one of its assertions does. */
  const holds = (kind, lines) => node(`--input-type=${kind}`, '-e', lines.join('\n'))

  test('mqtt/lib/.. gives what the one module has', () => {
    const required = ["const assert = require('node:assert'); const mqtt = require('mqtt')"]
    const imported = ["import assert from 'node:assert'; import mqtt from 'mqtt'"]
    for (const [path, [byDefault, ...names]] of Object.entries(LIB)) {
      const has = names.map((name) => `assert.equal(it.${name}, mqtt.${name}); assert.ok(it.${name})`)
      required.push(`{ const it = require('mqtt/lib/${path}')`, ...has)
      required.push(`assert.equal(it.__esModule, true); assert.equal(it.default, mqtt.${byDefault ?? 'nothing'}) }`)
      imported.push(`{ const it = await import('mqtt/lib/${path}')`, ...has)
      imported.push(`assert.equal(it.default, mqtt.${byDefault ?? 'nothing'}) }`)
    }
    required.push("const { TypedEventEmitter } = require('mqtt/lib/TypedEmitter')")
    required.push("const made = mqtt.connect('mqtt://h', { manualConnect: true }); made.end(true)")
    required.push('assert.ok(made instanceof TypedEventEmitter)')
    holds('commonjs', required)
    holds('module', imported)
  })

  test('mqtt/dist/.. is the one module', () => {
    const required = ["const assert = require('node:assert'); const mqtt = require('mqtt')"]
    const imported = ["import assert from 'node:assert'; import mqtt from 'mqtt'"]
    for (const name of DIST.flatMap((one) => [one, `${one}.js`])) {
      required.push(`assert.equal(require('mqtt/dist/${name}'), mqtt)`)
      imported.push(`{ const it = await import('mqtt/dist/${name}')`)
      imported.push('assert.equal(it.default, mqtt); assert.equal(it.connect, mqtt.connect) }')
    }
    // For tools that do not read `exports`.
    for (const name of DIST) required.push(`assert.equal(require('./node_modules/mqtt/dist/${name}.js'), mqtt)`)
    holds('commonjs', required)
    holds('module', imported)
  })

  test('the programs are installed by the names of MQTT.js', () => {
    for (const [name, usage] of [['mqtt', 'help'], ['mqtt_pub', '--help'], ['mqtt_sub', '-H']]) {
      const said = execFileSync(join(folder, 'node_modules/.bin', name), [usage], { encoding: 'utf8' })
      assert.match(said, /^Usage: mqtt /)
    }
  })

  test('other paths of the package are not imported', () => {
    for (const path of ['lib/handlers/publish', 'dist/evenkeel.cjs', 'lib/nothing']) {
      assert.throws(() => node('-e', `require('mqtt/${path}')`), /ERR_PACKAGE_PATH_NOT_EXPORTED/)
    }
  })

  test('WebSocket without the package ws says what to install', () => {
    const program = `
      const client = require('mqtt').connect('ws://127.0.0.1:1', { forceNativeWebSocket: false })
      client.on('error', (error) => { console.log(error.message); client.end(true) })
    `
    const said = node('-e', `delete globalThis.WebSocket; ${program}`)
    assert.match(said, /npm install ws/)
  })

  for (const module of ['commonjs', 'nodenext', 'bundler']) {
    test(`strict TypeScript compiles against the types (${module})`, () => {
      const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
      const samples = ['sample', 'deep'].map((name) => {
        const sample = join(folder, `${name}-${module}.ts`)
        writeFileSync(sample, readFileSync(join(home, `test/types/${name}.ts`)))
        return sample
      })
      const options = module === 'commonjs'
        ? ['--module', 'commonjs', '--moduleResolution', 'node10', '--esModuleInterop']
        : module === 'nodenext'
          ? ['--module', 'nodenext', '--moduleResolution', 'nodenext']
          : ['--module', 'esnext', '--moduleResolution', 'bundler']
      const types = join(home, 'node_modules/@types')
      const all = [...options, '--strict', '--noEmit', '--target', 'es2022', '--types', 'node', '--typeRoots', types]
      try {
        node(tsc, ...all, ...samples)
      } catch (error) {
        assert.fail(error.stdout)
      }
    })
  }
})
