// Our types beside those that MQTT.js 5.16 publishes.
import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import ts from 'typescript'

const here = dirname(fileURLToPath(import.meta.url))
const home = join(here, '..')
const OURS = join(home, 'dist/evenkeel.d.ts')
const THEIRS = join(home, 'node_modules/mqtt/build/index.d.ts')

/** Names that MQTT.js exports and this package does not: how its own files call each other. */
const LEFT_OUT = ['PacketHandler', 'PacketPump']

/** Members that are left out: how often a connection was lost is not for programs. */
const MEMBERS_LEFT_OUT = { MqttClient: ['_reconnectCount'] }

/** What a program gets from the package, which has to fit what it was written for. */
const GIVEN = ['IConnackPacket', 'IDisconnectPacket', 'IPublishPacket', 'Packet', 'ISubscriptionGrant', 'PendingCommand']

/** What a program hands to the package, whatever type it has been given. */
const TAKEN = [
  ...['ISecureClientOptions', 'IClientPublishOptions', 'IClientSubscribeOptions', 'IClientSubscribeProperties'],
  ...['IClientUnsubscribeProperties', 'ISubscriptionMap', 'ISubscriptionRequest', 'MqttProtocol', 'BaseMqttProtocol'],
  ...['AckHandler', 'DoneCallback', 'StorePutCallback', 'Timer', 'TimerVariant', 'Packet', 'OnMessageCallback'],
  ...['OnConnectCallback', 'OnDisconnectCallback', 'OnPacketCallback', 'PacketCallback', 'ClientSubscribeCallback'],
  ...['VoidCallback', 'CloseCallback', 'OnCloseCallback', 'IStore'],
]

const OPTIONS = {
  strict: true,
  noEmit: true,
  esModuleInterop: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.CommonJS,
  moduleResolution: ts.ModuleResolutionKind.Node10,
  types: ['node'],
  typeRoots: [join(home, 'node_modules/@types')],
  baseUrl: here,
}

/** Assignments of each of these types to the other one's. */
const ASSIGNED = join(here, 'assigned.ts')
const assignments = () => [
  "import type * as ours from 'ours'",
  "import type * as theirs from 'theirs'",
  ...GIVEN.map((name) => `export const given${name} = (one: ours.${name}): theirs.${name} => one`),
  ...TAKEN.map((name) => `export const taken${name} = (one: theirs.${name}): ours.${name} => one`),
].join('\n')

/** These files, with `mqtt` as one of the two. */
function program(files, mqtt) {
  const options = { ...OPTIONS, paths: { mqtt: [mqtt], ours: [OURS], theirs: [THEIRS] } }
  const host = ts.createCompilerHost(options)
  const { readFile, fileExists } = host
  host.fileExists = (path) => path === ASSIGNED || fileExists(path)
  host.readFile = (path) => (path === ASSIGNED ? assignments() : readFile(path))
  return ts.createProgram(files, options, host)
}

function problems(made, file) {
  return ts.getPreEmitDiagnostics(made, made.getSourceFile(file)).map(({ file: at, start, messageText }) => {
    const line = at ? at.getLineAndCharacterOfPosition(start).line + 1 : 0
    return `${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  })
}

const SAMPLE = join(here, 'types/mqttjs.ts')
const swapped = program([SAMPLE, ASSIGNED], OURS)

test('a program written for MQTT.js compiles against MQTT.js 5.16', () => {
  assert.deepEqual(problems(program([SAMPLE], THEIRS), SAMPLE), [])
})

test('the same program compiles against this package', () => {
  assert.deepEqual(problems(swapped, SAMPLE), [])
})

test('values of the types of MQTT.js are taken, and what is given fits them', () => {
  assert.deepEqual(problems(swapped, ASSIGNED), [])
})

/** What a file exports, by name. */
function exportsOf(file) {
  const checker = swapped.getTypeChecker()
  const module = checker.getSymbolAtLocation(swapped.getSourceFile(file))
  return new Map(checker.getExportsOfModule(module).map((symbol) => [symbol.name, symbol]))
}

/** Names of what an instance, or an object of this type, has. */
function membersOf(checker, symbol) {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  if (!(target.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface))) return []
  return checker.getDeclaredTypeOfSymbol(target).getProperties()
    .filter((one) => !(ts.getCombinedModifierFlags(one.declarations[0]) & ts.ModifierFlags.Private))
    .map(({ name }) => name)
}

test('every name that MQTT.js exports is exported, with its members', () => {
  const checker = swapped.getTypeChecker()
  const [ours, theirs] = [exportsOf(OURS), exportsOf(THEIRS)]
  assert.ok(theirs.size > 50, `${theirs.size} names`)
  const absent = [...theirs.keys()].filter((name) => !ours.has(name))
  assert.deepEqual(absent.sort(), LEFT_OUT)
  let compared = 0
  for (const [name, symbol] of theirs) {
    if (LEFT_OUT.includes(name)) continue
    const own = new Set(membersOf(checker, ours.get(name)))
    const members = membersOf(checker, symbol)
    compared += members.length
    const lacking = members.filter((member) => !own.has(member))
    assert.deepEqual(lacking, MEMBERS_LEFT_OUT[name] ?? [], name)
  }
  assert.ok(compared > 200, `${compared} members`)
})
