// Subscribing and unsubscribing.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { called, client, mqtt, next, online, props, serve, until, VERSIONS, write } from './harness.mjs'

for (const protocolVersion of VERSIONS) {
  const options = { protocolVersion }

  test(`a filter is granted, and the callback gets SUBACK (version ${protocolVersion})`, async (t) => {
    const { client: made, peer } = await online(t, {}, options)
    const [error, granted, suback] = await called((done) => made.subscribe('a/+', { qos: 2 }, done))
    assert.equal(error, null)
    assert.equal(granted.length, 1)
    assert.deepEqual([granted[0].topic, granted[0].qos], ['a/+', 2])
    assert.equal(suback.cmd, 'suback')
    assert.deepEqual(suback.granted, [2])
    assert.equal(suback.messageId, peer.all('subscribe')[0].id)
  })

  test(`a list goes out in one SUBSCRIBE (version ${protocolVersion})`, async (t) => {
    const { client: made, peer } = await online(t, {}, options)
    await made.subscribeAsync(['a', 'b', 'c'], { qos: 1 })
    assert.deepEqual(
      peer.all('subscribe').map(({ filters }) => filters.map(({ topic, options: flags }) => [topic, flags & 3])),
      [[['a', 1], ['b', 1], ['c', 1]]],
    )
  })

  test(`a map has its QoS for each (version ${protocolVersion})`, async (t) => {
    const { client: made, peer } = await online(t, {}, options)
    const granted = await made.subscribeAsync({ a: { qos: 0 }, b: { qos: 2 } })
    assert.deepEqual(granted.map(({ topic, qos }) => [topic, qos]), [['a', 0], ['b', 2]])
    assert.deepEqual(peer.all('subscribe')[0].filters.map((one) => one.options & 3), [0, 2])
  })

  test(`a refused filter is an error with the packet, and is not asked for again (version ${protocolVersion})`, async (t) => {
    const { server, client: made } = await online(t, {
      subscribe: (packet, peer) => {
        const codes = packet.filters.map(({ topic }) => (topic === 'no' ? 128 : 0))
        peer.send(write.suback(packet.id, codes, { v5: peer.v5 }))
      },
    }, options)
    const [error, granted] = await called((done) => made.subscribe(['yes', 'no'], done))
    assert.ok(error instanceof mqtt.ErrorWithSubackPacket)
    assert.equal(error.message, 'Subscribe error: Unspecified error')
    assert.deepEqual(error.packet.granted, [0, 128])
    assert.deepEqual(granted.map(({ qos }) => qos), [0, 128])
    server.last.drop()
    await next(made, 'connect')
    const again = await server.last.take('subscribe')
    assert.deepEqual(again.filters.map(({ topic }) => topic), ['yes'])
  })

  test(`unsubscribe calls back with UNSUBACK (version ${protocolVersion})`, async (t) => {
    const { client: made, peer } = await online(t, {}, options)
    await made.subscribeAsync(['a', 'b'])
    const [error, unsuback] = await called((done) => made.unsubscribe(['a', 'b'], done))
    assert.ok(!error)
    assert.equal(unsuback.cmd, 'unsuback')
    assert.deepEqual(peer.all('unsubscribe')[0].topics, ['a', 'b'])
  })

  test(`subscriptions are restored when the session is lost, once each (version ${protocolVersion})`, async (t) => {
    const { server, client: made } = await online(t, {}, options)
    await made.subscribeAsync('a', { qos: 1 })
    await made.subscribeAsync('b')
    await made.subscribeAsync('gone')
    await made.unsubscribeAsync('gone')
    server.last.drop()
    await next(made, 'connect')
    await until(() => server.last.all('subscribe').flatMap(({ filters }) => filters).length >= 2, 'both')
    await made.publishAsync('x', 'y', { qos: 1 })
    const topics = server.last.all('subscribe').flatMap(({ filters }) => filters.map(({ topic }) => topic))
    assert.deepEqual(topics.sort(), ['a', 'b'])
  })
}

test('a session that the server held needs no SUBSCRIBE', async (t) => {
  const { server, client: made } = await online(t, {
    connect: (_, peer) => peer.send(write.connack({ sessionPresent: peer.server.peers.length > 1 })),
  }, { clean: false, clientId: 'c' })
  await made.subscribeAsync('a', { qos: 1 })
  server.last.drop()
  await next(made, 'connect')
  await made.publishAsync('x', 'y', { qos: 1 })
  assert.equal(server.last.all('subscribe').length, 0)
})

test('resubscribe false restores nothing', async (t) => {
  const { server, client: made } = await online(t, {}, { resubscribe: false })
  await made.subscribeAsync('a', { qos: 1 })
  server.last.drop()
  await next(made, 'connect')
  await made.publishAsync('x', 'y', { qos: 1 })
  assert.equal(server.last.all('subscribe').length, 0)
})

test('a filter that is held with the same or a higher QoS is not sent', async (t) => {
  const { client: made, peer } = await online(t)
  await made.subscribeAsync('a', { qos: 1 })
  const [error, granted] = await called((done) => made.subscribe('a', { qos: 0 }, done))
  assert.deepEqual([error, granted], [null, []])
  await made.subscribeAsync('a', { qos: 2 })
  assert.equal(peer.all('subscribe').length, 2)
})

for (const bad of ['#/event', 'event#', 'a/#/b', 'a/+/#/b', 'a+/b']) {
  test(`the filter ${bad} is refused here`, async (t) => {
    const { client: made, peer } = await online(t)
    const [error] = await called((done) => made.subscribe(bad, done))
    assert.equal(error.message, `Invalid topic ${bad}`)
    const [other] = await called((done) => made.unsubscribe(bad, done))
    assert.equal(other.message, `Invalid topic ${bad}`)
    assert.equal(peer.all('subscribe').length, 0)
  })
}

test('what is no text is refused here', async (t) => {
  const { client: made } = await online(t)
  for (const bad of [undefined, null, 7, [{}]]) {
    assert.match((await called((done) => made.subscribe(bad, done)))[0].message, /^Invalid topic/)
    assert.match((await called((done) => made.unsubscribe(bad, done)))[0].message, /^Invalid topic/)
    assert.ok((await called((done) => made.publish(bad, 'x', done)))[0] instanceof Error)
  }
})

test('an empty list is refused here', async (t) => {
  const { client: made } = await online(t)
  const [error] = await called((done) => made.subscribe([], done))
  assert.equal(error.message, 'Invalid topic empty_topic_list')
})

test('subscribeBatchSize cuts a list into parts with one callback', async (t) => {
  const { client: made, peer } = await online(t, {}, { subscribeBatchSize: 2 })
  const granted = await made.subscribeAsync(['a', 'b', 'c', 'd', 'e'])
  assert.equal(granted.length, 5)
  assert.deepEqual(peer.all('subscribe').map(({ filters }) => filters.length), [2, 2, 1])
})

test('subscribing offline waits for the connection', async (t) => {
  const server = await serve(t)
  const made = client(t, server.url)
  const [granted] = await made.subscribeAsync('a', { qos: 1 })
  assert.equal(granted.qos, 1)
})

test('options and properties of MQTT 5 arrive, also when restored', async (t) => {
  const { server, client: made } = await online(t, {}, { protocolVersion: 5 })
  await made.subscribeAsync('a', {
    qos: 1, nl: true, rap: true, rh: 2, properties: { subscriptionIdentifier: 7 },
  })
  server.last.drop()
  await next(made, 'connect')
  await server.count('subscribe', 2)
  for (const packet of server.all('subscribe')) {
    assert.equal(packet.filters[0].options, 1 | 4 | 8 | 32)
    assert.equal(packet.properties[11], 7)
  }
})

test('what SUBACK says beside its codes is there', async (t) => {
  const { client: made } = await online(t, {
    subscribe: (packet, peer) => peer.send(write.suback(packet.id, [0], { v5: true, properties: [props.text(31, 'fine')] })),
  }, { protocolVersion: 5 })
  const [, , suback] = await called((done) => made.subscribe('a', done))
  assert.equal(suback.properties.reasonString, 'fine')
})

test('the callback of a SUBSCRIBE that is lost with its connection gets an error; the filter is restored', async (t) => {
  const { server, client: made } = await online(t, {
    subscribe: (packet, peer) => {
      if (peer.server.peers.length === 1) peer.drop()
      else peer.send(write.suback(packet.id, [0]))
    },
  })
  const [error] = await called((done) => made.subscribe('a', done))
  assert.equal(error.message, 'Connection closed')
  await server.count('subscribe', 2)
  assert.equal(server.all('subscribe')[1].filters[0].topic, 'a')
})

test('messageIdToTopic names the filters that wait for SUBACK', async (t) => {
  const { client: made, server } = await online(t, { subscribe: () => {} })
  made.subscribe(['a', 'b'], () => {})
  const [packet] = await server.count('subscribe', 1)
  assert.deepEqual(made.messageIdToTopic, { [packet.id]: ['a', 'b'] })
  assert.equal(made.outgoing[packet.id].volatile, true)
})
