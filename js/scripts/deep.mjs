// The files behind `mqtt/lib/..` and `mqtt/dist/..`, import paths that programs for
// MQTT.js have. Each is where its path says, for tools that do not read `exports`,
// and gives what the package's one module has.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** What each file of MQTT.js's `lib` has; its default is the first name, if it has one. */
const LIB = {
  client: { isDefault: true, names: ['MqttClient'] },
  'connect/index': { isDefault: true, names: ['connect', 'connectAsync'] },
  store: { isDefault: true, names: ['Store'] },
  'default-message-id-provider': { isDefault: true, names: ['DefaultMessageIdProvider'] },
  'unique-message-id-provider': { isDefault: true, names: ['UniqueMessageIdProvider'] },
  KeepaliveManager: { isDefault: true, names: ['KeepaliveManager'] },
  validations: { isDefault: false, names: ['validateTopic', 'validateTopics'] },
  shared: {
    isDefault: false,
    names: ['ErrorWithReasonCode', 'ErrorWithSubackPacket', 'MQTTJS_VERSION', 'ReasonCodes', 'applyMixin', 'nextTick'],
  },
}

/** The browser bundles of MQTT.js. For Node they are its own module. */
const DIST = ['mqtt', 'mqtt.min', 'mqtt.esm']

const ESM_MARK = "Object.defineProperty(exports, '__esModule', { value: true })"

export function writeDeep(home) {
  rmSync(join(home, 'lib'), { recursive: true, force: true })
  for (const [path, { isDefault, names }] of Object.entries(LIB)) {
    writeLib(home, path, names, isDefault ? names[0] : undefined)
  }
  write(join(home, 'lib/TypedEmitter.js'), [
    ESM_MARK,
    "exports.TypedEventEmitter = Object.getPrototypeOf(require('../dist/evenkeel.cjs').MqttClient)",
  ])
  write(join(home, 'lib/TypedEmitter.mjs'), [
    "import mqtt from '../dist/evenkeel.cjs'",
    'export const TypedEventEmitter = Object.getPrototypeOf(mqtt.MqttClient)',
  ])
  for (const end of ['.d.ts', '.d.mts']) {
    write(join(home, `lib/TypedEmitter${end}`), [
      "export { TypedEventEmitter, type EventHandler } from '../dist/types/emitter.js'",
    ])
  }
  for (const name of DIST) {
    write(join(home, 'dist', `${name}.js`), ["module.exports = require('./evenkeel.cjs')"])
    write(join(home, 'dist', `${name}.d.ts`), [
      "import mqtt = require('./types/index.js')",
      'export = mqtt',
    ])
  }
}

function writeLib(home, path, names, byDefault) {
  const file = join(home, 'lib', path)
  const up = '../'.repeat(path.split('/').length)
  write(`${file}.js`, [
    `const mqtt = require('${up}dist/evenkeel.cjs')`,
    ESM_MARK,
    ...(byDefault === undefined ? [] : [`exports.default = mqtt.${byDefault}`]),
    ...names.map((name) => `exports.${name} = mqtt.${name}`),
  ])
  write(`${file}.mjs`, [
    `import mqtt from '${up}dist/evenkeel.cjs'`,
    ...(byDefault === undefined ? [] : [`export default mqtt.${byDefault}`]),
    ...names.map((name) => `export const ${name} = mqtt.${name}`),
  ])
  const types = `from '${up}dist/types/mqtt.js'`
  for (const end of ['.d.ts', '.d.mts']) {
    write(`${file}${end}`, [
      `export type * ${types}`,
      `export { ${names.join(', ')} } ${types}`,
      ...(byDefault === undefined ? [] : [`export { ${byDefault} as default } ${types}`]),
    ])
  }
}

function write(file, lines) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${lines.join('\n')}\n`)
}
