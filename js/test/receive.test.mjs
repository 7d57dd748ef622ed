// Messages from the server, and their acknowledgements.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { called, isPayload, mqtt, next, online, props, uncaught, until, VERSIONS, write } from './harness.mjs'

for (const protocolVersion of VERSIONS) {
  const options = { protocolVersion }
  const v5 = protocolVersion === 5

  test(`'message' brings topic, payload and packet (version ${protocolVersion})`, async (t) => {
    const { client: made, peer } = await online(t, {}, options)
    const got = called((done) => made.once('message', done))
    const packet = write.publish({ v5, topic: 'a/ü', payload: 'hi', retain: true })
    peer.send(packet)
    const [topic, payload, whole] = await got
    assert.equal(topic, 'a/ü')
    assert.ok(isPayload(payload))
    assert.equal(payload.toString(), 'hi')
    assert.deepEqual(
      [whole.cmd, whole.topic, whole.qos, whole.retain, whole.dup, whole.length],
      ['publish', 'a/ü', 0, true, false, packet.length - 2],
    )
  })

  test(`QoS 1 is acknowledged (version ${protocolVersion})`, async (t) => {
    const { client: made, peer } = await online(t, {}, options)
    const got = next(made, 'message')
    peer.send(write.publish({ v5, topic: 'a', qos: 1, id: 9 }))
    await got
    assert.equal((await peer.take('puback')).id, 9)
  })

  test(`QoS 2 is delivered once, however often it comes (version ${protocolVersion})`, async (t) => {
    const { client: made, peer } = await online(t, { pubrec: () => {} }, options)
    let many = 0
    made.on('message', () => (many += 1))
    peer.send(write.publish({ v5, topic: 'a', qos: 2, id: 9 }))
    await peer.take('pubrec')
    peer.send(write.publish({ v5, topic: 'a', qos: 2, id: 9, dup: true }))
    await peer.take('pubrec')
    peer.send(write.pubrel(9), write.pubrel(9))
    await peer.take('pubcomp')
    await peer.take('pubcomp')
    assert.equal(many, 1)
  })

  test(`a large message in many pieces arrives whole (version ${protocolVersion})`, async (t) => {
    const { client: made, peer } = await online(t, {}, options)
    const got = called((done) => made.once('message', done))
    const payload = Buffer.alloc(300_000, 'xyz')
    const bytes = write.publish({ v5, topic: 'a', payload })
    for (let at = 0; at < bytes.length; at += 50_000) {
      peer.socket.write(bytes.subarray(at, at + 50_000))
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.ok((await got)[1].equals(payload))
  })
}

test('10,000 messages in one piece arrive in order', async (t) => {
  const { client: made, peer } = await online(t)
  const got = []
  made.on('message', (_, payload) => got.push(Number(payload)))
  const many = 10_000
  peer.send(...Array.from({ length: many }, (_, index) => write.publish({ topic: 'a', payload: String(index) })))
  await until(() => got.length === many, 'all messages')
  assert.ok(got.every((value, index) => value === index))
})

test('properties of a message are there on MQTT 5', async (t) => {
  const { client: made, peer } = await online(t, {}, { protocolVersion: 5 })
  const got = called((done) => made.once('message', done))
  peer.send(write.publish({
    v5: true,
    topic: 'a',
    properties: [props.u8(1, 1), props.u32(2, 60), props.text(3, 't'), props.pair(38, 'k', 'v'), props.pair(38, 'k', 'w')],
  }))
  const { properties } = (await got)[2]
  assert.deepEqual(
    { ...properties, userProperties: { ...properties.userProperties } },
    { payloadFormatIndicator: true, messageExpiryInterval: 60, contentType: 't', userProperties: { k: ['v', 'w'] } },
  )
})

test('topic aliases of the server are resolved', async (t) => {
  const { client: made, peer } = await online(t, {}, { protocolVersion: 5, properties: { topicAliasMaximum: 5 } })
  const topics = []
  made.on('message', (topic) => topics.push(topic))
  const alias = props.u16(35, 3)
  peer.send(write.publish({ v5: true, topic: 'a/b', properties: [alias] }), write.publish({ v5: true, topic: '', properties: [alias] }))
  await until(() => topics.length === 2, 'both')
  assert.deepEqual(topics, ['a/b', 'a/b'])
})

test('handleMessage holds up the messages behind it and the acknowledgement', async (t) => {
  const { client: made, peer } = await online(t)
  const waiting = []
  made.handleMessage = (packet, done) => waiting.push([packet, done])
  const got = []
  made.on('message', (topic) => got.push(topic))
  peer.send(write.publish({ topic: 'a', qos: 1, id: 1 }), write.publish({ topic: 'b', qos: 1, id: 2 }))
  await until(() => waiting.length === 1, 'the first')
  await made.publishAsync('x', 'y', { qos: 1 })
  assert.deepEqual(got, ['a'])
  assert.equal(peer.all('puback').length, 0)
  waiting[0][1]()
  await until(() => waiting.length === 2, 'the second')
  assert.equal((await peer.take('puback')).id, 1)
  waiting[1][1]()
  assert.equal((await peer.take('puback')).id, 2)
  assert.deepEqual(got, ['a', 'b'])
})

test('an answer of handleMessage that comes after the end is no answer to what came since', async (t) => {
  const { server, client: made, peer } = await online(t)
  const waiting = []
  made.handleMessage = (packet, done) => waiting.push(done)
  peer.send(write.publish({ topic: 'a', qos: 1, id: 1 }))
  await until(() => waiting.length === 1, 'the first')
  await made.endAsync(true)
  made.reconnect()
  await next(made, 'connect')
  const { last } = server
  last.send(write.publish({ topic: 'b', qos: 1, id: 7 }), write.publish({ topic: 'c', qos: 1, id: 8 }))
  await until(() => waiting.length === 2, 'the second')
  waiting[0]()
  await made.publishAsync('x', 'y', { qos: 1 })
  assert.deepEqual([last.all('puback').length, waiting.length], [0, 2])
  waiting[1]()
  assert.equal((await last.take('puback')).id, 7)
})

for (const qos of [1, 2]) {
  test(`a handleMessage that fails leaves QoS ${qos} unacknowledged`, async (t) => {
    const { client: made, peer } = await online(t)
    const handled = []
    made.handleMessage = (packet, done) => {
      handled.push(packet.topic)
      done(packet.topic === 'bad' ? new Error('no') : undefined)
    }
    peer.send(write.publish({ topic: 'bad', qos, id: 1 }), write.publish({ topic: 'good', qos, id: 2 }))
    await until(() => handled.length === 2, 'both')
    await made.publishAsync('x', 'y', { qos: 1 })
    const answers = peer.all(qos === 1 ? 'puback' : 'pubrec')
    assert.ok(!answers.some(({ id }) => id === 1))
  })
}

const THROWERS = {
  "a 'message' listener": (made, act) => made.on('message', act),
  "a 'message' listener behind customHandleAcks": (made, act) => {
    made.options.customHandleAcks = (_topic, _message, _packet, done) => done(0)
    made.on('message', act)
  },
  handleMessage: (made, act) => {
    made.handleMessage = ({ topic }, done) => {
      act(topic)
      done()
    }
  },
  customHandleAcks: (made, act) => {
    made.options.customHandleAcks = (topic, _message, _packet, done) => {
      act(topic)
      done(0)
    }
  },
  'handleMessage behind its answer': (made, act) => {
    made.handleMessage = ({ topic }, done) => {
      done(topic === 'bad' ? new Error('no') : undefined)
      act(topic)
    }
  },
  "an 'error' listener": (made, act) => {
    made.options.customHandleAcks = (topic, _message, _packet, done) => done(topic === 'bad' ? new Error('no') : 0)
    made.on('error', () => act('bad'))
    made.on('message', act)
  },
}

for (const [who, set] of Object.entries(THROWERS)) {
  for (const qos of [1, 2]) {
    test(`${who} that throws is heard by the process, and holds up no message of QoS ${qos}`, async (t) => {
      const { client: made, peer } = await online(t, {}, { protocolVersion: 5 })
      const thrown = uncaught()
      const got = []
      set(made, (topic) => {
        if (topic === 'bad') throw new Error('of the application')
        got.push(topic)
      })
      peer.send(...['bad', 'good', 'better'].map((topic, index) => write.publish({ v5: true, topic, qos, id: index + 1 })))
      assert.equal((await thrown).message, 'of the application')
      await until(() => got.length === 2, 'the others')
      peer.send(write.publish({ v5: true, topic: 'last', qos, id: 4 }))
      await until(() => got.length === 3, 'the last one')
      await made.publishAsync('x', 'y', { qos: 1 })
      assert.deepEqual(got, ['good', 'better', 'last'])
      const answers = peer.all(qos === 1 ? 'puback' : 'pubrec')
      assert.ok(!answers.some(({ id }) => id === 1))
    })
  }
}

test('awaiting a publish inside the handler ends', async (t) => {
  const { client: made, peer } = await online(t)
  let answered = 0
  made.handleMessage = (_, done) => {
    made.publishAsync('answer', 'x', { qos: 1 }).then(() => {
      answered += 1
      done()
    }, done)
  }
  peer.send(write.publish({ topic: 'a', qos: 1, id: 1 }), write.publish({ topic: 'a', qos: 1, id: 2 }))
  await until(() => answered === 2, 'both answers')
})

for (const qos of [1, 2]) {
  test(`customHandleAcks chooses the code of QoS ${qos}`, async (t) => {
    const { client: made, peer } = await online(t, {}, {
      protocolVersion: 5,
      customHandleAcks: (topic, _message, _packet, done) => done(topic === 'no' ? 135 : 0),
    })
    const got = []
    made.on('message', (topic) => got.push(topic))
    peer.send(write.publish({ v5: true, topic: 'no', qos, id: 1 }), write.publish({ v5: true, topic: 'yes', qos, id: 2 }))
    const answer = qos === 1 ? 'puback' : 'pubrec'
    await until(() => peer.all(answer).length === 2, 'both answers')
    assert.deepEqual(peer.all(answer).map(({ id, code }) => [id, code]), [[1, 135], [2, 0]])
    assert.deepEqual(got, ['yes'])
  })
}

test('customHandleAcks with a code that PUBACK has not is an error', async (t) => {
  const { client: made, peer } = await online(t, {}, {
    protocolVersion: 5,
    customHandleAcks: (_topic, _message, _packet, done) => done(15),
  })
  const failed = next(made, 'error')
  peer.send(write.publish({ v5: true, topic: 'a', qos: 1, id: 1 }))
  assert.equal((await failed).message, 'Wrong reason code for puback')
})

test("'packetreceive' and 'packetsend' show the packets", async (t) => {
  const { client: made, peer } = await online(t)
  const seen = []
  made.on('packetsend', ({ cmd }) => seen.push(`> ${cmd}`))
  made.on('packetreceive', ({ cmd }) => seen.push(`< ${cmd}`))
  await made.subscribeAsync('a')
  await made.publishAsync('a', 'x', { qos: 2 })
  peer.send(write.publish({ topic: 'a', payload: 'y', qos: 1, id: 1 }))
  await peer.take('puback')
  assert.deepEqual(seen, [
    '> subscribe', '< suback', '> publish', '< pubrec', '> pubrel', '< pubcomp', '< publish', '> puback',
  ])
})

test('what packets show is whole', async (t) => {
  const { client: made } = await online(t, {}, { protocolVersion: 5, clientId: 'c', password: 'secret', username: 'u' })
  const sent = []
  made.on('packetsend', (packet) => sent.push(packet))
  made.reconnect()
  await next(made, 'connect')
  await made.publishAsync('a', 'x', { qos: 1, retain: true, properties: { contentType: 't' } })
  const [connect, publish] = sent
  assert.deepEqual([connect.cmd, connect.clientId, connect.protocolVersion, connect.keepalive], ['connect', 'c', 5, 60])
  assert.ok(!JSON.stringify(sent).includes('secret'))
  assert.deepEqual(
    [publish.topic, publish.payload.toString(), publish.qos, publish.retain, publish.properties.contentType],
    ['a', 'x', 1, true, 't'],
  )
})

test('a DISCONNECT of the server is told with its packet', async (t) => {
  const { client: made, peer } = await online(t, {}, { protocolVersion: 5 })
  const told = next(made, 'disconnect')
  peer.send(write.disconnect(0x8b, [props.text(31, 'maintenance')]))
  const packet = await told
  assert.deepEqual([packet.cmd, packet.reasonCode, packet.properties.reasonString], ['disconnect', 139, 'maintenance'])
  await next(made, 'connect')
})

test('serverProperties and keepalive are those of CONNACK', async (t) => {
  const { client: made } = await online(t, {
    connect: (_, peer) => peer.send(write.connack({ v5: true, properties: [props.u16(19, 7), props.u16(33, 5)] })),
  }, { protocolVersion: 5 })
  assert.equal(made.keepalive, 7)
  assert.equal(made.options.keepalive, 60)
  assert.deepEqual(made.serverProperties, { serverKeepAlive: 7, receiveMaximum: 5 })
  assert.equal(made.keepaliveManager.keepalive, 7000)
})

test('enhanced authentication asks handleAuth', async (t) => {
  const method = props.text(21, 'M')
  const { client: made, server } = await (async () => {
    const script = {
      connect: (_, peer) => peer.send(write.auth(24, [method, [22, Buffer.from([0, 1, 0x3f])]])),
      auth: (packet, peer) => {
        if (packet.properties[22]?.toString() === 'answer') peer.send(write.connack({ v5: true, properties: [method] }))
      },
    }
    const { serve, client } = await import('./harness.mjs')
    const server = await serve(t, script)
    const made = client(t, server.url, {
      protocolVersion: 5,
      properties: { authenticationMethod: 'M', authenticationData: Buffer.from('first') },
    })
    return { client: made, server }
  })()
  made.handleAuth = (packet, done) => {
    assert.equal(packet.cmd, 'auth')
    if (packet.reasonCode !== 24) return done()
    assert.equal(packet.properties.authenticationData.toString(), '?')
    done(null, { cmd: 'auth', reasonCode: 24, properties: { authenticationMethod: 'M', authenticationData: Buffer.from('answer') } })
  }
  await next(made, 'connect')
  assert.equal(server.packets[0].properties[22].toString(), 'first')
  assert.ok(mqtt)
})
