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
  'Client', 'DefaultMessageIdProvider', 'ErrorWithReasonCode', 'ErrorWithSubackPacket', 'EvenkeelError',
  'KeepaliveManager', 'MQTTJS_VERSION', 'MqttClient', 'ReasonCodes', 'Store', 'UniqueMessageIdProvider',
  'applyMixin', 'connect', 'connectAsync', 'default', 'nextTick', 'validateTopic', 'validateTopics',
]

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
  const sizes = ['evenkeel.cjs', 'evenkeel.mjs', 'evenkeel.wasm.gz'].map((name) => statSync(join(home, 'dist', name)).size)
  assert.ok(sizes.reduce((all, one) => all + one) <= 450_000, sizes.join(' + '))
})

describe('packed and installed', () => {
  let folder
  const npm = (args, cwd) => execFileSync('npm', [...args, '--no-audit', '--no-fund'], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const node = (...args) => execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })

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
    const others = files.filter((path) => !/^dist\/types\/.*\.d\.ts$/.test(path)).sort()
    assert.deepEqual(others, [
      'LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'THIRD-PARTY-LICENSES',
      'dist/evenkeel.cjs', 'dist/evenkeel.d.mts', 'dist/evenkeel.d.ts', 'dist/evenkeel.mjs', 'dist/evenkeel.wasm.gz', 'package.json',
    ].sort())
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
      const sample = join(folder, `sample-${module}.ts`)
      writeFileSync(sample, readFileSync(join(home, 'test/types/sample.ts')))
      const options = module === 'commonjs'
        ? ['--module', 'commonjs', '--moduleResolution', 'node10', '--esModuleInterop']
        : module === 'nodenext'
          ? ['--module', 'nodenext', '--moduleResolution', 'nodenext']
          : ['--module', 'esnext', '--moduleResolution', 'bundler']
      const types = join(home, 'node_modules/@types')
      const all = [...options, '--strict', '--noEmit', '--target', 'es2022', '--types', 'node', '--typeRoots', types]
      try {
        node(tsc, ...all, sample)
      } catch (error) {
        assert.fail(error.stdout)
      }
    })
  }
})
