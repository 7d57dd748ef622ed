// Acknowledgements of what Node reads from a socket in one go.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { promisify } from 'node:util'

import { client, next, online, serve, until, VERSIONS, write } from './harness.mjs'

const turn = promisify(setImmediate)
const WHOLE_READ = 64 * 1024
const MESSAGES = 4

/** As many bytes as Node reads at once: messages with the identifiers from `first` on. */
function wholeRead(v5, qos, first) {
  const head = v5 ? 9 : 8
  const payload = Buffer.alloc(WHOLE_READ / MESSAGES - head)
  const packets = Array.from({ length: MESSAGES }, (_, index) =>
    write.publish({ v5, topic: 'a', qos, id: first + index, payload }),
  )
  const bytes = Buffer.concat(packets)
  assert.equal(bytes.length, WHOLE_READ)
  return bytes
}

/** What the client writes from now on, each with its bytes. */
function writesOf(t, stream) {
  const { mock } = t.mock.method(stream, 'write')
  return () => mock.calls.map(({ arguments: [bytes] }) => bytes)
}

/** Hands the client what it has read. Callbacks of `nextTick` run before Node reads on. */
async function read(stream, chunk) {
  stream.emit('data', chunk)
  await new Promise((resolve) => process.nextTick(resolve))
}

for (const protocolVersion of VERSIONS) {
  const v5 = protocolVersion === 5

  test(`what is read in one go is answered in one write, in order (version ${protocolVersion})`, async (t) => {
    const { client: made, peer } = await online(t, {}, { protocolVersion })
    let told = 0
    made.on('message', () => (told += 1))
    const writes = writesOf(t, made.stream)
    for (const first of [1, 5, 9]) await read(made.stream, wholeRead(v5, 1, first))
    assert.equal(told, 12)
    assert.equal(writes().length, 0)
    await turn()
    assert.equal(writes().length, 1)
    for (let id = 1; id <= 12; id++) assert.equal((await peer.take('puback')).id, id)
  })

  test(`a read behind which nothing waits is answered at once (version ${protocolVersion})`, async (t) => {
    const { client: made, peer } = await online(t, {}, { protocolVersion })
    const writes = writesOf(t, made.stream)
    made.stream.emit('data', write.publish({ v5, topic: 'a', qos: 1, id: 1 }))
    assert.equal(writes().length, 1)
    await peer.take('puback')
    await read(made.stream, wholeRead(v5, 1, 2))
    assert.equal(writes().length, 1)
    made.stream.emit('data', write.publish({ v5, topic: 'a', qos: 1, id: 6 }))
    assert.equal(writes().length, 2)
    for (let id = 2; id <= 6; id++) assert.equal((await peer.take('puback')).id, id)
  })
}

test('a fake clock does not hold up acknowledgements', async (t) => {
  const { client: made, peer } = await online(t)
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate', 'Date'] })
  await read(made.stream, wholeRead(false, 1, 1))
  for (let turns = 0; peer.all('puback').length < MESSAGES && turns < 1_000; turns++) await turn()
  assert.equal(peer.all('puback').length, MESSAGES)
})

test('QoS 2 is delivered once, also if the connection ends before it is answered', async (t) => {
  let sessionPresent = false
  const script = {
    connect: (_packet, peer) => {
      peer.send(write.connack({ sessionPresent }))
      sessionPresent = true
    },
    pubrec: () => {},
  }
  const server = await serve(t, script)
  const made = client(t, server.url, { clean: false, clientId: 'c' })
  await next(made, 'connect')
  const told = []
  made.on('message', (_topic, _payload, packet) => told.push(packet.messageId))
  const writes = writesOf(t, made.stream)
  const again = next(made, 'connect')
  await read(made.stream, wholeRead(false, 2, 1))
  made.stream.destroy()
  await again
  assert.equal(writes().length, 0)
  for (let id = 1; id <= MESSAGES; id++) {
    server.last.send(write.publish({ topic: 'a', qos: 2, id, dup: true }))
    assert.equal((await server.last.take('pubrec')).id, id)
  }
  assert.deepEqual(told, [1, 2, 3, 4])
})

test('end(true) answers what was handled of a read that goes on', async (t) => {
  const { client: made, peer } = await online(t)
  await read(made.stream, wholeRead(false, 1, 1))
  assert.equal(peer.all('puback').length, 0)
  await made.endAsync(true)
  await until(() => peer.closed, 'the end of the connection')
  assert.deepEqual(peer.all('puback').map(({ id }) => id), [1, 2, 3, 4])
})

test('end(true) in a handler answers what was handled before, and nothing more is delivered', async (t) => {
  const { client: made, peer } = await online(t)
  let handled = 0
  made.on('message', () => {
    handled += 1
    if (handled === 6) made.end(true)
  })
  for (const first of [1, 5, 9]) await read(made.stream, wholeRead(false, 1, first))
  await until(() => peer.closed, 'the end of the connection')
  assert.equal(handled, 6)
  assert.deepEqual(peer.all('puback').map(({ id }) => id), [1, 2, 3, 4, 5, 6])
})

for (const size of [16, 1024]) {
  test(`process.exit in a handler answers what was handled before (${size} bytes)`, async (t) => {
    const handled = 150
    const server = await serve(t, {
      subscribe: ({ id }, peer) => {
        const payload = Buffer.alloc(size)
        // No more than those: the end of a socket with unread bytes is a reset, which takes away
        // what the server has not read.
        const packets = Array.from({ length: handled }, (_, index) =>
          write.publish({ topic: 'a', qos: 1, id: index + 1, payload }),
        )
        peer.send(write.suback(id, [1]), ...packets)
      },
    })
    const program = `
      const mqtt = require('evenkeel')
      const client = mqtt.connect('${server.url}')
      let left = ${handled}
      client.on('message', () => (left -= 1) === 0 && process.exit(7))
      client.subscribe('a', { qos: 1 })
    `
    const child = spawn(process.execPath, ['-e', program], { cwd: import.meta.dirname })
    assert.deepEqual(await once(child, 'exit'), [7, null])
    await until(() => server.last.closed, 'the end of the connection')
    const answered = server.last.all('puback').length
    assert.ok(answered >= handled - 1, `${answered} of ${handled} are answered`)
  })
}
