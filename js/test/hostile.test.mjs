// A server that sends anything: the corpus of the decoder, whole and damaged, behind
// CONNACK and in place of it. Whatever comes, the client gives a typed error or goes on,
// each operation has one outcome, and memory stays bounded. What is thrown out of the event
// loop, or rejected with nobody listening, fails the test by the rules of Node's runner.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { mqtt, serve, VERSIONS, write } from './harness.mjs'
import { random } from './random.mjs'

const corpora = join(dirname(fileURLToPath(import.meta.url)), '../../fuzz/corpus')

/** Entries of one corpus; the first byte of some chooses how the fuzz target reads them. */
function corpus(name, skip) {
  const folder = join(corpora, name)
  return readdirSync(folder).map((entry) => [`${name}/${entry}`, readFileSync(join(folder, entry)).subarray(skip)])
}

const ENTRIES = [...corpus('decode_client', 1), ...corpus('roundtrip', 1), ...corpus('decode_server', 0)]

/** Bytes changed, cut out, put in, or doubled: some of that, up to four times. */
function damaged(bytes, pick) {
  let made = Buffer.from(bytes)
  for (let times = 1 + pick(4); times > 0; times--) {
    const at = pick(made.length + 1)
    const [before, after] = [made.subarray(0, at), made.subarray(at)]
    const kind = pick(4)
    if (kind === 0 && after.length > 0) made[at] = pick(256)
    else if (kind === 1) made = Buffer.concat([before, after.subarray(1 + pick(4))])
    else if (kind === 2) made = Buffer.concat([before, Buffer.from([pick(256), 255, pick(2)]), after])
    else if (kind === 3) made = Buffer.concat([before, after, after])
  }
  return made
}

/** Largest memory of the module: what it begins with, and room for what is in flight. */
const MOST_MEMORY = 8 * 1024 * 1024

/** Whether this is an error that a program can tell from others. */
function isTyped(error) {
  if (error instanceof mqtt.ErrorWithReasonCode) return /^Connection refused: ./.test(error.message)
  return error instanceof mqtt.EvenkeelError && error.code === 'PROTOCOL_ERROR'
}

/** One client, and what a server of this script does to it until the connection ends. */
async function suffer(server, protocolVersion) {
  const client = mqtt.connect(server.url, {
    protocolVersion,
    clientId: 'a',
    reconnectPeriod: 0,
    properties: { topicAliasMaximum: 2 },
  })
  const errors = []
  const outcomes = []
  client.on('error', (error) => errors.push(error))
  const note = (error) => outcomes.push(error)
  for (const qos of [0, 1, 2]) client.publish('a', 'x', { qos }, note)
  client.subscribe('a/#', { qos: 2 }, note)
  client.unsubscribe('b', note)
  await new Promise((resolve) => client.once('close', resolve))
  const { length: memory } = client.parts.driver.core.instance.memory
  await new Promise((resolve) => client.end(true, resolve))
  return { errors, outcomes, memory }
}

for (const protocolVersion of VERSIONS) {
  for (const behind of [true, false]) {
    describe(`${behind ? 'behind' : 'in place of'} CONNACK (version ${protocolVersion})`, { concurrency: true }, () => {
      const run = async (t, entries) => {
        let bytes
        let pieces
        const server = await serve(t, {
          open: (peer) => peer.socket.setNoDelay(),
          connect: (_, peer) => {
            if (behind) peer.send(write.connack({ v5: peer.v5 }))
            // In pieces of a few bytes, or whole; then that is all there is.
            const size = pieces === 0 ? bytes.length : pieces
            for (let at = 0; at < bytes.length; at += size) peer.socket.write(bytes.subarray(at, at + size))
            peer.socket.end()
          },
          ...Object.fromEntries(['publish', 'pubrel', 'pubrec', 'subscribe', 'unsubscribe'].map((type) => [type, () => {}])),
        })
        let failures = 0
        for (const [index, [name, entry]] of entries.entries()) {
          ;[bytes, pieces] = [entry, index % 3]
          const { errors, outcomes, memory } = await suffer(server, protocolVersion)
          const what = `${name} ${entry.toString('hex')}`
          for (const error of errors) assert.ok(isTyped(error), `${what}: ${error.stack}`)
          assert.ok(errors.length <= 1, `${what}: ${errors.length} errors`)
          assert.equal(outcomes.length, 5, `${what}: ${outcomes.length} outcomes`)
          assert.ok(memory <= MOST_MEMORY, `${what}: ${memory} bytes`)
          failures += errors.length
          server.peers.length = 0
          server.packets.length = 0
        }
        return failures
      }

      test('each entry of the corpus', async (t) => {
        const failures = await run(t, ENTRIES)
        // Packets of other versions and of clients are among them, and some good ones.
        assert.ok(failures > ENTRIES.length / 4 && failures < ENTRIES.length, `${failures} of ${ENTRIES.length}`)
      })

      test('damaged entries', async (t) => {
        const roll = random(protocolVersion * 2 + Number(behind))
        const pick = (below) => Math.floor(roll() * below)
        const many = Array.from({ length: 100 }, () => {
          const [name, bytes] = ENTRIES[pick(ENTRIES.length)]
          return [name, damaged(bytes, pick)]
        })
        await run(t, many)
      })
    })
  }
}

test('a packet that claims 256 MB takes the memory of what has come of it', async (t) => {
  const server = await serve(t, {
    connect: (_, peer) => {
      peer.send(write.connack(), Buffer.from([0x30, 0xfa, 0xff, 0xff, 0x7f]), Buffer.alloc(1000))
      peer.socket.end()
    },
  })
  const { errors, memory } = await suffer(server, 4)
  assert.deepEqual(errors, [])
  assert.ok(memory <= MOST_MEMORY, `${memory} bytes`)
})
