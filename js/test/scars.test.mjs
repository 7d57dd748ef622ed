// What has hurt users of MQTT.js and of other clients, as far as no other file
// here shows it: keep-alive, reconnecting, callbacks, what servers get wrong.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import net from 'node:net'
import { test } from 'node:test'
import { promisify } from 'node:util'

import { called, client, mqtt, next, online, serve, timed, until, write } from './harness.mjs'

const turn = promisify(setImmediate)

// Keep-alive.

test('an acknowledgement that comes late puts no ping off', async (t) => {
  const { server, client: made, tick } = await timed(t, { publish: () => {} })
  made.publish('a', 'x', { qos: 1 })
  const [{ id }] = await server.count('publish', 1)
  // The first ping of a connection may come at any time before that.
  await tick(20)
  server.last.send(write.puback(id))
  const pings = server.all('pingreq').length
  // A minute that began with PUBLISH, or with the first ping.
  await tick(59 - (pings === 0 ? 20 : 0))
  assert.ok(server.all('pingreq').length > pings)
  assert.equal(server.peers.length, 1)
})

test('a link that is dead in both directions is found while messages are published', async (t) => {
  const { server, client: made, tick } = await timed(t, { publish: () => {}, pingreq: () => {} })
  const errors = []
  made.on('error', (error) => errors.push(error.message))
  for (let seconds = 0; seconds < 120 && errors.length === 0; seconds += 5) {
    made.publish('a', 'x')
    await tick(5)
  }
  assert.deepEqual(errors, ['Keepalive timeout'])
  assert.ok(server.all('publish').length > 10)
})

test('a keepalive that is meant in milliseconds is told', async (t) => {
  const told = []
  for (const keepalive of [9_999, 10_000, 60_000]) {
    const made = client(t, 'mqtt://127.0.0.1:1', { manualConnect: true, keepalive })
    made.on('diagnosis', ({ kind, text }) => told.push([keepalive, kind, text]))
  }
  await turn()
  assert.deepEqual(told.map(([keepalive, kind]) => [keepalive, kind]), [[10_000, 'keepalive-long'], [60_000, 'keepalive-long']])
  assert.match(told[1][2], /in seconds.*25 hours/)
})

test('reschedulePings false ends no connection', async (t) => {
  const { server, client: made, tick } = await timed(t, {}, { reschedulePings: false })
  for (let minutes = 0; minutes < 40; minutes += 1) await tick(15)
  assert.equal(server.peers.length, 1)
  assert.equal(made.connected, true)
  assert.ok(server.all('pingreq').length >= 9)
})

test('a flood behind SUBSCRIBE, handled slowly, ends no connection', async (t) => {
  const many = 10_000
  const { server, client: made } = await online(t, {
    subscribe: (packet, peer) => {
      const flood = Array.from({ length: many }, (_, index) => write.publish({ topic: 'a', qos: 1, id: index + 1, retain: true }))
      peer.send(write.suback(packet.id, [1]), ...flood)
    },
  }, { keepalive: 1 })
  let got = 0
  made.on('message', () => {
    got += 1
    const end = performance.now() + 0.15
    while (performance.now() < end); // so that all of them take longer than the keep-alive
  })
  await made.subscribeAsync('a', { qos: 1 })
  await until(() => got === many, 'all of them')
  await server.count('puback', many)
  assert.equal(server.peers.length, 1)
})

// Reconnecting.

test('filters that a server refuses to take together are restored in parts', async (t) => {
  const restored = new Set()
  const { server, client: made } = await online(t, {
    subscribe: (packet, peer) => {
      if (packet.filters.length > 8) return peer.drop()
      peer.send(write.suback(packet.id, packet.filters.map(() => 0)))
      if (peer.server.peers.length > 1) for (const { topic } of packet.filters) restored.add(topic)
    },
  })
  for (let index = 0; index < 12; index++) await made.subscribeAsync(`a/${index}`)
  server.last.drop()
  await until(() => restored.size === 12, 'all filters')
  assert.ok(server.peers.length <= 4, `${server.peers.length} connections`)
})

test('reconnect() with a message under way sends it again', async (t) => {
  const { server, client: made } = await online(t, {
    publish: (packet, peer) => {
      if (peer.server.peers.length > 1) peer.send(write.puback(packet.id))
    },
  })
  const done = called((callback) => made.publish('a', 'x', { qos: 1 }, callback))
  await server.count('publish', 1)
  made.reconnect()
  assert.equal((await done)[0], null)
  assert.equal(made.disconnecting, false)
  assert.equal(server.peers.length, 2)
})

test('a reconnectPeriod that is longer than the connectTimeout is waited for', async (t) => {
  const server = await serve(t, {
    connect: (_, peer) => {
      if (peer.server.peers.length > 2) peer.send(write.connack())
    },
  })
  await next(client(t, server.url, { reconnectPeriod: 90, connectTimeout: 45 }), 'connect')
  assert.equal(server.peers.length, 3)
})

test('a server that restarts with a QoS 2 message under way gets its subscriptions again', async (t) => {
  const { server, client: made } = await online(t, {
    publish: (packet, peer) => {
      peer.send(write.pubrec(packet.id))
      setImmediate(() => peer.drop())
    },
    pubrel: () => {},
  })
  await made.subscribeAsync('a', { qos: 2 })
  const done = called((callback) => made.publish('b', 'x', { qos: 2 }, callback))
  await next(made, 'connect')
  await server.last.take('subscribe')
  assert.equal((await done)[0].code, 'UNCERTAIN')
})

test('there is one stream at a time, however bad the network', async (t) => {
  const server = await serve(t, {
    connect: (_, peer) => {
      if (peer.server.peers.length % 3 === 0) peer.send(write.connack())
      else if (peer.server.peers.length % 3 === 1) peer.drop()
      // Else silence.
    },
    pingreq: () => {},
  })
  const streams = []
  let overlaps = 0
  const made = new mqtt.MqttClient(() => {
    if (streams.some((stream) => !stream.destroyed && !stream.writableEnded)) overlaps += 1
    streams.push(net.connect(server.port, '127.0.0.1'))
    return streams.at(-1)
  }, { reconnectPeriod: 1, connectTimeout: 30 })
  made.on('error', () => {})
  t.after(() => made.end(true))
  made.on('connect', () => made.reconnect())
  await until(() => streams.length >= 12, 'many attempts')
  assert.equal(overlaps, 0)
})

test('on a flaky link each message goes out once for each connection, and has one outcome', async (t) => {
  const { server, client: made } = await online(t, {
    publish: (packet, peer) => {
      if (peer.all('publish').length === 10) peer.drop()
      else peer.send(write.puback(packet.id))
    },
  }, { reconnectPeriod: 1 })
  const outcomes = new Map()
  for (let index = 0; index < 60; index++) {
    made.publish('a', String(index), { qos: 1 }, () => outcomes.set(index, (outcomes.get(index) ?? 0) + 1))
    if (index % 3 === 0) await turn()
  }
  await until(() => outcomes.size === 60, 'all outcomes')
  await made.endAsync()
  assert.deepEqual(new Set(outcomes.values()), new Set([1]))
  for (const peer of server.peers) {
    const sent = peer.all('publish').map(({ payload }) => payload.toString())
    assert.equal(new Set(sent).size, sent.length)
  }
})

test('a message beyond the Maximum Packet Size of the client is an error, and the attempts go on', async (t) => {
  const { server, client: made } = await online(t, {}, { protocolVersion: 5, properties: { maximumPacketSize: 1000 } })
  const failed = next(made, 'error')
  server.last.send(write.publish({ v5: true, topic: 'a', payload: Buffer.alloc(1000) }))
  assert.equal((await failed).code, 'PROTOCOL_ERROR')
  await next(made, 'connect')
  await made.publishAsync('a', 'x', { qos: 1 })
})

// Callbacks.

test('QoS 0 that is cut off with its connection has one outcome each', async (t) => {
  const { server, client: made } = await online(t)
  server.last.socket.pause()
  const outcomes = [0, 0, 0]
  for (const index of outcomes.keys()) made.publish('a', Buffer.alloc(4_000_000), () => (outcomes[index] += 1))
  await turn()
  server.last.drop()
  await next(made, 'connect')
  await until(() => outcomes.every((many) => many > 0), 'all outcomes')
  await made.publishAsync('b', 'x', { qos: 1 })
  assert.deepEqual(outcomes, [1, 1, 1])
})

test('a process that exits in the callback of a QoS 0 publish has sent it', async (t) => {
  const server = await serve(t)
  const program = `
    const client = require('evenkeel').connect('${server.url}')
    client.once('connect', () => client.publish('a', 'x', () => process.exit(0)))
  `
  const child = spawn(process.execPath, ['-e', program], { cwd: import.meta.dirname })
  t.after(() => child.kill())
  await server.count('publish', 1)
})

// Identifiers, stores, and what servers get wrong.

test('an identifier of a session that is gone brings the new message, not the old one', async (t) => {
  const { server, client: made } = await online(t, { pubrec: () => {} })
  const got = []
  made.on('message', (_, payload) => got.push(payload.toString()))
  server.last.send(write.publish({ topic: 'a', payload: 'old', qos: 2, id: 9 }))
  await server.last.take('pubrec')
  server.last.drop()
  await next(made, 'connect')
  server.last.send(write.publish({ topic: 'a', payload: 'new', qos: 2, id: 9 }), write.pubrel(9))
  await server.last.take('pubcomp')
  assert.deepEqual(got, ['old', 'new'])
})

test('SUBACK for a PUBLISH acknowledges nothing', async (t) => {
  const { server, client: made } = await online(t, {
    publish: (packet, peer) => peer.send(packet.topic === 'a' ? write.suback(packet.id, [0]) : write.puback(packet.id)),
  })
  let outcomes = 0
  const done = called((callback) => made.publish('a', 'x', { qos: 1 }, callback)).then(([error]) => {
    outcomes += 1
    return error
  })
  await made.publishAsync('b', 'x', { qos: 1 })
  assert.equal(outcomes, 0)
  server.last.send(write.puback(server.all('publish')[0].id))
  assert.equal(await done, null)
})

for (const codes of [[0], [0, 0, 0]]) {
  test(`SUBACK with ${codes.length} codes for two filters grants nothing`, async (t) => {
    const { server, client: made } = await online(t, {
      subscribe: (packet, peer) => {
        peer.send(write.suback(packet.id, peer.server.peers.length === 1 ? codes : [0, 0]))
      },
    })
    const done = called((callback) => made.subscribe(['a', 'b'], callback))
    assert.equal((await next(made, 'error')).code, 'PROTOCOL_ERROR')
    assert.ok((await done)[0] instanceof Error)
    await server.count('subscribe', 2)
  })
}

test('what is published while a store is sent again is not lost with the connection', async (t) => {
  const outgoingStore = new mqtt.Store({ clean: false })
  for (const messageId of [1, 2, 3]) {
    outgoingStore.put({ cmd: 'publish', topic: 'a', payload: `old ${messageId}`, qos: 1, messageId }, () => {})
  }
  const server = await serve(t, {
    publish: (packet, peer) => {
      if (peer.server.peers.length === 1) peer.drop()
      else peer.send(write.puback(packet.id))
    },
  })
  const made = client(t, server.url, { outgoingStore })
  await server.count('publish', 1)
  await made.publishAsync('a', 'new', { qos: 1 })
  const last = server.last.all('publish').map(({ payload }) => payload.toString())
  assert.deepEqual(last, ['old 1', 'old 2', 'old 3', 'new'])
})
