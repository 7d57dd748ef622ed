// The table of differences in the README: each row by a test of its name.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { called, client, mqtt, next, online, props, serve, until, write } from './harness.mjs'

const rows = []

/** What the first cell of a row says. */
function row(cell, act) {
  rows.push(cell)
  test(cell, act)
}

/** The same, if a test of another file shows it. */
function shown(cell, file, title) {
  row(cell, () => {
    assert.ok(readFileSync(new URL(file, import.meta.url), 'utf8').includes(title), `${title} in ${file}`)
  })
}

const publish = (made, ...given) => called((done) => made.publish(...given, done))

/** CONNACK of MQTT 5 with these properties. */
const connack = (...properties) => (_, peer) => peer.send(write.connack({ v5: true, properties }))

const V5 = { protocolVersion: 5 }

shown(
  'Without `reconnectPeriod` attempts are paced: 1 s to 60 s, with jitter, 8 a minute',
  'connecting.test.mjs',
  'without a reconnectPeriod the attempts are paced',
)

shown(
  'A message in flight at the end of two connections is set aside: `QUARANTINED`',
  'ours.test.mjs',
  'a message that ends two connections is set aside, and the rest goes on',
)

row('The second take-over by the same client identifier within ten minutes ends the attempts, on MQTT 5, where the server tells of it; before, both back off', async (t) => {
  const script = {
    connect: (_, peer) => {
      peer.send(write.connack({ v5: true }))
      setImmediate(() => peer.send(write.disconnect(0x8e)))
    },
  }
  const server = await serve(t, script)
  const made = mqtt.connect(server.url, { ...V5, reconnect: { base: 1, cap: 5, budget: 0 } })
  t.after(() => made.end(true))
  const states = []
  made.on('state', ({ state }) => states.push(state))
  await until(() => states.includes('halted'), 'the halt')
  assert.equal(server.peers.length, 2)
  // With a period of one's own the attempts go on.
  const other = await serve(t, script)
  client(t, other.url, V5)
  await until(() => other.peers.length > 4, 'further connections')
})

row('A refusal that another attempt may cure (server busy, unavailable) is followed by attempts', async (t) => {
  const server = await serve(t, {
    connect: (_, peer) => peer.send(write.connack({ code: peer.server.peers.length < 3 ? 3 : 0 })),
  })
  const made = client(t, server.url)
  assert.equal((await next(made, 'error')).code, 3)
  await next(made, 'connect')
})

row('After a refusal for good there are attempts if the server has accepted this client before', async (t) => {
  const script = {
    connect: (_, peer) => peer.send(write.connack({ code: peer.server.peers.length === 2 ? 5 : 0 })),
  }
  const { server, client: made } = await online(t, script)
  server.last.drop()
  assert.equal((await next(made, 'error')).code, 5)
  await next(made, 'connect')
  const strict = await online(t, script, { reconnect: { refused: 'halt' } })
  const halted = new Promise((resolve) => {
    strict.client.on('state', ({ state }) => state === 'halted' && resolve())
  })
  strict.server.last.drop()
  await halted
  assert.equal(strict.server.peers.length, 2)
})

row('Messages that are sent again have DUP; the option `dup` is ignored', async (t) => {
  const { server, client: made } = await online(t, {
    connect: (_, peer) => peer.send(write.connack({ sessionPresent: peer.server.peers.length > 1 })),
    publish: (packet, peer) => {
      if (peer.server.peers.length === 1) peer.drop()
      else peer.send(write.puback(packet.id))
    },
  }, { clean: false, clientId: 'c' })
  assert.equal((await publish(made, 'a', 'x', { qos: 1, dup: true }))[0], null)
  assert.deepEqual(server.all('publish').map(({ dup }) => dup), [false, true])
})

row('A publish with a topic or in a size that the server must refuse fails here', async (t) => {
  const { server, client: made } = await online(t, { connect: connack(props.u32(39, 100)) }, V5)
  assert.equal((await publish(made, 'a/#', 'x'))[0].code, 'INVALID_TOPIC')
  assert.equal((await publish(made, 'a', Buffer.alloc(100), { qos: 1 }))[0].code, 'NOT_ALLOWED')
  await made.publishAsync('a', 'x', { qos: 1 })
  assert.equal(server.peers.length, 1)
})

row(
  'At most 65,535 messages of QoS 1 and 2, 100,000 in all and 128 MiB wait; then `NO_IDENTIFIER` or `QUEUE_FULL`',
  async (t) => {
    const made = client(t, 'mqtt://127.0.0.1:1', { manualConnect: true })
    const fill = (many, qos) => {
      const codes = new Set()
      for (let index = 0; index < many; index++) {
        made.publish('a', 'x', { qos }, (error) => error && codes.add(error.code))
      }
      return codes
    }
    const first = fill(65_535, 1)
    const second = fill(1, 1)
    const third = fill(100_000 - 65_535, 0)
    const fourth = fill(1, 0)
    await until(() => second.size > 0 && fourth.size > 0, 'both refusals')
    assert.deepEqual([first, second, third, fourth].map((codes) => [...codes]), [[], ['NO_IDENTIFIER'], [], ['QUEUE_FULL']])
    const big = client(t, 'mqtt://127.0.0.1:1', { manualConnect: true })
    const half = Buffer.alloc(65 * 1024 * 1024)
    const waits = publish(big, 'a', half, { qos: 1 })
    assert.equal((await publish(big, 'a', half, { qos: 1 }))[0].code, 'QUEUE_FULL')
    big.end(true)
    assert.equal((await waits)[0].message, 'Connection closed')
  },
)

row('Receive Maximum, Maximum Packet Size, Maximum QoS and Retain Available of the server are kept', async (t) => {
  const { peer, client: made } = await online(t, {
    connect: connack(props.u16(33, 2), props.u8(36, 1), props.u8(37, 0), props.u32(39, 1000)),
    publish: () => {},
  }, V5)
  for (const [payload, options] of [['x', { qos: 2 }], ['x', { retain: true }], [Buffer.alloc(1000), { qos: 1 }]]) {
    assert.equal((await publish(made, 'a', payload, options))[0].code, 'NOT_ALLOWED')
  }
  const all = ['1', '2', '3', '4'].map((payload) => made.publishAsync('a', payload, { qos: 1 }))
  const numbers = () => peer.all('publish').map(({ payload }) => payload.toString())
  await until(() => numbers().length === 2, 'the first two')
  made.sendPing()
  await peer.take('pingreq')
  assert.deepEqual(numbers(), ['1', '2'])
  peer.server.script.publish = (packet) => peer.send(write.puback(packet.id, { v5: true }))
  for (const { id } of peer.all('publish')) peer.send(write.puback(id, { v5: true }))
  await Promise.all(all)
  assert.deepEqual(numbers(), ['1', '2', '3', '4'])
})

shown(
  'A ping is due by silence, counted from what was written, with a margin',
  'scars.test.mjs',
  'an acknowledgement that comes late puts no ping off',
)

row('Server Keep Alive counts for its connection alone, and 0 ends the pings', async (t) => {
  const { server, client: made } = await online(t, {
    connect: (_, peer) => {
      const properties = peer.server.peers.length === 1 ? [props.u16(19, 0)] : []
      peer.send(write.connack({ v5: true, properties }))
    },
  }, { ...V5, keepalive: 30 })
  assert.equal(made.keepalive, 0)
  assert.equal(made.keepaliveManager, null)
  server.last.drop()
  await next(made, 'connect')
  assert.deepEqual([made.keepalive, server.all('connect')[1].keepalive], [30, 30])
})

row('A QoS 2 message whose session is lost behind PUBREC fails with `UNCERTAIN`', async (t) => {
  const { client: made } = await online(t, { pubrel: (_, peer) => peer.drop() })
  assert.equal((await publish(made, 'a', 'x', { qos: 2 }))[0].code, 'UNCERTAIN')
})

row('A message whose expiry interval ends while it waits fails with `EXPIRED`', async (t) => {
  const server = await serve(t)
  const made = client(t, server.url, { ...V5, manualConnect: true })
  const expired = publish(made, 'a', 'old', { qos: 1, properties: { messageExpiryInterval: 1 } })
  const fresh = publish(made, 'a', 'new', { qos: 1, properties: { messageExpiryInterval: 100 } })
  await new Promise((resolve) => setTimeout(resolve, 1_100)) // a second is the least interval there is
  made.connect()
  assert.equal((await expired)[0].code, 'EXPIRED')
  assert.equal((await fresh)[0], null)
  const [packet] = server.all('publish')
  assert.equal(packet.payload.toString(), 'new')
  assert.ok(packet.properties[2] <= 99, `${packet.properties[2]} s are left`)
})

row('QoS 2 messages are handed over at PUBLISH, before PUBREC; the core, not `incomingStore`, knows which have been', async (t) => {
  const { client: made, peer } = await online(t, { pubrec: () => {} })
  const got = next(made, 'message')
  peer.send(write.publish({ topic: 'a', qos: 2, id: 7 }))
  assert.equal(await got, 'a')
  await peer.take('pubrec')
  const stored = []
  for await (const packet of made.incomingStore.createStream()) stored.push(packet)
  assert.deepEqual(stored, [])
})

row('A message that `handleMessage` fails holds up the acknowledgements behind it, as MQTT demands their order', async (t) => {
  const { client: made, peer } = await online(t)
  const handled = []
  made.handleMessage = (packet, done) => {
    handled.push(packet.topic)
    done(packet.topic === 'bad' ? new Error('no') : undefined)
  }
  for (const [id, topic] of ['good', 'bad', 'good'].entries()) peer.send(write.publish({ topic, qos: 1, id: id + 1 }))
  await until(() => handled.length === 3, 'all three')
  await made.publishAsync('x', 'y', { qos: 1 })
  assert.deepEqual(peer.all('puback').map(({ id }) => id), [1])
})

shown(
  'A message that `outgoingStore` does not take fails, and may have been sent all the same',
  'stores.test.mjs',
  'a store that cannot take a message fails its publish, and it is not sent again',
)

row('`customHandleAcks` may answer `done(0, code)`', async (t) => {
  const { client: made, peer } = await online(t, {}, { ...V5, customHandleAcks: (_topic, _message, _packet, done) => done(0, 135) })
  made.on('message', () => assert.fail('it is refused'))
  peer.send(write.publish({ v5: true, topic: 'a', qos: 1, id: 1 }))
  assert.equal((await peer.take('puback')).code, 135)
})

shown(
  'What Node reads in one go is acknowledged in one write. `end(true)` and `process.exit()` write it first; a process that is killed before has the messages again',
  'reads.test.mjs',
  'what is read in one go is answered in one write, in order',
)

shown(
  '`handleMessage` holds up messages alone: pings and acknowledgements go on',
  'keepalive.test.mjs',
  'PINGRESP counts while a handler holds up the messages',
)

shown(
  'The core gives packet identifiers; a `messageIdProvider` of yours is told which are in use',
  'stores.test.mjs',
  'a provider of the user is told which identifiers are in use',
)

row("PUBREL of an earlier run in `outgoingStore` is dropped, with a `'diagnosis'`", async (t) => {
  const outgoingStore = new mqtt.Store()
  outgoingStore.put({ cmd: 'pubrel', messageId: 5, qos: 1 }, () => {})
  const server = await serve(t)
  const made = client(t, server.url, { outgoingStore })
  const told = await next(made, 'diagnosis')
  assert.equal(told.kind, 'release-forgotten')
  await made.publishAsync('a', 'x', { qos: 1 })
  assert.equal(server.all('pubrel').length, 0)
})

shown(
  "A message in `outgoingStore` of an earlier run that is refused now stays there until another one has its identifier, and `'error'` names its topic",
  'stores.test.mjs',
  'a message of an earlier run that is refused is an error with its topic, and stays in the store',
)

row('A SUBSCRIBE that waits for a connection goes on waiting while attempts fail', async (t) => {
  const server = await serve(t, {
    connect: (_, peer) => {
      if (peer.server.peers.length < 4) peer.drop()
      else peer.send(write.connack())
    },
  })
  const [granted] = await client(t, server.url).subscribeAsync('a', { qos: 1 })
  assert.deepEqual([granted.topic, granted.qos], ['a', 1])
})

row('Of a SUBSCRIBE that is refused in part the other filters are subscribed again', async (t) => {
  const { server, client: made } = await online(t, {
    subscribe: (packet, peer) => {
      peer.send(write.suback(packet.id, packet.filters.map(({ topic }) => (topic === 'no' ? 128 : 0))))
    },
  })
  await assert.rejects(made.subscribeAsync(['yes', 'no']), { name: 'ErrorWithSubackPacket' })
  server.last.drop()
  await next(made, 'connect')
  const packet = await server.last.take('subscribe')
  assert.deepEqual(packet.filters.map(({ topic }) => topic), ['yes'])
})

row('`end()` gives what was accepted up to `connectTimeout`, also offline; what is unacknowledged then stays in `outgoingStore`', async (t) => {
  const server = await serve(t)
  server.listener.close()
  const made = client(t, server.url, { connectTimeout: 150 })
  const waits = publish(made, 'a', 'x', { qos: 1 })
  const begun = performance.now()
  await made.endAsync()
  assert.ok(performance.now() - begun >= 140)
  assert.equal((await waits)[0].message, 'Connection closed')
  const forced = client(t, server.url)
  forced.publish('a', 'x', { qos: 1 })
  forced.end()
  // What has begun without force may be cut.
  const ended = next(forced, 'end')
  forced.end(true)
  await ended
})

shown('On 3.1.1 properties are dropped, and `\'diagnosis\'` says so once', 'publish.test.mjs', "properties are left out on 3.1.1, which 'diagnosis' tells once")

row('`queue`, `outgoing` and `messageIdToTopic` are snapshots to be read', async (t) => {
  const made = client(t, 'mqtt://127.0.0.1:1', { manualConnect: true })
  made.publish('a', 'x', { qos: 1 })
  made.publish('a', 'x')
  for (const id of Object.keys(made.outgoing)) delete made.outgoing[id]
  made.queue.length = 0
  made.messageIdToTopic[1] = ['a']
  assert.equal(Object.keys(made.outgoing).length, 1)
  assert.equal(made.queue.length, 1)
  assert.deepEqual(made.messageIdToTopic, {})
})

row('The callback of a QoS 2 publish gets the PUBLISH', async (t) => {
  const { client: made } = await online(t)
  const [, packet] = await publish(made, 'a', 'x', { qos: 2 })
  assert.deepEqual([packet.cmd, packet.topic, packet.payload], ['publish', 'a', 'x'])
})

row('An identifier that the server assigned is used again', async (t) => {
  const { server, client: made } = await online(t, { connect: connack(props.text(18, 'given')) }, { ...V5, clientId: '' })
  server.last.drop()
  await next(made, 'connect')
  assert.deepEqual(server.all('connect').map(({ clientId }) => clientId), ['', 'given'])
})

shown('A server that names another one (Server Reference) is followed', 'ours.test.mjs', 'a server that names another one is followed')

row('Session Present after a clean start ends the connection, as MQTT demands', async (t) => {
  const server = await serve(t, {
    connect: (_, peer) => peer.send(write.connack({ sessionPresent: peer.server.peers.length === 1 })),
  })
  const made = client(t, server.url)
  assert.equal((await next(made, 'error')).code, 'PROTOCOL_ERROR')
  await next(made, 'connect')
})

row("`authPacket` answers the server's AUTH", async (t) => {
  const method = props.text(21, 'M')
  const data = (text) => [22, Buffer.concat([Buffer.from([0, text.length]), Buffer.from(text)])]
  const server = await serve(t, {
    connect: (_, peer) => peer.send(write.auth(24, [method, data('?')])),
    auth: (_, peer) => peer.send(write.connack({ v5: true, properties: [method] })),
  })
  const made = client(t, server.url, {
    ...V5,
    properties: { authenticationMethod: 'M' },
    authPacket: { properties: { authenticationData: Buffer.from('answer') } },
  })
  await next(made, 'connect')
  const [, answer] = server.packets
  assert.deepEqual([answer.type, answer.code, answer.properties[22].toString()], ['auth', 24, 'answer'])
  assert.equal(server.all('auth').length, 1)
})

row('An unknown protocol throws', () => {
  assert.throws(() => mqtt.connect('mqttss://h'), /Unknown protocol "mqttss"/)
})

shown('An option that cannot be used throws `INVALID_OPTION`, and is named', 'bad-input.test.mjs', 'a keepalive in milliseconds')

row('A topic that is shorter than a topic alias has none', async (t) => {
  const { client: made, peer } = await online(t, { connect: connack(props.u16(34, 5)) }, { ...V5, autoAssignTopicAlias: true })
  for (const topic of ['a', 'a', 'a/longer/topic', 'a/longer/topic']) await made.publishAsync(topic, 'x', { qos: 1 })
  const said = peer.all('publish').map(({ topic, properties }) => [topic, properties[35] !== undefined])
  assert.deepEqual(said, [['a', false], ['a', false], ['a/longer/topic', true], ['', true]])
})
shown('A password in a URL may have colons', 'connect.test.mjs', 'a password may have colons')

shown('Two clients with one options object have two identifiers', 'connect.test.mjs', 'two clients of one options object do not share an identifier')

row(
  '`writeCache`, `reschedulePings` (and `reschedulePing()`), `encoding`, `objectMode`, `binary` and `browserBufferTimeout` do nothing',
  async (t) => {
    const { client: made, peer } = await online(t, {}, {
      writeCache: false,
      reschedulePings: false,
      encoding: 'latin1',
      objectMode: true,
      binary: false,
      browserBufferSize: 1,
      browserBufferTimeout: 1,
    })
    made.reschedulePing(true)
    const got = called((done) => made.once('message', done))
    peer.send(write.publish({ topic: 'ü', payload: Buffer.from([0, 255]) }))
    const [topic, payload] = await got
    assert.deepEqual([topic, [...payload]], ['ü', [0, 255]])
    await made.publishAsync('ü', 'ä', { qos: 1 })
    assert.equal((await peer.take('publish')).payload.toString(), 'ä')
  },
)

shown(
  'A text frame over WebSocket is an error',
  'websocket.test.mjs',
  'a text frame is an error, and ends the connection',
)

test('the README has these rows and no others', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const [, section] = /^## What is different\n([^]*?)^## /m.exec(readme)
  const lines = section.split('\n').filter((line) => line.startsWith('| ')).slice(1)
  assert.deepEqual(lines.map((line) => line.slice(2).split(' | ')[0]).sort(), [...rows].sort())
})
