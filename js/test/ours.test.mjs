// What MQTT.js has not.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

import { called, client, HAS_PROFILES, mqtt, next, online, serve, until, write } from './harness.mjs'

test('credentials are asked for before every attempt', async (t) => {
  const server = await serve(t)
  let asked = 0
  const made = client(t, server.url, {
    credentials: async () => ({ username: 'u', password: `token-${(asked += 1)}` }),
  })
  await next(made, 'connect')
  server.last.drop()
  await next(made, 'connect')
  assert.deepEqual(server.all('connect').map(({ username, password }) => [username, password]), [
    ['u', 'token-1'],
    ['u', 'token-2'],
  ])
})

test('credentials that fail are an error, and are asked for again', async (t) => {
  const server = await serve(t)
  let asked = 0
  const made = client(t, server.url, {
    credentials: () => {
      asked += 1
      if (asked === 1) throw new Error('no token')
      return { username: 'u' }
    },
  })
  assert.equal((await next(made, 'error')).message, 'no token')
  await next(made, 'connect')
})

for (const [what, given, told] of [
  ['no object', 'token', 'credentials: give an object'],
  ['a user name that is no text', { username: 5 }, 'credentials.username: give text'],
  ['a user name with U+0000', { username: 'a\0b' }, 'credentials.username: give text'],
  ['a password that is too long', { password: Buffer.alloc(65_536) }, 'credentials.password: give a string or a Buffer of at most'],
]) {
  test(`credentials that are ${what} are an error, and are asked for again`, async (t) => {
    const server = await serve(t)
    let asked = 0
    const credentials = async () => ((asked += 1) === 1 ? given : { username: 'u', password: Buffer.alloc(65_535) })
    const made = client(t, server.url, { credentials })
    const error = await next(made, 'error')
    assert.equal(error.code, 'INVALID_OPTION')
    assert.ok(error.message.includes(told), error.message)
    await next(made, 'connect')
    assert.deepEqual(server.all('connect').map(({ username }) => username), ['u'])
  })
}

for (const [name, bad] of [['username', 'a\0b'], ['keepalive', 'x'], ['properties', { userProperties: 5 }]]) {
  test(`an option ${name} that is changed to what cannot be used is an error`, async (t) => {
    const { server, client: made } = await online(t, {}, { protocolVersion: 5, [name]: undefined })
    const good = made.options[name]
    made.options[name] = bad
    server.last.drop()
    assert.match((await next(made, 'error')).message, new RegExp(`Invalid option|userProperties`))
    made.options[name] = good
    await until(() => made.connected && server.peers.length > 1, 'the next connection')
  })
}

test("'state' says where the client stands", async (t) => {
  const server = await serve(t)
  const made = client(t, server.url)
  const states = []
  made.on('state', (state) => states.push(state))
  await next(made, 'connect')
  server.last.drop()
  await next(made, 'connect')
  await made.endAsync()
  assert.deepEqual(states.map(({ state }) => state), ['connecting', 'online', 'waiting', 'connecting', 'online', 'closed'])
  assert.equal(states[0].attempt, 1)
  assert.ok(states[2].retryInMs <= 20)
  assert.match(states[2].cause, /closed/)
})

test("'diagnosis' says why a connection ended", async (t) => {
  const { client: made, peer } = await online(t, {}, { protocolVersion: 5 })
  const told = []
  made.on('diagnosis', (one) => told.push(one))
  peer.send(write.disconnect(0x8b))
  await next(made, 'close')
  const { text } = told.find(({ kind }) => kind === 'disconnected')
  assert.match(text, /shutting down/)
})

test('a message that ends two connections is set aside, and the rest goes on', async (t) => {
  const { client: made, server } = await online(t, {
    publish: (packet, peer) => {
      if (packet.topic === 'poison') peer.drop()
      else if (packet.qos === 1) peer.send(write.puback(packet.id))
    },
  })
  const told = []
  made.on('diagnosis', ({ kind }) => told.push(kind))
  const poison = called((done) => made.publish('poison', 'x', { qos: 1 }, done))
  const good = called((done) => made.publish('good', 'x', { qos: 1 }, done))
  const [error] = await poison
  assert.equal(error.code, 'QUARANTINED')
  assert.equal((await good)[0], null)
  assert.ok(server.peers.length <= 4, `${server.peers.length} connections`)
  assert.ok(told.includes('quarantined'))
})

test('reconnect sets the pace', async (t) => {
  const server = await serve(t, { connect: (_, peer) => peer.drop() })
  const made = mqtt.connect(server.url, { reconnect: { base: 4, cap: 4, jitter: false, attempts: 3, budget: 0 } })
  t.after(() => made.end(true))
  const states = []
  made.on('state', (state) => states.push(state))
  await until(() => states.some(({ state }) => state === 'halted'), 'the halt')
  assert.equal(server.peers.length, 3)
  assert.equal(states.filter(({ state }) => state === 'waiting')[0].retryInMs, 4)
})

test('messages() gives the messages of its filter, in order, and unsubscribes at the end', async (t) => {
  const { client: made, peer } = await online(t)
  const got = []
  const done = (async () => {
    for await (const { topic, payload, packet } of made.messages('a/+', { qos: 1 })) {
      got.push([topic, payload.toString(), packet.qos])
      if (got.length === 2) break
    }
  })()
  await peer.take('subscribe')
  peer.send(
    write.publish({ topic: 'other', payload: '0' }),
    write.publish({ topic: 'a/1', payload: '1', qos: 1, id: 1 }),
    write.publish({ topic: 'a/2', payload: '2' }),
  )
  await done
  assert.deepEqual(got, [['a/1', '1', 1], ['a/2', '2', 0]])
  assert.deepEqual((await peer.take('unsubscribe')).topics, ['a/+'])
})

test('messages() ends with its signal, which unsubscribes, and with the client', async (t) => {
  const { client: made, peer } = await online(t)
  const stop = new AbortController()
  const first = made.messages('a', { signal: stop.signal })
  const ended = first.next()
  stop.abort()
  assert.equal((await ended).done, true)
  assert.deepEqual((await peer.take('unsubscribe')).topics, ['a'])
  const second = made.messages('b')
  const over = second.next()
  made.end()
  assert.equal((await over).done, true)
})

test('messages() of a filter that the server refuses throws', async (t) => {
  const { client: made } = await online(t, {
    subscribe: (packet, peer) => peer.send(write.suback(packet.id, [128])),
  })
  await assert.rejects(made.messages('no').next(), { name: 'ErrorWithSubackPacket' })
})

test('a loop that is slow holds the server back, and loses nothing', async (t) => {
  const { client: made, peer } = await online(t)
  const loop = made.messages('a', { qos: 1, waiting: 2 })
  await peer.take('subscribe')
  const many = 5_000
  const payload = Buffer.alloc(1_000)
  for (let index = 0; index < many; index++) {
    payload.writeUInt32BE(index)
    peer.send(write.publish({ topic: 'a', payload, qos: 1, id: 1 + index }))
  }
  await until(() => peer.socket.writableLength > 0, 'the server being held back')
  for (let index = 0; index < many; index++) {
    const { value } = await loop.next()
    assert.equal(value.payload.readUInt32BE(), index)
  }
})

test('an AbortSignal ends the client', async (t) => {
  const server = await serve(t)
  const stop = new AbortController()
  const made = client(t, server.url, { signal: stop.signal })
  await next(made, 'connect')
  const ended = next(made, 'end')
  stop.abort()
  await ended
})

test('connectAsync rejects at the abort', async (t) => {
  const server = await serve(t, { connect: () => {} })
  const stop = new AbortController()
  const connecting = mqtt.connectAsync(server.url, { signal: stop.signal })
  stop.abort(new Error('not wanted'))
  await assert.rejects(connecting, { message: 'not wanted' })
})

test('the profile of AWS IoT Core batches subscriptions and refuses what AWS would close for', { skip: !HAS_PROFILES && 'a module made small has none' }, async (t) => {
  const { client: made, peer } = await online(t, {}, { profile: 'aws-iot-core', clientId: 'c' })
  await made.subscribeAsync(Array.from({ length: 12 }, (_, index) => `a/${index}`))
  assert.deepEqual(peer.all('subscribe').map(({ filters }) => filters.length), [8, 4])
  const [error] = await called((done) => made.publish('a', Buffer.alloc(200_000), { qos: 1 }, done))
  assert.equal(error.code, 'NOT_ALLOWED')
})

test('an unknown profile throws', () => {
  assert.throws(() => mqtt.connect('mqtt://h', { manualConnect: true, profile: 'nobody' }), /profile/)
})

test("a profile of one's own lies over the one it is based on", { skip: !HAS_PROFILES && 'a module made small has none' }, async (t) => {
  const profile = {
    name: 'plant-7',
    based_on: 'aws-iot-core',
    publish: { maximum_payload_size: { value: '4 KiB', source: 'plant rules', on_break: { rejects: 0x95 } } },
    subscribe: { filters_per_subscribe: { value: 3 } },
  }
  const { client: made, peer } = await online(t, {}, { profile, clientId: 'c' })
  await made.subscribeAsync(['a', 'b', 'c', 'd'])
  assert.deepEqual(peer.all('subscribe').map(({ filters }) => filters.length), [3, 1])
  const [error] = await called((done) => made.publish('a', Buffer.alloc(4_097), { qos: 1 }, done))
  assert.equal(error.code, 'NOT_ALLOWED')
  assert.match(error.message, /maximum_payload_size.*plant rules/)
  await made.publishAsync('a', Buffer.alloc(4_096), { qos: 1 })
})

const cycle = { name: 'x' }
cycle.publish = cycle
for (const [what, profile, text] of [
  ['a limit that there is not', { name: 'x', publish: { qos: { value: 1 } } }, /publish\.qos: there is no such name/],
  ['a limit without its value', { name: 'x', publish: { maximum_qos: {} } }, /publish\.maximum_qos\.value: it is missing/],
  ['a value of another kind', { name: 'x', connection: { versions: { value: [5] } } }, /connection\.versions\.value: a text is wanted/],
  ['no name', {}, /name: it is missing/],
  ['null', { name: null }, /a value of type null/],
  ['itself inside', cycle, /nested too deeply/],
]) {
  test(`a profile with ${what} throws`, { skip: !HAS_PROFILES && 'a module made small has none' }, () => {
    assert.throws(() => mqtt.connect('mqtt://h', { manualConnect: true, profile }), text)
  })
}

test('a signal ends the waiting of each promise, with its reason', async (t) => {
  const made = client(t, 'mqtt://127.0.0.1:1', { manualConnect: true })
  const stop = new AbortController()
  const { signal } = stop
  const all = [
    made.publishAsync('a', 'x', { qos: 1, signal }),
    made.publishAsync('a', 'x', { signal }),
    made.subscribeAsync('a', { qos: 1, signal }),
    made.subscribeAsync(['b'], { signal }),
    made.unsubscribeAsync('a', { signal }),
  ]
  stop.abort(new Error('too late'))
  for (const one of [...all, made.publishAsync('a', 'x', { signal })]) {
    await assert.rejects(one, { message: 'too late' })
  }
  await assert.rejects(made.publishAsync('a', 'x', { qos: 1, signal: AbortSignal.timeout(1) }), { name: 'TimeoutError' })
})

test('a message whose promise was given up is not sent any more, nor is the subscription kept', async (t) => {
  const { server, client: made } = await online(t, { publish: () => {}, subscribe: () => {} })
  await assert.rejects(made.subscribeAsync('held', { signal: AbortSignal.timeout(1) }))
  const stop = new AbortController()
  const published = made.publishAsync('a', 'given up', { qos: 1, signal: stop.signal })
  await server.last.take('publish')
  stop.abort()
  await assert.rejects(published, { name: 'AbortError' })
  server.script.publish = (packet, peer) => peer.send(write.puback(packet.id))
  server.script.subscribe = (packet, peer) => peer.send(write.suback(packet.id, [0]))
  server.last.drop()
  await next(made, 'connect')
  await made.publishAsync('a', 'kept', { qos: 1 })
  assert.deepEqual(server.last.all('publish').map(({ payload }) => payload.toString()), ['kept'])
  assert.deepEqual((await server.count('unsubscribe', 1))[0].topics, ['held'])
})

test('a message that waits behind unwritten ones and is given up is not sent', async (t) => {
  const { client: made, peer } = await online(t)
  peer.socket.pause()
  // More than the core keeps, and the system behind it.
  const large = Buffer.alloc(1024 * 1024)
  const sent = Array.from({ length: 40 }, () => made.publishAsync('large', large))
  const stop = new AbortController()
  const published = made.publishAsync('given/up', 'x', { qos: 1, signal: stop.signal })
  const kept = made.publishAsync('kept', 'x', { qos: 1 })
  stop.abort()
  await assert.rejects(published, { name: 'AbortError' })
  peer.socket.resume()
  await Promise.all([...sent, kept])
  assert.deepEqual(peer.all('publish').filter(({ qos }) => qos > 0).map(({ topic }) => topic), ['kept'])
})

test('a signal that aborts after the outcome changes nothing', async (t) => {
  const { client: made, server } = await online(t)
  const stop = new AbortController()
  const { signal } = stop
  await made.publishAsync('a', 'x', { qos: 1, signal })
  await made.subscribeAsync('a', { qos: 1, signal })
  stop.abort()
  await made.publishAsync('a', 'y', { qos: 1 })
  assert.equal(server.all('unsubscribe').length, 0)
})

test('endAsync with a signal waits no longer than that, and the client has ended', async (t) => {
  const { client: made } = await online(t, { publish: () => {} })
  const published = called((done) => made.publish('a', 'x', { qos: 1 }, done))
  const ended = next(made, 'end')
  await assert.rejects(made.endAsync({ signal: AbortSignal.timeout(20) }), { name: 'TimeoutError' })
  await ended
  assert.equal((await published)[0].message, 'Connection closed')
})

test('connectAsync listens to its signal no longer than it waits', async (t) => {
  const server = await serve(t)
  const stop = new AbortController()
  const { signal } = stop
  const added = t.mock.method(signal, 'addEventListener')
  const removed = t.mock.method(signal, 'removeEventListener')
  const made = await mqtt.connectAsync(server.url, { signal })
  await made.endAsync()
  assert.equal(removed.mock.callCount(), added.mock.callCount())
})

test('data of an authentication without its method is an error, and the end', async (t) => {
  const server = await serve(t)
  const made = client(t, server.url, { protocolVersion: 5, properties: { authenticationData: Buffer.from('x') } })
  assert.equal((await next(made, 'error')).message, 'Packet has no Authentication Method')
  assert.equal(made.disconnected, true)
  assert.equal(server.peers.length, 0)
})

/** A server that asks once, and a client that has this answer. */
async function asked(t, answer) {
  const method = [21, Buffer.from([0, 1, 0x4d])]
  const server = await serve(t, {
    connect: (_, peer) => {
      if (peer.server.peers.length > 1) peer.send(write.connack({ v5: true, properties: [method] }))
      else peer.send(write.auth(24, [method]))
    },
    auth: (_, peer) => peer.drop(),
  })
  const made = client(t, server.url, { protocolVersion: 5, properties: { authenticationMethod: 'M' } })
  made.handleAuth = answer
  return { server, client: made }
}

test('a handleAuth that fails is an error, and ends the attempts', async (t) => {
  const { server, client: made } = await asked(t, (_, done) => done(new Error('no answer')))
  const closed = next(made, 'close')
  assert.equal((await next(made, 'error')).message, 'no answer')
  await closed
  assert.deepEqual([made.reconnecting, server.all('auth')], [false, []])
})

test('a handleAuth that gives no answer sends an AUTH without data', async (t) => {
  const { server, client: made } = await asked(t, (_, done) => done())
  await next(made, 'connect')
  assert.deepEqual(server.all('auth').map(({ code, properties }) => [code, properties[22]?.length ?? 0]), [[24, 0]])
})

test('credentials that do not come are a failed attempt, and are asked for again', async (t) => {
  const server = await serve(t)
  let asked = 0
  const made = client(t, server.url, {
    connectTimeout: 50,
    credentials: () => {
      asked += 1
      return asked === 1 ? new Promise(() => {}) : { username: 'u' }
    },
  })
  assert.equal((await next(made, 'error')).message, 'connack timeout')
  await next(made, 'connect')
  assert.equal(server.all('connect')[0].username, 'u')
})

test('credentials that reject with no Error are told as one', async (t) => {
  const server = await serve(t)
  const made = client(t, server.url, { credentials: () => Promise.reject('no token') })
  const error = await next(made, 'error')
  assert.ok(error instanceof Error)
  assert.equal(error.message, 'no token')
})

test('logs hold no secret', async (t) => {
  const lines = []
  const server = await serve(t)
  const made = client(t, server.url, { username: 'user-s3cret', password: 'pass-s3cret', log: (...args) => lines.push(args.join(' ')) })
  await next(made, 'connect')
  await made.publishAsync('a', 'payload-s3cret', { qos: 1 })
  server.last.drop()
  await next(made, 'connect')
  assert.ok(lines.length > 0)
  assert.ok(!lines.join('\n').includes('s3cret'))
})

test('logs say the state, the attempt and the cause', async (t) => {
  const lines = []
  const server = await serve(t)
  const made = client(t, server.url, { log: (...args) => lines.push(args.join(' ')) })
  await next(made, 'connect')
  server.last.drop()
  await next(made, 'connect')
  const said = lines.join('\n')
  for (const line of [/^state: connecting, attempt 1$/m, /^state: online$/m, /^state: waiting, attempt \d, in \d+ ms, cause: /m]) {
    assert.match(said, line)
  }
})

for (const [names, wanted] of [
  ['evenkeel', true],
  ['mqttjs*', true],
  ['other, *', true],
  ['other', false],
  ['*,-evenkeel', false],
]) {
  test(`DEBUG=${names} ${wanted ? 'logs' : 'does not log'}`, () => {
    const program = "require('evenkeel').connect('mqtt://h', { manualConnect: true }).log('a line')"
    const { stderr } = spawnSync(process.execPath, ['-e', program], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      env: { ...process.env, DEBUG: names },
    })
    assert.equal(stderr, wanted ? 'evenkeel a line\n' : '')
  })
}

test('a server that names another one is followed', async (t) => {
  const other = await serve(t)
  const { props } = await import('./harness.mjs')
  const server = await serve(t, {
    connect: (_, peer) => peer.send(write.connack({ v5: true, code: 0x9c, properties: [props.text(28, `127.0.0.1:${other.port}`)] })),
  })
  const made = client(t, server.url, { protocolVersion: 5 })
  await next(made, 'connect')
  assert.equal(other.peers.length, 1)
})

test('flapping makes neither the heap nor the memory of the core grow', async (t) => {
  const { server, client: made } = await online(t, {}, { reconnectPeriod: 1 })
  const round = async (many) => {
    for (let index = 0; index < many; index++) {
      server.peers.length = 0
      server.packets.length = 0
      const connected = next(made, 'connect')
      made.stream.destroy()
      await connected
      await made.publishAsync('a', 'x', { qos: 1 })
    }
    global.gc?.()
    return made.parts.driver.core.instance.memory.length
  }
  const before = await round(50)
  assert.equal(await round(200), before)
})
