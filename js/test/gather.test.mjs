// Large messages that arrive in parts: gathered without a turn for each, and what the
// end of one, the keep-alive and the limits make of that.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { promisify } from 'node:util'

import { client, IN_BROWSERS, next, online, serve, timed, until, VERSIONS, write } from './harness.mjs'
import { serveWebSocket } from './websocket.mjs'

const turn = promisify(setImmediate)
const WHOLE_READ = 64 * 1024

/** What a client is told from now on. */
function told(made) {
  const got = []
  made.on('message', (topic, payload, packet) => got.push({ topic, payload, qos: packet.qos }))
  return got
}

/** All of them came, in order, each as it was sent. */
async function areThere(got, payloads) {
  await until(() => got.length >= payloads.length, 'all messages')
  assert.equal(got.length, payloads.length)
  for (const [index, payload] of payloads.entries()) {
    assert.ok(payload.equals(got[index].payload), `payload ${index} of ${payload.length} bytes`)
  }
}

/** Packets with these payloads, QoS 0 and 1 in turns. */
function packets(payloads, { v5 = false } = {}) {
  return Buffer.concat(
    payloads.map((payload, index) => write.publish({ v5, topic: 'a/b', qos: index % 2, id: index + 1, payload })),
  )
}

for (const protocolVersion of VERSIONS) {
  test(`large messages are whole wherever the reads are cut (version ${protocolVersion})`, async (t) => {
    const { client: made } = await online(t, {}, { protocolVersion })
    const payloads = [70_000, 3, 40_000].map((size) => randomBytes(size))
    const bytes = packets(payloads, { v5: protocolVersion === 5 })
    const second = bytes.length - 40_020
    const cuts = [1023, 1024, 1025, 1026, 17_407, 17_408, 17_409, 53_000, WHOLE_READ, 69_999]
    for (let at = 1; at < 20; at++) cuts.push(at, bytes.length - at)
    for (let at = second - 30; at < second + 30; at++) cuts.push(at)
    for (const cut of cuts) {
      for (const again of [cut, Math.min(cut + 1, bytes.length), Math.min(cut + 30_000, bytes.length)]) {
        const got = told(made)
        for (const [from, to] of [[0, cut], [cut, again], [again, bytes.length]]) {
          if (to > from) made.stream.emit('data', bytes.subarray(from, to))
        }
        await areThere(got, payloads)
        made.removeAllListeners('message')
      }
    }
  })
}

test('large messages one behind the other, with small ones between, come out of one write', async (t) => {
  const { client: made, peer } = await online(t)
  const got = told(made)
  const sizes = [1 << 20, 1 << 20, 10, 300_000, 0, 1 << 20, WHOLE_READ, WHOLE_READ - 8, 16_384, 1, 20_000, 1 << 20]
  const payloads = sizes.map((size) => randomBytes(size))
  peer.socket.write(packets(payloads))
  await areThere(got, payloads)
  for (let id = 2; id <= sizes.length; id += 2) assert.equal((await peer.take('puback')).id, id)
})

test('what several clients were told stays as it was, whatever is read after it', async (t) => {
  const server = await serve(t)
  const all = []
  for (let index = 0; index < 3; index++) {
    const made = client(t, server.url)
    await next(made, 'connect')
    all.push({ peer: server.last, got: told(made), payloads: [] })
  }
  for (let round = 0; round < 60; round++) {
    for (const { peer, payloads } of all) {
      // From some bytes to several reads.
      const payload = randomBytes(Math.floor(2 ** (5 + ((round * 7 + payloads.length) % 13))))
      payloads.push(payload)
      peer.send(write.publish({ topic: 'a', payload }))
    }
    await turn()
  }
  for (const { got, payloads } of all) await areThere(got, payloads)
})

test('a large message in frames of a WebSocket is whole', async (t) => {
  const server = await serveWebSocket(t)
  const made = client(t, `ws://127.0.0.1:${server.port}`)
  await next(made, 'connect')
  const got = told(made)
  const payloads = [300_000, 5, 100_000, 1 << 20].map((size) => randomBytes(size))
  const bytes = packets(payloads)
  let size = 1
  for (let at = 0; at < bytes.length; at += size) {
    size = (size * 7) % 90_001 + 1
    server.last.socket.write(bytes.subarray(at, at + size))
  }
  await areThere(got, payloads)
})

test('reads amid a large message have no turn of their own', async (t) => {
  const { client: made } = await online(t)
  const got = told(made)
  const payload = randomBytes(1 << 20)
  const bytes = packets([payload])
  // Each turn looks whether to read on.
  const { mock } = t.mock.method(made.stream, 'isPaused')
  for (let at = 0; at < bytes.length; at += WHOLE_READ) {
    made.stream.emit('data', bytes.subarray(at, at + WHOLE_READ))
  }
  await areThere(got, [payload])
  assert.ok(mock.callCount() <= 3, `${mock.callCount()} turns`)
})

const isPlaced = !IN_BROWSERS && process.platform !== 'win32'
test('a large payload is read into its own memory', { skip: !isPlaced && 'others read for us' }, async (t) => {
  const { client: made, peer } = await online(t)
  const chunks = []
  made.stream.on('data', (chunk) => chunks.push(chunk))
  const got = told(made)
  const payload = randomBytes(1 << 20)
  peer.socket.write(packets([payload]))
  await areThere(got, [payload])
  const memory = got[0].payload.buffer
  const others = chunks.filter(({ buffer }) => buffer !== memory)
  const copied = others.reduce((sum, { length }) => sum + length, 0)
  assert.ok(copied <= WHOLE_READ, `${copied} bytes were copied`)
})

/** Seconds from the last byte that came until the client leaves; `act` is called each second. */
async function secondsUntilLeft(t, size, act = () => {}) {
  const { server, client: made, tick } = await timed(t, { pingreq: () => {} })
  let left = false
  made.once('close', () => (left = true))
  const bytes = packets([Buffer.alloc(size)])
  server.last.socket.write(bytes.subarray(0, Math.ceil(size / 2)))
  await tick(1)
  server.last.socket.write(bytes.subarray(Math.ceil(size / 2), size))
  await tick(1)
  let seconds = 0
  for (; !left && seconds < 600; seconds++) {
    act(made, seconds)
    await tick(1)
  }
  t.mock.reset()
  return seconds
}

for (const [what, act] of [
  ['', undefined],
  [', also if the client is busy', (made, seconds) => seconds % 10 === 5 && made.publish('a', 'x')],
]) {
  test(`a server that is silent amid a large message is left as soon as amid a small one${what}`, async (t) => {
    const small = await secondsUntilLeft(t, 1_000, act)
    const large = await secondsUntilLeft(t, 200_000, act)
    assert.ok(small > 30 && small <= 120, `${small} s`)
    assert.ok(Math.abs(large - small) <= 1, `${large} s instead of ${small} s`)
  })
}

test('a large message that comes slowly for longer than the keep-alive ends no connection', async (t) => {
  // A server that is in the middle of a packet cannot answer.
  const { server, client: made, tick } = await timed(t, { pingreq: () => {} })
  const payload = randomBytes(400_000)
  const got = told(made)
  const bytes = packets([payload])
  for (let at = 0; at < bytes.length; at += 40_000) {
    server.last.socket.write(bytes.subarray(at, at + 40_000))
    await tick(30)
  }
  await areThere(got, [payload])
  assert.equal(server.peers.length, 1)
})

test('a message beyond the maximum packet size ends the connection by its head', async (t) => {
  const options = { protocolVersion: 5, properties: { maximumPacketSize: 100_000 } }
  const { client: made, peer } = await online(t, {}, options)
  const got = told(made)
  const gone = next(made, 'close')
  const bytes = write.publish({ v5: true, topic: 'a', payload: Buffer.alloc(100_000) })
  peer.socket.write(bytes.subarray(0, 30_000))
  await gone
  assert.equal(got.length, 0)
})

test('end(true) amid a large message ends at once', async (t) => {
  const { client: made, peer } = await online(t)
  const got = told(made)
  const bytes = packets([randomBytes(500_000)])
  peer.socket.write(bytes.subarray(0, 300_000))
  for (let turns = 0; turns < 20; turns++) await turn()
  await made.endAsync(true)
  await until(() => peer.closed, 'the end of the connection')
  assert.equal(got.length, 0)
})
