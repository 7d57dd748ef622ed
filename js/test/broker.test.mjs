// Against the broker of this repository: EVENKEEL_BROKER names its program.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'

import { broker, noBroker as skip, program } from './broker.mjs'
import { client, next, until, VERSIONS } from './harness.mjs'

test('two clients with one identifier do not throw each other out for ever (version 5)', { skip }, async (t) => {
  const { mqtt: url } = await broker(t)
  const reconnect = { base: 20, cap: 40, budget: 0 }
  const options = { clientId: 'same', protocolVersion: 5, reconnectPeriod: undefined, reconnect }
  let connects = 0
  const halts = []
  for (let number = 0; number < 2; number++) {
    const made = client(t, url, options)
    made.on('connect', () => (connects += 1))
    made.on('state', ({ state, cause }) => state === 'halted' && halts.push(cause))
  }
  await until(() => halts.length > 0, 'the halt')
  assert.match(halts[0], /taken over/i)
  assert.ok(connects <= 4, `${connects} connects`)
})

for (const protocolVersion of VERSIONS) {
  for (const scheme of ['mqtt', 'ws']) {
    test(`every QoS there and back over ${scheme} (version ${protocolVersion})`, { skip }, async (t) => {
      const urls = await broker(t)
      const made = client(t, urls[scheme], { protocolVersion })
      await next(made, 'connect')
      const got = []
      made.on('message', (topic, payload, packet) => got.push([topic, payload.toString(), packet.qos]))
      await made.subscribeAsync('a/+', { qos: 2 })
      for (const qos of [0, 1, 2]) await made.publishAsync(`a/${qos}`, String(qos), { qos })
      await until(() => got.length === 3, 'all messages')
      assert.deepEqual(got, [['a/0', '0', 0], ['a/1', '1', 1], ['a/2', '2', 2]])
      await made.endAsync()
    })
  }

  test(`retained messages and a will (version ${protocolVersion})`, { skip }, async (t) => {
    const { mqtt: url } = await broker(t)
    const first = client(t, url, { protocolVersion, will: { topic: 'will', payload: 'gone', retain: true, qos: 1 } })
    await next(first, 'connect')
    await first.publishAsync('kept', 'x', { qos: 1, retain: true })
    const second = client(t, url, { protocolVersion })
    const got = {}
    second.on('message', (topic, payload) => (got[topic] = payload.toString()))
    await second.subscribeAsync(['kept', 'will'], { qos: 1 })
    first.end(true)
    await until(() => got.kept === 'x' && got.will === 'gone', 'both')
  })

  test(`a session is resumed with what came meanwhile (version ${protocolVersion})`, { skip }, async (t) => {
    const { mqtt: url } = await broker(t)
    const options = { protocolVersion, clientId: 'pump', clean: false }
    if (protocolVersion === 5) options.properties = { sessionExpiryInterval: 60 }
    const first = client(t, url, options)
    await next(first, 'connect')
    await first.subscribeAsync('a', { qos: 1 })
    await first.endAsync()
    const other = client(t, url)
    await other.publishAsync('a', 'meanwhile', { qos: 1 })
    const second = client(t, url, options)
    const message = new Promise((resolve) => second.once('message', (_, payload) => resolve(payload.toString())))
    const connack = await next(second, 'connect')
    assert.equal(connack.sessionPresent, true)
    assert.equal(await message, 'meanwhile')
  })
}

test('twenty clients flood each other, and nothing is lost', { skip }, async (t) => {
  const { mqtt: url } = await broker(t)
  const clients = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const made = client(t, url)
      await next(made, 'connect')
      return made
    }),
  )
  let got = 0
  for (const one of clients) one.on('message', () => (got += 1))
  await Promise.all(clients.map((one, index) => one.subscribeAsync(`flood/${index}`, { qos: 1 })))
  await Promise.all(
    clients.flatMap((one, index) =>
      Array.from({ length: 200 }, () => one.publishAsync(`flood/${(index + 7) % 20}`, 'x', { qos: 1 })),
    ),
  )
  await until(() => got === 4_000, 'all messages')
})

test('a broker that restarts is found again', { skip }, async (t) => {
  const port = await new Promise(async (resolve) => {
    const { createServer } = await import('node:net')
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address()
      probe.close(() => resolve(free))
    })
  })
  const start = () => spawn(program, ['broker', '-p', String(port)], { stdio: 'ignore' })
  let child = start()
  t.after(() => child.kill())
  const made = client(t, `mqtt://127.0.0.1:${port}`)
  await next(made, 'connect')
  await made.subscribeAsync('a', { qos: 1 })
  child.kill('SIGKILL')
  await once(child, 'exit')
  const published = made.publishAsync('a', 'after', { qos: 1 })
  const message = next(made, 'message')
  child = start()
  await published
  assert.equal(await message, 'a')
})
