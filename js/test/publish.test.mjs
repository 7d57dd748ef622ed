// Publishing, over both versions.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { called, client, mqtt, next, online, props, serve, until, VERSIONS, write } from './harness.mjs'

for (const protocolVersion of VERSIONS) {
  const options = { protocolVersion }

  test(`QoS 0 arrives, and its callback has no arguments (version ${protocolVersion})`, async (t) => {
    const { client: made, peer } = await online(t, {}, options)
    const args = await called((done) => made.publish('a/b', 'hällo', done))
    assert.deepEqual(args, [])
    const packet = await peer.take('publish')
    assert.deepEqual(
      [packet.topic, packet.payload.toString(), packet.qos, packet.retain, packet.dup],
      ['a/b', 'hällo', 0, false, false],
    )
  })

  for (const qos of [1, 2]) {
    test(`QoS ${qos} calls back when it is acknowledged (version ${protocolVersion})`, async (t) => {
      const { client: made, peer } = await online(t, {}, options)
      const [error, packet] = await called((done) => made.publish('a', 'x', { qos }, done))
      assert.equal(error, null)
      assert.equal(packet.messageId, peer.all('publish')[0].id)
      assert.equal(peer.all('pubrel').length, qos === 2 ? 1 : 0)
    })

    test(`QoS ${qos} that is lost with its connection is sent again with DUP (version ${protocolVersion})`, async (t) => {
      const { server, client: made } = await online(t, {
        publish: (packet, peer) => {
          if (peer.server.peers.length === 1) peer.drop()
          else peer.send(qos === 1 ? write.puback(packet.id) : write.pubrec(packet.id))
        },
      }, options)
      const [error] = await called((done) => made.publish('a', 'x', { qos }, done))
      assert.equal(error, null)
      const [first, second] = server.all('publish')
      assert.equal(first.dup, false)
      assert.equal(second.payload.toString(), 'x')
    })

    test(`QoS ${qos} that was published offline is sent at the first connection (version ${protocolVersion})`, async (t) => {
      const server = await serve(t)
      const made = client(t, server.url, options)
      const [error] = await called((done) => made.publish('a', 'x', { qos }, done))
      assert.equal(error, null)
    })
  }

  test(`retain, and a Buffer (version ${protocolVersion})`, async (t) => {
    const { client: made, peer } = await online(t, {}, options)
    made.publish('a', Buffer.from([0, 255]), { retain: true, qos: 1 })
    const packet = await peer.take('publish')
    assert.equal(packet.retain, true)
    assert.deepEqual([...packet.payload], [0, 255])
  })

  for (const size of [0, 16_383, 16_384, 1_000_000]) {
    test(`a payload of ${size} bytes arrives whole (version ${protocolVersion})`, async (t) => {
      const { client: made, peer } = await online(t, {}, options)
      const payload = Buffer.alloc(size, 'abcdefg')
      const done = called((callback) => made.publish('a', payload, { qos: 1 }, callback))
      const packet = await peer.take('publish')
      assert.equal(packet.payload.length, size)
      assert.ok(packet.payload.equals(payload))
      assert.equal((await done)[0], null)
    })
  }
}

test('messages arrive in the order of their publishing, whatever their QoS', async (t) => {
  const { client: made, peer } = await online(t)
  for (let index = 0; index < 30; index++) made.publish('a', String(index), { qos: index % 3 })
  await until(() => peer.all('publish').length === 30, 'all')
  assert.deepEqual(peer.all('publish').map(({ payload }) => Number(payload)), [...Array(30).keys()])
})

test('offline messages go out in order, before those of the connect handler', async (t) => {
  const server = await serve(t)
  const made = client(t, server.url)
  made.publish('a', '1', { qos: 1 })
  made.publish('a', '2')
  made.publish('a', '3', { qos: 2 })
  made.on('connect', () => made.publish('a', '4'))
  await server.count('publish', 4)
  assert.deepEqual(server.all('publish').map(({ payload }) => payload.toString()), ['1', '2', '3', '4'])
})

test('queueQoSZero false refuses QoS 0 offline', async (t) => {
  const server = await serve(t)
  const made = client(t, server.url, { queueQoSZero: false, manualConnect: true })
  const [error] = await called((done) => made.publish('a', 'x', done))
  assert.equal(error.message, 'No connection to broker')
})

test('the queue and outgoing show what waits', async (t) => {
  const server = await serve(t)
  const made = client(t, server.url, { manualConnect: true })
  made.publish('a', 'x')
  made.subscribe('s')
  made.publish('b', 'y', { qos: 1 })
  assert.deepEqual(made.queue.map(({ packet }) => packet.cmd), ['publish', 'subscribe'])
  const [id] = Object.keys(made.outgoing)
  assert.equal(made.outgoing[id].volatile, false)
  assert.equal(made.getLastMessageId(), Number(id))
  made.connect()
  await until(() => Object.keys(made.outgoing).length === 0 && made.queue.length === 0, 'the end')
})

test('a refused publish calls back with the reason', async (t) => {
  const { client: made } = await online(t, {
    publish: (packet, peer) => peer.send(write.puback(packet.id, { v5: true, code: 135 })),
  }, { protocolVersion: 5 })
  const [error] = await called((done) => made.publish('a', 'x', { qos: 1 }, done))
  assert.ok(error instanceof mqtt.ErrorWithReasonCode)
  assert.equal(error.message, 'Publish error: Not authorized')
  assert.equal(error.code, 135)
})

test('no matching subscribers is no error', async (t) => {
  const { client: made } = await online(t, {
    publish: (packet, peer) => peer.send(write.puback(packet.id, { v5: true, code: 16 })),
  }, { protocolVersion: 5 })
  assert.equal((await called((done) => made.publish('a', 'x', { qos: 1 }, done)))[0], null)
})

test('a topic with wildcards is refused here, and the connection stays', async (t) => {
  const { client: made, server } = await online(t)
  const [error] = await called((done) => made.publish('a/+', 'x', done))
  assert.ok(error instanceof Error)
  await made.publishAsync('a', 'x', { qos: 1 })
  assert.equal(server.peers.length, 1)
})

test('a payload of another kind is refused here', async (t) => {
  const { client: made } = await online(t)
  const [error] = await called((done) => made.publish('a', { json: 1 }, done))
  assert.match(error.message, /Invalid payload/)
})

test('properties arrive on MQTT 5', async (t) => {
  const { client: made, peer } = await online(t, {}, { protocolVersion: 5 })
  made.publish('a', 'x', {
    properties: {
      payloadFormatIndicator: true,
      messageExpiryInterval: 100,
      contentType: 'text/plain',
      responseTopic: 'r',
      correlationData: Buffer.from('c'),
      userProperties: { one: '1', many: ['2', '3'] },
    },
  })
  const { properties } = await peer.take('publish')
  assert.deepEqual([properties[1], properties[2], properties[3], properties[8]], [1, 100, 'text/plain', 'r'])
  assert.equal(properties[9].toString(), 'c')
  assert.deepEqual(properties.user, [['one', '1'], ['many', '2'], ['many', '3']])
})

test("properties are left out on 3.1.1, which 'diagnosis' tells once", async (t) => {
  const { client: made, peer } = await online(t)
  const told = []
  made.on('diagnosis', ({ kind }) => told.push(kind))
  for (const payload of ['1', '2']) {
    await made.publishAsync('a', payload, { qos: 1, properties: { contentType: 't' } })
  }
  assert.equal(peer.all('publish').length, 2)
  assert.deepEqual(told.filter((kind) => kind === 'properties-dropped'), ['properties-dropped'])
})

test('a property of the wrong kind is refused with its name', async (t) => {
  const { client: made } = await online(t, {}, { protocolVersion: 5 })
  const properties = { messageExpiryInterval: 'soon' }
  const [error] = await called((done) => made.publish('a', 'x', { properties }, done))
  assert.match(error.message, /messageExpiryInterval/)
})

test('removeOutgoingMessage ends a message', async (t) => {
  const { client: made, server } = await online(t, { publish: () => {} })
  const done = called((callback) => made.publish('a', 'x', { qos: 1 }, callback))
  await server.count('publish', 1)
  made.removeOutgoingMessage(made.getLastMessageId())
  assert.equal((await done)[0].message, 'Message removed')
  assert.deepEqual(made.outgoing, {})
})

test('cbStorePut is called when the store has it, before the callback', async (t) => {
  const { client: made } = await online(t)
  const order = []
  await called((done) => {
    made.publish('a', 'x', { qos: 1, cbStorePut: () => order.push('stored') }, () => {
      order.push('done')
      done()
    })
  })
  assert.deepEqual(order, ['stored', 'done'])
})

test('publishAsync waits for the acknowledgement', async (t) => {
  const { client: made, peer } = await online(t)
  await made.publishAsync('a', 'x', { qos: 1 })
  assert.equal(peer.all('publish').length, 1)
  assert.equal(await made.publishAsync('a', 'x'), undefined)
})

test('topic aliases of the user are checked against the server', async (t) => {
  const { client: made, peer } = await online(t, {
    connect: (_, self) => self.send(write.connack({ v5: true, properties: [props.u16(34, 3)] })),
  }, { protocolVersion: 5 })
  const publish = (topic, topicAlias) => called((done) => made.publish(topic, 'x', { properties: { topicAlias } }, done))
  assert.equal((await publish('a', 4))[0].message, 'Sending Topic Alias out of range')
  assert.equal((await publish('', 2))[0].message, 'Unregistered Topic Alias')
  await publish('a', 2)
  await publish('', 2)
  const first = await peer.take('publish')
  const second = await peer.take('publish')
  assert.deepEqual([first.topic, first.properties[35]], ['a', 2])
  assert.deepEqual([second.topic, second.properties[35]], ['', 2])
})

test('autoAssignTopicAlias gives topics their aliases', async (t) => {
  const { client: made, peer } = await online(t, {
    connect: (_, self) => self.send(write.connack({ v5: true, properties: [props.u16(34, 3)] })),
  }, { protocolVersion: 5, autoAssignTopicAlias: true })
  const topic = 'a/long/topic/that/is/used/again'
  for (let index = 0; index < 3; index++) await made.publishAsync(topic, 'x', { qos: 1 })
  assert.deepEqual(peer.all('publish').map((packet) => packet.topic), [topic, '', ''])
})

test('a burst of 20,000 QoS 1 messages is delivered, each with one outcome', async (t) => {
  const { client: made, server } = await online(t)
  let outcomes = 0
  let failures = 0
  for (let index = 0; index < 20_000; index++) {
    made.publish('a', 'x', { qos: 1 }, (error) => {
      outcomes += 1
      if (error) failures += 1
    })
  }
  await until(() => outcomes === 20_000, 'all outcomes')
  assert.equal(failures, 0)
  assert.equal(server.all('publish').length, 20_000)
})

test('more than the identifiers there are is refused, and none is lost in silence', async (t) => {
  const server = await serve(t)
  const made = client(t, server.url, { manualConnect: true })
  let refused = 0
  let delivered = 0
  for (let index = 0; index < 65_636; index++) {
    made.publish('a', 'x', { qos: 1 }, (error) => {
      if (error) refused += 1
      else delivered += 1
    })
  }
  made.connect()
  await until(() => refused + delivered === 65_636, 'all outcomes')
  assert.ok(refused >= 101, `${refused} refused`)
  assert.equal(delivered, 65_636 - refused)
})

test('more than the server reads waits, in order, whatever the QoS, and end() waits for it', async (t) => {
  const server = await serve(t)
  const made = client(t, server.url)
  await next(made, 'connect')
  server.last.socket.pause()
  const payload = Buffer.alloc(100_000)
  let failures = 0
  for (let index = 0; index < 200; index++) {
    payload.writeUInt32BE(index)
    made.publish('a', Buffer.from(payload), { qos: index % 2 }, (error) => {
      if (error) failures += 1
    })
  }
  const ended = made.endAsync()
  await new Promise((resolve) => setTimeout(resolve, 50)) // the buffers are full by then
  server.last.socket.resume()
  await ended
  assert.equal(failures, 0)
  await server.count('publish', 200)
  assert.deepEqual(server.all('publish').map((packet) => packet.payload.readUInt32BE()), [...Array(200).keys()])
})
