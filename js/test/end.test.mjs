// The end of a client, and beginning again after it.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { called, client, IN_BROWSERS, mqtt, next, notes, online, serve, until, VERSIONS, write } from './harness.mjs'

for (const protocolVersion of VERSIONS) {
  test(`end says DISCONNECT, then 'close', 'end' and the callback (version ${protocolVersion})`, async (t) => {
    const { client: made, peer } = await online(t, {}, { protocolVersion })
    const order = notes(made, 'close', 'end')
    await called((done) => made.end(() => {
      order.push('callback')
      done()
    }))
    assert.deepEqual(order, ['close', 'end', 'callback'])
    assert.equal(peer.all('disconnect').length, 1)
    assert.deepEqual(
      [made.connected, made.disconnecting, made.disconnected, made.reconnecting],
      [false, true, true, false],
    )
  })

  test(`end waits for what is under way (version ${protocolVersion})`, async (t) => {
    const { client: made, peer } = await online(t, { publish: () => {} }, { protocolVersion })
    const order = notes(made, 'outgoingEmpty', 'end')
    made.publish('a', 'x', { qos: 1 }, () => order.push('published'))
    const packet = await peer.take('publish')
    const ended = called((done) => made.end(done))
    await new Promise((resolve) => setTimeout(resolve, 50)) // it must not end meanwhile
    assert.deepEqual(order, [])
    peer.send(write.puback(packet.id))
    await ended
    assert.deepEqual(order, ['published', 'outgoingEmpty', 'end'])
  })
}

test('end(true) waits for nothing, says nothing, and calls back everything', async (t) => {
  const { client: made, peer } = await online(t, { publish: () => {}, subscribe: () => {} })
  const published = called((done) => made.publish('a', 'x', { qos: 1 }, done))
  const subscribed = called((done) => made.subscribe('s', done))
  await peer.take('publish')
  await called((done) => made.end(true, done))
  assert.equal((await published)[0].message, 'Connection closed')
  assert.equal((await subscribed)[0].message, 'Connection closed')
  assert.equal(peer.all('disconnect').length, 0)
})

test('end with a reason and properties says them on MQTT 5', async (t) => {
  const { client: made, peer } = await online(t, {}, { protocolVersion: 5 })
  await made.endAsync(false, { reasonCode: 4, properties: { reasonString: 'bye' } })
  const packet = await peer.take('disconnect')
  assert.deepEqual([packet.code, packet.properties[31]], [4, 'bye'])
})

test('end calls back at once where it was called before', async (t) => {
  const { client: made } = await online(t)
  made.end()
  let told = false
  made.end(() => (told = true))
  assert.equal(told, true)
})

test('end calls back though the link dies with a message under way', async (t) => {
  const { client: made, server } = await online(t, {
    publish: (packet, peer) => {
      if (peer.server.peers.length === 1) peer.drop()
      else peer.send(write.puback(packet.id))
    },
  })
  const published = called((done) => made.publish('a', 'x', { qos: 1 }, done))
  await made.endAsync()
  assert.equal((await published)[0], null)
  assert.equal(server.peers.length, 2)
})

test('end of a client that never connected calls back soon', async (t) => {
  const server = await serve(t)
  server.listener.close()
  const made = client(t, server.url)
  await next(made, 'error')
  await made.endAsync()
  assert.equal(made.disconnected, true)
})

test('end of a client that was never told to connect calls back', async (t) => {
  const made = client(t, 'mqtt://127.0.0.1:1', { manualConnect: true })
  await made.endAsync()
})

test('after end everything is refused', async (t) => {
  const { client: made } = await online(t)
  await made.endAsync()
  for (const act of [
    (done) => made.publish('a', 'x', done),
    (done) => made.subscribe('a', done),
    (done) => made.unsubscribe('a', done),
  ]) {
    assert.equal((await called(act))[0].message, 'client disconnecting')
  }
  const failed = next(made, 'error')
  made.publish('a', 'x')
  assert.equal((await failed).message, 'client disconnecting')
})

test('after end there are no further attempts', async (t) => {
  const { client: made, server } = await online(t)
  await made.endAsync()
  await new Promise((resolve) => setTimeout(resolve, 100)) // five periods
  assert.equal(server.peers.length, 1)
})

test('reconnect after end begins anew, with its subscriptions', async (t) => {
  const { client: made, server } = await online(t)
  await made.subscribeAsync('a', { qos: 1 })
  await made.endAsync()
  const order = notes(made, 'reconnect', 'connect')
  made.reconnect()
  await next(made, 'connect')
  assert.deepEqual(order, ['reconnect', 'connect'])
  const packet = await server.last.take('subscribe')
  assert.equal(packet.filters[0].topic, 'a')
  await made.publishAsync('x', 'y', { qos: 1 })
})

test('reconnect while ending is done when it has ended', async (t) => {
  const { client: made, server } = await online(t)
  made.end()
  made.reconnect()
  await next(made, 'connect')
  assert.equal(server.peers.length, 2)
})

test('an error of a store at its close reaches the callback', async (t) => {
  class Broken extends mqtt.Store {
    close(done) {
      done(new Error('cannot close'))
    }
  }
  const { client: made } = await online(t, {}, { outgoingStore: new Broken() })
  const [error] = await called((done) => made.end(done))
  assert.equal(error.message, 'cannot close')
})

test('both stores are closed', async (t) => {
  const closed = []
  class Noting extends mqtt.Store {
    close(done) {
      closed.push(this)
      super.close(done)
    }
  }
  const [incomingStore, outgoingStore] = [new Noting(), new Noting()]
  const { client: made } = await online(t, {}, { incomingStore, outgoingStore })
  await made.endAsync()
  assert.deepEqual(closed, [incomingStore, outgoingStore])
})

test('the keepaliveManager is gone after the end', async (t) => {
  const { client: made } = await online(t)
  await made.endAsync()
  assert.equal(made.keepaliveManager, null)
})

test('a process with a client that has ended ends by itself', async (t) => {
  const server = await serve(t)
  const { spawn } = await import('node:child_process')
  const program = `
    const mqtt = require('evenkeel')
    const client = mqtt.connect('${server.url}')
    client.once('connect', () => client.publish('a', 'x', { qos: 1 }, () => client.end()))
  `
  const child = spawn(process.execPath, ['-e', program], { cwd: import.meta.dirname })
  const [code] = await called((done) => child.once('exit', done))
  assert.equal(code, 0)
  await until(() => server.all('publish').length === 1, 'the message')
})

test('end(true) makes one error for all that wait', async (t) => {
  const made = client(t, IN_BROWSERS ? 'ws://127.0.0.1:9' : 'mqtt://127.0.0.1:9', { reconnectPeriod: 60_000 })
  made.on('error', () => {})
  const errors = []
  for (let index = 0; index < 12_000; index++) made.publish('a', 'x', { qos: 1 }, (error) => errors.push(error))
  await made.endAsync(true)
  assert.equal(errors.length, 12_000)
  // Those that the core has, and those that waited for room in it.
  assert.ok(new Set(errors).size <= 3, `${new Set(errors).size} errors`)
  for (const error of errors) assert.equal(error.message, 'Connection closed')
})
