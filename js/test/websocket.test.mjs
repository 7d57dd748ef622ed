// What WebSocket adds to MQTT: frames, protocols, how it is closed, and that a browser's
// tells nothing of what waits in it.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { client, IN_BROWSERS, next, notes, until, write } from './harness.mjs'
import { serveWebSocket } from './websocket.mjs'

const url = (server) => `ws://127.0.0.1:${server.port}/`

test('a text frame is an error, and ends the connection', async (t) => {
  const server = await serveWebSocket(t)
  const made = client(t, url(server))
  await next(made, 'connect')
  const order = notes(made, 'error', 'close', 'connect')
  server.socket.send(write.publish({ topic: 'a' }).toString('latin1'), { binary: false })
  const error = await next(made, 'error')
  assert.deepEqual([error.name, error.code], ['EvenkeelError', 'PROTOCOL_ERROR'])
  assert.match(error.message, /text frame/)
  await next(made, 'connect')
  assert.deepEqual(order, ['error', 'close', 'connect'])
})

for (const [code, reason, text] of [
  [1000, '', 'code 1000, normal closure'],
  [1008, 'token expired', 'code 1008, policy violation: "token expired"'],
  [1013, '', 'code 1013, try again later'],
  [4001, 'a\u001b[31m', 'code 4001: "a\\u001b[31m"'],
]) {
  test(`a close with ${code} is told with its reason`, async (t) => {
    const server = await serveWebSocket(t)
    const made = client(t, url(server))
    await next(made, 'connect')
    const told = []
    made.on('diagnosis', (diagnosis) => told.push(diagnosis))
    made.on('error', () => assert.fail('that is no error'))
    server.socket.close(code, reason)
    await next(made, 'close')
    const closed = told.filter(({ kind }) => kind === 'websocket-closed')
    assert.deepEqual(closed, [{ kind: 'websocket-closed', text: `The WebSocket was closed with ${text}` }])
  })
}

test('a client that ends tells of no close', async (t) => {
  const server = await serveWebSocket(t)
  const made = client(t, url(server))
  await next(made, 'connect')
  const told = []
  made.on('diagnosis', ({ kind }) => told.push(kind))
  await made.endAsync()
  assert.ok(!told.includes('websocket-closed'), told.join())
})

test('wsOptions.protocols are asked for instead of mqtt', async (t) => {
  const server = await serveWebSocket(t)
  for (const [protocols, asked] of [[['a', 'b'], 'a,b'], ['c', 'c'], [undefined, 'mqtt']]) {
    const made = client(t, url(server), { wsOptions: { protocols } })
    await next(made, 'connect')
    assert.equal(server.requests.at(-1).protocols, asked)
    await made.endAsync(true)
  }
})

/** A WebSocket of a browser, whose other end is the test. */
class FakeSocket {
  binaryType = 'blob'
  readyState = 0
  bufferedAmount = 0
  sent = []

  open() {
    this.readyState = 1
    this.onopen()
  }

  receive(bytes) {
    this.onmessage?.({ data: Uint8Array.from(bytes).buffer })
  }

  send(bytes) {
    this.sent.push(bytes.slice())
    // It answers CONNECT.
    if (this.sent.length === 1) queueMicrotask(() => this.receive(write.connack()))
  }

  close() {
    this.readyState = 3
  }
}

const browsers = { skip: !IN_BROWSERS && 'of the bundle for browsers' }

/** A client with such a socket, online. */
async function faked(t, options = {}) {
  const socket = new FakeSocket()
  const made = client(t, 'ws://h', { reconnectPeriod: 0, createWebsocket: () => socket, ...options })
  assert.equal(socket.binaryType, 'arraybuffer')
  socket.open()
  await next(made, 'connect')
  return { made, socket }
}

const turns = () => new Promise((resolve) => setTimeout(resolve, 50)) // more than one look

test('nothing is written while the engine holds more than browserBufferSize', browsers, async (t) => {
  for (const [browserBufferSize, limit] of [[undefined, 512 * 1024], [10, 10]]) {
    const { made, socket } = await faked(t, { browserBufferSize })
    const before = socket.sent.length
    socket.bufferedAmount = limit
    made.publish('a', '1')
    await until(() => socket.sent.length === before + 1, 'the first')
    await turns()
    socket.bufferedAmount = limit + 1
    made.publish('a', '2')
    await until(() => socket.sent.length === before + 2, 'the second')
    made.publish('a', '3')
    await turns()
    assert.equal(socket.sent.length, before + 2)
    socket.bufferedAmount = limit
    await until(() => socket.sent.length === before + 3, 'the third')
  }
})

test('what nobody takes is held up to 64 MiB, and then ends the connection', browsers, async (t) => {
  const { made, socket } = await faked(t)
  made.handleMessage = () => {} // never done
  let told
  made.on('error', (error) => (told = error))
  const packet = write.publish({ topic: 'a', payload: Buffer.alloc(1 << 20) })
  let count = 0
  for (; count < 64; count++) {
    socket.receive(packet)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(told, undefined)
  for (; count < 200 && told === undefined; count++) {
    socket.receive(packet)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.deepEqual([told?.name, told?.code], ['EvenkeelError', 'RECEIVE_BUFFER_FULL'])
  assert.equal(socket.readyState, 3)
})

test('a socket that gives blobs is an error that says what to do', browsers, async (t) => {
  const { made, socket } = await faked(t)
  const failed = next(made, 'error')
  socket.onmessage({ data: new Blob(['x']) })
  assert.match((await failed).message, /binaryType be arraybuffer/)
})

test('a socket that throws when it is to send is an error, and the connection ends', browsers, async (t) => {
  const { made, socket } = await faked(t)
  const failed = next(made, 'error')
  socket.send = () => {
    throw new Error('too much')
  }
  made.publish('a', 'x')
  assert.equal((await failed).message, 'too much')
  await until(() => !made.connected, 'the end')
})

test('what createWebsocket gives must be a WebSocket', async (t) => {
  const made = client(t, 'ws://h', { createWebsocket: () => ({}) })
  assert.match((await next(made, 'error')).message, /gave no WebSocket/)
})

test('a host that is not named is asked for where there is no page', browsers, async (t) => {
  const made = client(t, { protocol: 'ws' })
  assert.equal((await next(made, 'error')).message, 'Could not determine host. Specify host manually.')
})

test('there are no unix sockets in browsers', browsers, async (t) => {
  const made = client(t, 'ws+unix:///run/mqtt.sock')
  assert.match((await next(made, 'error')).message, /no unix sockets/)
})
