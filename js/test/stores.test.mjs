// Stores and providers of identifiers.
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'

import { called, client, mqtt, next, online, props, serve, until, write } from './harness.mjs'

const publish = (messageId) => ({ cmd: 'publish', topic: 'a', payload: 'x', qos: 1, messageId })

test('a store keeps, gives, and forgets', async () => {
  const store = new mqtt.Store()
  const packet = publish(1)
  assert.deepEqual(await called((done) => store.put(packet, done)), [])
  assert.deepEqual(await called((done) => store.get({ messageId: 1 }, done)), [null, packet])
  assert.deepEqual(await called((done) => store.del({ messageId: 1 }, done)), [null, packet])
  assert.equal((await called((done) => store.get({ messageId: 1 }, done)))[0].message, 'missing packet')
  assert.equal((await called((done) => store.del({ messageId: 1 }, done)))[0].message, 'missing packet')
})

test('a store streams its packets in order', async () => {
  const store = new mqtt.Store()
  for (const id of [3, 1, 2]) store.put(publish(id), () => {})
  const ids = []
  for await (const packet of store.createStream()) ids.push(packet.messageId)
  assert.deepEqual(ids, [3, 1, 2])
})

for (const clean of [true, false]) {
  test(`a store that is ${clean ? '' : 'not '}clean ${clean ? 'forgets' : 'keeps'} at its close`, async () => {
    const store = new mqtt.Store({ clean })
    store.put(publish(1), () => {})
    await called((done) => store.close(done))
    const [error] = await called((done) => store.get({ messageId: 1 }, done))
    assert.equal(error === null, !clean)
  })
}

test('the outgoing store holds a message until its acknowledgement', async (t) => {
  const outgoingStore = new mqtt.Store()
  const { client: made, peer } = await online(t, { publish: () => {} }, { outgoingStore })
  const done = called((callback) => made.publish('a', 'x', { qos: 1 }, callback))
  const { id } = await peer.take('publish')
  const [, held] = await called((callback) => outgoingStore.get({ messageId: id }, callback))
  assert.deepEqual([held.cmd, held.topic, held.payload, held.qos], ['publish', 'a', 'x', 1])
  peer.send(write.puback(id))
  await done
  assert.ok((await called((callback) => outgoingStore.get({ messageId: id }, callback)))[0])
})

test('what an earlier run has left is never out of the store until it is acknowledged', async (t) => {
  // Forgets late, and keeps at once.
  class Late extends mqtt.Store {
    del(packet, done) {
      setTimeout(() => super.del(packet, done), 20)
      return this
    }
  }
  const outgoingStore = new Late({ clean: false })
  for (const id of [3, 1]) outgoingStore.put({ ...publish(id), topic: `old/${id}` })
  const { peer, client: made } = await online(t, { publish: () => {} }, { outgoingStore })
  await until(() => peer.all('publish').length === 2, 'both')
  const published = made.publishAsync('new', 'x', { qos: 1 })
  await until(() => peer.all('publish').length === 3, 'the new one')
  assert.deepEqual(peer.all('publish').map(({ topic }) => topic), ['old/3', 'old/1', 'new'])
  const topics = []
  for await (const { topic } of outgoingStore.createStream()) topics.push(topic)
  assert.deepEqual(topics.sort(), ['new', 'old/1', 'old/3'])
  for (const { id } of peer.all('publish')) peer.send(write.puback(id))
  await published
  await until(() => outgoingStore._isEmpty, 'the empty store')
})

test('a store that throws fails its message, and holds up no other one', async (t) => {
  class Full extends mqtt.Store {
    put(packet, done) {
      if (packet.topic === 'bad') throw new Error('disk full')
      return super.put(packet, done)
    }
  }
  const { client: made } = await online(t, {}, { outgoingStore: new Full() })
  const [error] = await called((done) => made.publish('bad', 'x', { qos: 1 }, done))
  assert.equal(error.message, 'disk full')
  await made.publishAsync('good', 'x', { qos: 1 })
})

/** A store whose every answer takes a moment, as one on a disk. */
class Slow extends mqtt.Store {
  put(packet, done) {
    setTimeout(() => super.put(packet, done), 20)
    return this
  }
  del(packet, done) {
    setTimeout(() => super.del(packet, done), 20)
    return this
  }
}

test('nothing is sent before a slow store has it', async (t) => {
  let finish
  class Held extends mqtt.Store {
    put(packet, done) {
      finish = () => super.put(packet, done)
      return this
    }
  }
  const { client: made, peer } = await online(t, {}, { outgoingStore: new Held() })
  let stored = false
  made.publish('a', 'x', { qos: 1, cbStorePut: () => (stored = true) })
  await until(() => finish)
  // Nothing says that nothing comes: what is sent too early comes within some turns.
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([stored, peer.all('publish').length], [false, 0])
  finish()
  await peer.take('publish')
  assert.equal(stored, true)
})

test('a store that cannot take a message fails its publish, and it is not sent again', async (t) => {
  class Full extends mqtt.Store {
    put(packet, done) {
      if (packet.topic === 'full') done(new Error('disk full'))
      else super.put(packet, done)
      return this
    }
  }
  const { client: made, server } = await online(t, { publish: () => {} }, { outgoingStore: new Full() })
  const [error] = await called((done) => made.publish('full', 'x', { qos: 1 }, done))
  assert.equal(error.message, 'disk full')
  server.script.publish = (packet, peer) => peer.send(write.puback(packet.id))
  server.last.drop()
  await next(made, 'connect')
  await made.publishAsync('a', 'x', { qos: 1 })
  assert.deepEqual(server.last.all('publish').map(({ topic }) => topic), ['a'])
})

test('what an earlier run left in the store is sent first', async (t) => {
  const outgoingStore = new mqtt.Store({ clean: false })
  for (const id of [7, 8]) outgoingStore.put({ ...publish(id), payload: String(id) }, () => {})
  const server = await serve(t)
  const made = client(t, server.url, { outgoingStore, clean: false, clientId: 'c' })
  const [error] = await called((done) => made.publish('a', 'new', { qos: 1 }, done))
  assert.equal(error, null)
  assert.deepEqual(server.all('publish').map(({ payload }) => payload.toString()), ['7', '8', 'new'])
  const left = []
  for await (const packet of outgoingStore.createStream()) left.push(packet)
  assert.deepEqual(left, [])
})

/** What an earlier run has left: the second of three is named otherwise. */
function leftBy(store, topic) {
  const topics = ['old/1', topic, 'old/3']
  for (const [index, one] of topics.entries()) store.put({ ...publish(101 + index), topic: one }, () => {})
}

async function topicsIn(store) {
  const topics = []
  for await (const { topic } of store.createStream()) topics.push(topic)
  return topics
}

/** Runs with what an earlier run has left, which fails in part: what 'error' and 'diagnosis' told. */
async function replayed(t, script, options) {
  const server = await serve(t, script)
  const made = client(t, server.url, options)
  const [error, told] = await Promise.all([
    next(made, 'error'),
    new Promise((resolve) => made.on('diagnosis', (one) => one.kind === 'replay-failed' && resolve(one))),
  ])
  await made.publishAsync('new', 'x', { qos: 1 })
  assert.deepEqual(server.all('publish').map(({ topic }) => topic), ['old/1', 'old/3', 'new'])
  assert.equal(error.code, 'REPLAY_FAILED')
  assert.equal(told.text, error.message)
  await until(async () => (await topicsIn(options.outgoingStore)).length < 2, 'the acknowledgements')
  return error
}

test('a message of an earlier run that is refused is an error with its topic, and stays in the store', async (t) => {
  const outgoingStore = new mqtt.Store({ clean: false })
  leftBy(outgoingStore, 'bad/#')
  const error = await replayed(t, {}, { outgoingStore })
  assert.match(error.message, /bad\/#/)
  assert.equal(error.cause.code, 'INVALID_TOPIC')
  assert.deepEqual(await topicsIn(outgoingStore), ['bad/#'])
})

for (const how of ['throws', 'calls back with an error']) {
  test(`a message of an earlier run stays in a store whose put ${how}`, async (t) => {
    class Full extends mqtt.Store {
      put(packet, done) {
        if (packet.topic !== 'full' || packet.messageId > 100) return super.put(packet, done)
        const error = new Error('disk full')
        if (how === 'throws') throw error
        done(error)
        return this
      }
    }
    const outgoingStore = new Full({ clean: false })
    leftBy(outgoingStore, 'full')
    const error = await replayed(t, {}, { outgoingStore })
    assert.match(error.message, /full.*disk full/)
    assert.deepEqual(await topicsIn(outgoingStore), ['full'])
  })
}

test("a message of an earlier run that the server's limits refuse is an error with its topic", async (t) => {
  const outgoingStore = new mqtt.Store({ clean: false })
  const topic = `long/${'x'.repeat(100)}`
  leftBy(outgoingStore, topic)
  const connect = (_, peer) => peer.send(write.connack({ v5: true, properties: [props.u32(39, 60)] }))
  const error = await replayed(t, { connect }, { outgoingStore, protocolVersion: 5 })
  assert.ok(error.message.includes(topic))
  assert.equal(error.cause.code, 'NOT_ALLOWED')
  assert.deepEqual(await topicsIn(outgoingStore), [])
})

for (const ids of [[3, 1, 2], [2, 1], [2, 3, 1], [1, 2, 3], [65_535, 2, 1, 9, 5], [1, 65_534, 65_535, 2, 4, 3]]) {
  test(`of an earlier run's messages ${ids} none is ever out of the store`, async (t) => {
    const topics = ids.map((id) => `old/${id}`).sort()
    const missed = []
    class Watched extends Slow {
      look() {
        const held = new Set([...this.packets.values()].map(({ topic }) => topic))
        missed.push(...topics.filter((topic) => !held.has(topic)))
      }
      put(packet, done) {
        return super.put(packet, () => {
          this.look()
          done?.()
        })
      }
      del(packet, done) {
        return super.del(packet, () => {
          this.look()
          done?.()
        })
      }
    }
    const outgoingStore = new Watched({ clean: false })
    for (const id of ids) await called((done) => outgoingStore.put({ ...publish(id), topic: `old/${id}` }, done))
    missed.length = 0
    const { peer, client: made } = await online(t, { publish: () => {} }, { outgoingStore })
    made.publish('new', 'x', { qos: 1 })
    await until(() => peer.all('publish').length === ids.length + 1, 'all of them')
    assert.deepEqual(missed, [])
    const sent = peer.all('publish').map(({ id, topic }) => `${id} ${topic}`)
    assert.deepEqual(sent.map((one) => one.split(' ')[1]), [...ids.map((id) => `old/${id}`), 'new'])
    await until(() => outgoingStore.packets.size === sent.length, 'no other copies')
    const held = [...outgoingStore.packets.values()].map(({ messageId, topic }) => `${messageId} ${topic}`)
    assert.deepEqual(held.sort(), sent.sort())
  })
}

test('a message of an earlier run that the user removes is no error, and leaves the store', async (t) => {
  const outgoingStore = new mqtt.Store({ clean: false })
  outgoingStore.put(publish(101))
  const { peer, client: made } = await online(t, { publish: () => {} }, { outgoingStore })
  const told = []
  made.on('error', (error) => told.push(error.message))
  made.on('diagnosis', ({ kind }) => told.push(kind))
  const { id } = await peer.take('publish')
  made.removeOutgoingMessage(id)
  await until(() => outgoingStore._isEmpty, 'the empty store')
  const ended = called((done) => made.end(true, done))
  await ended
  assert.deepEqual(told.filter((one) => one !== 'disconnected'), [])
})

for (const force of [false, true]) {
  test(`what end(${force}) leaves unacknowledged stays in the store, and is sent by the next run`, async (t) => {
    const outgoingStore = new mqtt.Store({ clean: false })
    const server = await serve(t, { publish: () => {}, pubrel: () => {} })
    const made = client(t, server.url, { outgoingStore, connectTimeout: 100 })
    await next(made, 'connect')
    const outcomes = [1, 2].map((qos) => called((done) => made.publish(`left/${qos}`, 'x', { qos }, done)))
    await server.count('publish', 2)
    await made.endAsync(force)
    for (const outcome of outcomes) assert.equal((await outcome)[0].message, 'Connection closed')
    assert.deepEqual(await topicsIn(outgoingStore), ['left/1', 'left/2'])
    client(t, server.url, { outgoingStore })
    await server.count('publish', 4)
    assert.deepEqual(server.last.all('publish').map(({ topic }) => topic), ['left/1', 'left/2'])
  })
}

/** A store whose reading does not end before `answer()`. */
class Unread extends mqtt.Store {
  constructor() {
    super({ clean: false })
    this.put(publish(101), () => {})
  }
  createStream() {
    const answered = new Promise((resolve) => {
      this.answer = resolve
    })
    const packets = super.createStream()
    return Readable.from((async function* () {
      await answered
      yield* packets
    })())
  }
}

test('end(true) gives each its outcome that waits for the store', async (t) => {
  const outgoingStore = new Unread()
  const { client: made, peer } = await online(t, {}, { outgoingStore })
  const { signal } = new AbortController()
  const removed = t.mock.method(signal, 'removeEventListener')
  const all = [
    made.publishAsync('a', 'x', { qos: 1, signal }),
    made.publishAsync('a', 'x', { signal }),
    made.subscribeAsync('a', { signal }),
    made.unsubscribeAsync('a', { signal }),
  ]
  const ended = called((done) => made.end(true, done))
  for (const one of all) await assert.rejects(one, { message: 'Connection closed' })
  assert.equal(removed.mock.callCount(), 4)
  await ended
  outgoingStore.answer()
  assert.equal(peer.all('publish').length, 0)
})

test('a message that is given up while the store is read is not sent', async (t) => {
  const outgoingStore = new Unread()
  const { client: made, peer } = await online(t, {}, { outgoingStore })
  const stop = new AbortController()
  const published = made.publishAsync('given/up', 'x', { qos: 1, signal: stop.signal })
  const kept = made.publishAsync('kept', 'x', { qos: 1 })
  stop.abort()
  await assert.rejects(published, { name: 'AbortError' })
  outgoingStore.answer()
  await kept
  assert.deepEqual(peer.all('publish').map(({ topic }) => topic), ['a', 'kept'])
})

test('what was under way at end(true) is sent after reconnect with the same stores', async (t) => {
  const outgoingStore = new mqtt.Store({ clean: false })
  const incomingStore = new mqtt.Store({ clean: false })
  const { client: made, server } = await online(t, {
    publish: (packet, peer) => {
      if (peer.server.peers.length > 1) peer.send(write.puback(packet.id))
    },
  }, { outgoingStore, incomingStore, clean: false, clientId: 'c' })
  made.publish('a', 'x', { qos: 1 }, () => {})
  await server.count('publish', 1)
  await made.endAsync(true)
  made.reconnect({ incomingStore, outgoingStore })
  await next(made, 'connect')
  const packet = await server.last.take('publish')
  assert.equal(packet.payload.toString(), 'x')
})

test('the default provider counts and wraps', () => {
  const provider = new mqtt.DefaultMessageIdProvider()
  const first = provider.allocate()
  assert.equal(provider.getLastAllocated(), first)
  assert.equal(provider.register(first), true)
  const seen = new Set()
  for (let index = 0; index < 65_535; index++) seen.add(provider.allocate())
  assert.equal(seen.size, 65_535)
  assert.ok(!seen.has(0))
})

test('the unique provider gives each once, and null when all are taken', () => {
  const provider = new mqtt.UniqueMessageIdProvider()
  assert.equal(provider.getLastAllocated(), null)
  assert.equal(provider.register(2), true)
  assert.equal(provider.register(2), false)
  assert.equal(provider.register(0), false)
  assert.deepEqual([provider.allocate(), provider.allocate()], [1, 3])
  for (let index = 0; index < 65_532; index++) provider.allocate()
  assert.equal(provider.allocate(), null)
  provider.deallocate(5)
  assert.equal(provider.allocate(), 5)
  provider.clear()
  assert.equal(provider.allocate(), 1)
})

test('a provider of the user is told which identifiers are in use', async (t) => {
  const messageIdProvider = new mqtt.UniqueMessageIdProvider()
  const { client: made, peer } = await online(t, { publish: () => {} }, { messageIdProvider })
  const done = called((callback) => made.publish('a', 'x', { qos: 1 }, callback))
  const { id } = await peer.take('publish')
  assert.equal(messageIdProvider.register(id), false)
  assert.equal(made.getLastMessageId(), id)
  peer.send(write.puback(id))
  await done
  await until(() => messageIdProvider.register(id), 'the release')
})

test('validateTopic and validateTopics', () => {
  assert.equal(mqtt.validateTopic('a/+/#'), true)
  assert.equal(mqtt.validateTopic('a/#/b'), false)
  assert.equal(mqtt.validateTopics(['a', '+b']), '+b')
  assert.equal(mqtt.validateTopics(['a']), null)
})
