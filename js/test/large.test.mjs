// Large payloads: they stay outside the module, in both directions.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'

import { isPayload, next, online, until, VERSIONS, write } from './harness.mjs'

/** As pieces of all sizes, each in a write and mostly in a read of its own. */
async function sendInPieces(peer, bytes) {
  let size = 1
  for (let at = 0; at < bytes.length; at += size) {
    size = (size * 7) % 60_013 + 1
    peer.socket.write(bytes.subarray(at, at + size))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const SIZES = [10, 100_000, 5, 16_384, 40_000, 20_000, 0, 300_000, 65_536, 16_383, 1]

for (const protocolVersion of VERSIONS) {
  test(`large and small messages, one behind the other, arrive whole (version ${protocolVersion})`, async (t) => {
    // No PUBREL amid the pieces.
    const { client: made, peer } = await online(t, { pubrec: () => {} }, { protocolVersion })
    const got = []
    made.on('message', (_topic, payload, packet) => got.push([payload, packet.length]))
    const payloads = SIZES.map((size) => randomBytes(size))
    const packets = payloads.map((payload, index) =>
      write.publish({ v5: protocolVersion === 5, topic: 'a/ü', qos: index % 3, id: index + 1, payload }),
    )
    await sendInPieces(peer, Buffer.concat(packets))
    await until(() => got.length === payloads.length, 'all messages')
    for (const [index, payload] of payloads.entries()) {
      assert.ok(isPayload(got[index][0]))
      assert.ok(payload.equals(got[index][0]), `payload ${index}`)
      const lengthBytes = packets[index].length < 130 ? 1 : packets[index].length < 16_387 ? 2 : 3
      assert.equal(got[index][1], packets[index].length - 1 - lengthBytes)
    }
  })
}

test('a large message that the end of a connection cuts off is forgotten', async (t) => {
  const { server, client: made, peer } = await online(t)
  const got = []
  made.on('message', (topic, payload) => got.push([topic, payload]))
  const half = write.publish({ topic: 'cut', payload: Buffer.alloc(200_000, 'c') }).subarray(0, 150_000)
  await sendInPieces(peer, half)
  const again = next(made, 'connect')
  peer.drop()
  await again
  const payload = randomBytes(150_000)
  await sendInPieces(server.last, write.publish({ topic: 'whole', payload }))
  await until(() => got.length > 0, 'a message')
  assert.equal(got[0][0], 'whole')
  assert.ok(got[0][1].equals(payload))
})

test('a reconnect by the user forgets what is half there', async (t) => {
  const { server, client: made, peer } = await online(t)
  const got = []
  made.on('message', (_topic, payload) => got.push(payload))
  const bytes = write.publish({ topic: 'cut', payload: Buffer.alloc(200_000, 'c') })
  await sendInPieces(peer, bytes.subarray(0, 150_000))
  const again = next(made, 'connect')
  made.reconnect()
  peer.socket.write(bytes.subarray(150_000))
  await again
  const payload = randomBytes(150_000)
  await sendInPieces(server.last, write.publish({ topic: 'whole', payload }))
  await until(() => got.length > 0, 'a message')
  assert.ok(got[0].equals(payload))
})

test('a large QoS 2 message that comes twice is told once, and the next one is its own', async (t) => {
  const { client: made, peer } = await online(t, { pubrec: () => {} })
  const got = []
  made.on('message', (_topic, payload) => got.push(payload))
  const [first, second] = [randomBytes(50_000), randomBytes(60_000)]
  await sendInPieces(peer, write.publish({ topic: 'a', qos: 2, id: 1, payload: first }))
  await peer.take('pubrec')
  await sendInPieces(peer, write.publish({ topic: 'a', qos: 2, id: 1, dup: true, payload: first }))
  await sendInPieces(peer, write.publish({ topic: 'a', qos: 2, id: 2, payload: second }))
  await until(() => got.length === 2, 'both')
  assert.ok(got[0].equals(first) && got[1].equals(second))
})

test('large messages wait for handleMessage, in order', async (t) => {
  const { client: made, peer } = await online(t)
  const got = []
  let go
  made.handleMessage = (packet, done) => {
    got.push(packet.payload)
    go = done
  }
  const payloads = [20_000, 50_000, 3, 120_000].map((size) => randomBytes(size))
  const packets = payloads.map((payload) => write.publish({ topic: 'a', payload }))
  await sendInPieces(peer, Buffer.concat(packets))
  for (const [index, payload] of payloads.entries()) {
    await until(() => got.length === index + 1, `message ${index}`)
    assert.ok(payload.equals(got[index]))
    go()
  }
})

test('large messages are whole while packets are traced, and when that ends', async (t) => {
  const { client: made, peer } = await online(t)
  const got = []
  made.on('message', (_topic, payload) => got.push(payload))
  const traced = []
  const trace = (packet) => traced.push(packet.payload)
  const payloads = [40_000, 50_000].map((size) => randomBytes(size))
  const [first, second] = payloads.map((payload) => write.publish({ topic: 'a', payload }))
  made.on('packetreceive', trace)
  await sendInPieces(peer, first)
  await until(() => got.length === 1, 'the first')
  await sendInPieces(peer, second.subarray(0, 5_000))
  made.off('packetreceive', trace)
  await sendInPieces(peer, second.subarray(5_000))
  await until(() => got.length === 2, 'the second')
  assert.ok(traced[0].equals(payloads[0]))
  assert.ok(got[0].equals(payloads[0]) && got[1].equals(payloads[1]))
})

test('large payloads that are published from callbacks are sent as they were given', async (t) => {
  const { server, client: made } = await online(t)
  const payloads = Array.from({ length: 60 }, (_, index) => randomBytes(16_384 + index))
  let sent = 0
  const one = () => {
    if (sent === payloads.length) return
    const index = sent++
    made.publish('a', payloads[index], { qos: index % 3 }, one)
  }
  for (let many = 0; many < 7; many++) one()
  const got = await server.count('publish', payloads.length)
  for (const { payload } of got) {
    const index = payload.length - 16_384
    assert.ok(payload.equals(payloads[index]), `payload ${index}`)
  }
})
