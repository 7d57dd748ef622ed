// Connecting, losing the connection, and connecting again.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { client, IN_BROWSERS, mqtt, next, notes, online, serve, uncaught, until, VERSIONS, write } from './harness.mjs'

for (const protocolVersion of VERSIONS) {
  test(`CONNECT says what the options say (version ${protocolVersion})`, async (t) => {
    const server = await serve(t)
    client(t, server.url, {
      protocolVersion,
      clientId: 'pump-17',
      keepalive: 33,
      username: 'u',
      password: Buffer.from('p'),
      will: { topic: 'w', payload: 'gone', qos: 1, retain: true },
    })
    const peer = await server.connection()
    const [connect] = peer.packets
    assert.equal(connect.protocol, 'MQTT')
    assert.equal(connect.version, protocolVersion)
    assert.equal(connect.clientId, 'pump-17')
    assert.equal(connect.clean, true)
    assert.equal(connect.keepalive, 33)
    assert.equal(connect.username, 'u')
    assert.equal(connect.password, 'p')
    assert.deepEqual(
      { ...connect.will, properties: undefined },
      { topic: 'w', payload: 'gone', qos: 1, retain: true, properties: undefined },
    )
  })

  test(`'connect' brings CONNACK (version ${protocolVersion})`, async (t) => {
    const script = { connect: (_, peer) => peer.send(write.connack({ v5: peer.v5, sessionPresent: true })) }
    const server = await serve(t, script)
    const made = client(t, server.url, { protocolVersion, clean: false, clientId: 'c', ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 100 } } : {}) })
    const connack = await next(made, 'connect')
    assert.equal(connack.cmd, 'connack')
    assert.equal(connack.sessionPresent, true)
    assert.equal(protocolVersion === 5 ? connack.reasonCode : connack.returnCode, 0)
    assert.equal(made.connected, true)
    assert.equal(made.reconnecting, false)
  })

  test(`a refusal gives 'error' with the code, then 'close', and no further attempt (version ${protocolVersion})`, async (t) => {
    const code = protocolVersion === 5 ? 135 : 5
    const server = await serve(t, {
      connect: (_, peer) => peer.send(write.connack({ v5: peer.v5, code })),
    })
    const made = client(t, server.url, { protocolVersion })
    const order = notes(made, 'error', 'close', 'reconnect')
    const error = await next(made, 'error')
    assert.ok(error instanceof mqtt.ErrorWithReasonCode)
    assert.equal(error.message, 'Connection refused: Not authorized')
    assert.equal(error.code, code)
    await until(() => server.last.closed, 'the close')
    await new Promise((resolve) => setTimeout(resolve, 100)) // five periods
    assert.deepEqual(order, ['error', 'close'])
    assert.equal(made.reconnecting, false)
  })
}

test('a server of MQTT 3 that says yes to MQTT 5 refuses it, by name', async (t) => {
  const server = await serve(t, { connect: (_, peer) => peer.send(write.connack()) })
  const error = await next(client(t, server.url, { protocolVersion: 5 }), 'error')
  assert.deepEqual([error.message, error.code], ['Connection refused: Unsupported Protocol Version', 132])
})

test('MQTT 3.1 is spoken when asked for', async (t) => {
  const server = await serve(t)
  const made = client(t, server.url, { protocolVersion: 3, clientId: 'short' })
  await next(made, 'connect')
  assert.equal(server.packets[0].protocol, 'MQIsdp')
  assert.equal(server.packets[0].version, 3)
})

test('reconnectOnConnackError tries again after a refusal', async (t) => {
  const server = await serve(t, {
    connect: (_, peer) => peer.send(write.connack({ code: peer.server.peers.length < 3 ? 5 : 0 })),
  })
  const made = client(t, server.url, { reconnectOnConnackError: true })
  await next(made, 'connect')
  assert.equal(server.peers.length, 3)
})

test("a lost connection tells 'offline' and 'close', then 'reconnect' and 'connect'", async (t) => {
  const { server, client: made } = await online(t)
  const order = notes(made, 'close', 'offline', 'reconnect', 'connect')
  server.last.drop()
  await next(made, 'connect')
  assert.deepEqual(order, ['offline', 'close', 'reconnect', 'connect'])
})

test("'offline' comes once for each outage, 'close' for each failed attempt", async (t) => {
  const { server, client: made } = await online(t)
  server.script.connect = (_, peer) => {
    if (server.peers.length < 5) peer.drop()
    else peer.send(write.connack())
  }
  const order = notes(made, 'close', 'offline')
  server.last.drop()
  await next(made, 'connect')
  assert.equal(order.filter((one) => one === 'offline').length, 1)
  assert.equal(order.filter((one) => one === 'close').length, 4)
})

test('connected and reconnecting follow the connection', async (t) => {
  const { server, client: made } = await online(t)
  server.last.drop()
  await next(made, 'close')
  assert.deepEqual([made.connected, made.reconnecting], [false, true])
  await next(made, 'connect')
  assert.deepEqual([made.connected, made.reconnecting], [true, false])
})

test('a reconnectPeriod that was given is obeyed', async (t) => {
  const { server, client: made } = await online(t, {}, { reconnectPeriod: 150 })
  const lost = performance.now()
  server.last.drop()
  await next(made, 'reconnect')
  const waited = performance.now() - lost
  assert.ok(waited >= 140, `after ${waited} ms`)
})

test('reconnectPeriod 0 does not connect again until reconnect() is called', async (t) => {
  const { server, client: made } = await online(t, {}, { reconnectPeriod: 0 })
  server.last.drop()
  await next(made, 'close')
  await new Promise((resolve) => setTimeout(resolve, 100)) // nothing may happen meanwhile
  assert.equal(server.peers.length, 1)
  made.reconnect()
  await next(made, 'connect')
})

test('without a reconnectPeriod the attempts are paced', async (t) => {
  const server = await serve(t, { connect: (_, peer) => peer.drop() })
  const made = mqtt.connect(server.url)
  t.after(() => made.end(true))
  const states = []
  made.on('state', (state) => states.push(state))
  await until(() => states.some(({ state }) => state === 'waiting'), 'the wait')
  const { retryInMs } = states.find(({ state }) => state === 'waiting')
  assert.ok(retryInMs >= 500 && retryInMs <= 1000, `${retryInMs} ms`)
})

test('a server that cannot be reached is an error with its code', async (t) => {
  const server = await serve(t)
  server.listener.close()
  const made = client(t, server.url)
  const error = await next(made, 'error')
  assert.equal(error.code, 'ECONNREFUSED')
})

test('no CONNACK in time is an error, and the next attempt follows', async (t) => {
  const server = await serve(t, {
    connect: (_, peer) => {
      if (peer.server.peers.length > 1) peer.send(write.connack())
    },
  })
  const made = client(t, server.url, { connectTimeout: 80 })
  assert.equal((await next(made, 'error')).message, 'connack timeout')
  await next(made, 'connect')
})

test('garbage instead of CONNACK is an error, and the next attempt follows', async (t) => {
  const server = await serve(t, {
    connect: (_, peer) => {
      if (peer.server.peers.length > 1) peer.send(write.connack())
      else peer.socket.write(Buffer.from([0xf7, 255, 255, 255, 255]))
    },
  })
  const made = client(t, server.url)
  assert.ok((await next(made, 'error')) instanceof Error)
  await next(made, 'connect')
})

test('manualConnect waits for connect()', async (t) => {
  const server = await serve(t)
  const made = client(t, server.url, { manualConnect: true })
  await new Promise((resolve) => setTimeout(resolve, 50)) // nothing may happen meanwhile
  assert.equal(server.peers.length, 0)
  made.connect()
  await next(made, 'connect')
})

test('reconnect() of a connected client makes one new connection', async (t) => {
  const { server, client: made } = await online(t)
  made.reconnect()
  await next(made, 'connect')
  await new Promise((resolve) => setTimeout(resolve, 100)) // and no further one
  assert.equal(server.peers.length, 2)
  assert.equal(server.peers[0].closed, true)
})

test('servers are tried in turn', async (t) => {
  const good = await serve(t)
  const bad = await serve(t, { open: (peer) => peer.drop() })
  const made = client(t, { protocol: 'mqtt', servers: [
    { host: '127.0.0.1', port: bad.port },
    { host: '127.0.0.1', port: good.port },
  ] })
  await next(made, 'connect')
  assert.equal(good.peers.length, 1)
  assert.equal(bad.peers.length, 1)
})

test('options changed between attempts count for the next one', async (t) => {
  const server = await serve(t, {
    connect: (packet, peer) => {
      if (packet.username === 'new') peer.send(write.connack())
      else peer.drop()
    },
  })
  const made = client(t, server.url, { username: 'old' })
  made.on('close', () => {
    made.options.username = 'new'
    made.options.clientId = 'another'
  })
  await next(made, 'connect')
  assert.equal(server.all('connect').at(-1).clientId, 'another')
})

test('connectAsync resolves with the connected client', async (t) => {
  const server = await serve(t)
  const made = await mqtt.connectAsync(server.url)
  t.after(() => made.end(true))
  assert.equal(made.connected, true)
})

test('connectAsync rejects at the first error', async (t) => {
  const server = await serve(t)
  server.listener.close()
  await assert.rejects(mqtt.connectAsync(server.url), { code: 'ECONNREFUSED' })
})

test('connectAsync without retries rejects at the first close', async (t) => {
  const server = await serve(t, { connect: (_, peer) => peer.drop() })
  await assert.rejects(mqtt.connectAsync(server.url, {}, false), {
    message: "Couldn't connect to server",
  })
})

test('a stream builder of the user is used', { skip: IN_BROWSERS && 'its stream is TCP' }, async (t) => {
  const server = await serve(t)
  const net = await import('node:net')
  const made = new mqtt.MqttClient(() => net.connect(server.port, '127.0.0.1'), {})
  t.after(() => made.end(true))
  await next(made, 'connect')
  assert.equal(made.stream.constructor.name, 'Socket')
})

test('a handler that throws breaks nothing but itself', async (t) => {
  const { client: made, peer } = await online(t)
  const thrown = uncaught()
  made.once('message', () => {
    throw new Error('of the application')
  })
  peer.send(write.publish({ topic: 'a', payload: '1' }), write.publish({ topic: 'a', payload: '2' }))
  assert.equal((await thrown).message, 'of the application')
  const message = next(made, 'message')
  peer.send(write.publish({ topic: 'b' }))
  assert.equal(await message, 'b')
})

test('the stream is there right after connect(), as are host and port', async (t) => {
  const server = await serve(t)
  const made = client(t, { port: server.port, host: '127.0.0.1' })
  const connected = next(made.stream, 'connect')
  assert.deepEqual([made.options.hostname, made.options.port], ['127.0.0.1', server.port])
  await connected
})

test('a stream builder that throws is an error, and is asked again', { skip: IN_BROWSERS && 'its stream is TCP' }, async (t) => {
  const server = await serve(t)
  const net = await import('node:net')
  let asked = 0
  const made = new mqtt.MqttClient(() => {
    asked += 1
    if (asked === 1) throw new Error('no stream')
    return net.connect(server.port, '127.0.0.1')
  }, { reconnectPeriod: 5 })
  t.after(() => made.end(true))
  assert.equal((await next(made, 'error')).message, 'no stream')
  await next(made, 'connect')
})

test('time-outs and periods of 0 and 1 are taken', async (t) => {
  const made = client(t, 'mqtt://127.0.0.1:1', { connectTimeout: 0, reconnectPeriod: 1 })
  for (let many = 0; many < 3; many++) await next(made, 'close')
})

for (const [what, options] of [
  ['a keepalive beyond what MQTT has', { keepalive: 65_536 }],
  ['a negative keepalive', { keepalive: -1 }],
  ['a will without a topic name', { will: { topic: 'a/#', payload: '' } }],
  ['a version there is not', { protocolVersion: 6 }],
]) {
  test(`${what} throws`, () => {
    assert.throws(() => mqtt.connect('mqtt://h', { manualConnect: true, ...options }), Error)
  })
}
