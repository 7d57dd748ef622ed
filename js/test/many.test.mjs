// Many clients in one process, and a module that fails.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { test } from 'node:test'

import { called, client, mqtt, next, serve, until } from './harness.mjs'

const PROGRAM = `
  const mqtt = require('evenkeel')
  const clients = []
  for (let index = 0; index < 20_000; index++) {
    const client = mqtt.connect('mqtt://h', { manualConnect: true })
    client.publish('a', 'x', { qos: 1 }, () => {})
    clients.push(client)
  }
  let ended = 0
  for (const client of clients) client.end(true, () => {
    ended += 1
    if (ended === clients.length) console.log(ended)
  })
`

test('20,000 clients in one process that may have 16 GB of addresses', () => {
  const command = `ulimit -v 16000000 && exec "${process.execPath}" -e "$PROGRAM"`
  const said = execFileSync('bash', ['-c', command], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    env: { ...process.env, PROGRAM },
  })
  assert.equal(said, '20000\n')
})

/** The next drain of this client fails. */
function trap(made) {
  const { instance } = made.parts.driver.core
  instance.exports = {
    ...instance.exports,
    ek_drain: () => {
      throw new WebAssembly.RuntimeError('unreachable')
    },
  }
}

/** So many that the last ones share an instance. */
async function crowd(t, server) {
  const clients = Array.from({ length: 24 }, () => client(t, server.url))
  await Promise.all(clients.map((made) => next(made, 'connect')))
  return clients
}

test('between a failure of the module and the news of it commands get the same error', async (t) => {
  const server = await serve(t)
  const made = client(t, server.url)
  await next(made, 'connect')
  const failed = next(made, 'error')
  const { instance } = made.parts.driver.core
  const dead = () => {
    throw new WebAssembly.RuntimeError('unreachable')
  }
  instance.exports = Object.fromEntries(Object.entries(instance.exports).map(([name, one]) => [name, typeof one === 'function' ? dead : one]))
  const commands = [
    called((done) => made.publish('a', 'x', { qos: 1 }, done)),
    called((done) => made.publish('a', 'x', { qos: 0 }, done)),
    called((done) => made.publish('a', Buffer.alloc(20_000), { qos: 0 }, done)),
    called((done) => made.subscribe('a', done)),
    called((done) => made.unsubscribe('a', done)),
  ]
  for (const [error] of await Promise.all(commands)) assert.deepEqual([error.name, error.code], ['EvenkeelError', 'CORE_FAILED'])
  assert.equal((await failed).code, 'CORE_FAILED')
})

test('a module that fails ends its client with an error, and another one begins anew', async (t) => {
  const server = await serve(t)
  const made = client(t, server.url)
  const other = client(t, server.url)
  await Promise.all([next(made, 'connect'), next(other, 'connect')])
  const published = called((done) => made.publish('a', 'x', { qos: 1 }, done))
  const failed = next(made, 'error')
  trap(made)
  assert.equal((await failed).code, 'CORE_FAILED')
  assert.equal((await published)[0].code, 'CORE_FAILED')
  assert.equal(made.connected, false)
  await other.publishAsync('a', 'x', { qos: 1 })
  made.reconnect()
  await next(made, 'connect')
  await made.publishAsync('a', 'x', { qos: 1 })
})

test('a module that fails while the store is read gives each its outcome', async (t) => {
  class Unread extends mqtt.Store {
    createStream() {
      return new Readable({ objectMode: true, read() {} })
    }
  }
  const outgoingStore = new Unread()
  outgoingStore.put({ cmd: 'publish', topic: 'a', payload: 'x', qos: 1, messageId: 101 })
  const server = await serve(t)
  const made = client(t, server.url, { outgoingStore })
  await next(made, 'connect')
  const failed = next(made, 'error')
  const all = [made.publishAsync('a', 'x', { qos: 1 }), made.subscribeAsync('a'), made.unsubscribeAsync('a')]
  trap(made)
  made.sendPing()
  for (const one of all) await assert.rejects(one, { code: 'CORE_FAILED' })
  await failed
  made.reconnect()
  await next(made, 'connect')
  await made.publishAsync('a', 'x', { qos: 1 })
})

test('clients that share a module fail together, all others stay', async (t) => {
  const server = await serve(t)
  const clients = await crowd(t, server)
  const [first] = clients
  const [failing, sharing] = clients.slice(-2)
  assert.equal(failing.parts.driver.core.instance, sharing.parts.driver.core.instance)
  const failed = [failing, sharing].map((made) => next(made, 'error'))
  for (const made of clients) made.on('error', () => {})
  trap(failing)
  failing.publish('a', 'x')
  for (const error of await Promise.all(failed)) assert.equal(error.code, 'CORE_FAILED')
  await first.publishAsync('a', 'x', { qos: 1 })
  sharing.reconnect()
  await next(sharing, 'connect')
  await sharing.publishAsync('a', 'x', { qos: 1 })
})

test('large payloads of clients that share a module do not get mixed up', async (t) => {
  const server = await serve(t)
  const sharing = (await crowd(t, server)).slice(-6)
  const { payloads: held } = sharing[0].parts.driver.core.instance
  const sent = new Map()
  const all = []
  for (let round = 0; round < 20; round++) {
    for (const [index, made] of sharing.entries()) {
      const payload = randomBytes(16_384 + round * 100)
      sent.set(`${index}/${round}`, payload)
      all.push(made.publishAsync(`${index}/${round}`, payload, { qos: round % 3 }))
    }
    if (round % 4 === 3) await Promise.all(all.splice(0))
  }
  await server.count('publish', sent.size)
  for (const { topic, payload } of server.all('publish')) assert.ok(sent.get(topic).equals(payload), topic)
  await until(() => held.size === 0, 'all payloads given back')
})
