// What a client does in its life, to be run by any runtime: `smoke.mjs URL VERSION`. The
// server sends back what is published, and cuts the connection at a message to `cut`.
import assert from 'node:assert/strict'
import process from 'node:process'

import mqtt from 'evenkeel'

const [url, version] = process.argv.slice(2)
const client = mqtt.connect(url, {
  protocolVersion: Number(version),
  keepalive: 1,
  reconnectPeriod: 20,
  rejectUnauthorized: false,
})
const event = (name) => new Promise((resolve) => client.once(name, resolve))
const errors = []
client.on('error', (error) => errors.push(error.message))

/** Waits for so many more messages. */
const messages = (count) =>
  new Promise((resolve) => {
    const got = []
    const take = (topic, payload, { qos }) => {
      got.push([topic, payload.toString(), qos])
      if (got.length < count) return
      client.off('message', take)
      resolve(got)
    }
    client.on('message', take)
  })

await event('connect')
const granted = await client.subscribeAsync('a/+', { qos: 2 })
assert.equal(granted[0].qos, 2)

const three = messages(3)
for (const qos of [0, 1, 2]) await client.publishAsync(`a/${qos}`, String(qos), { qos })
assert.deepEqual(await three, [['a/0', '0', 0], ['a/1', '1', 1], ['a/2', '2', 2]])

const large = 'x'.repeat(300_000)
const one = messages(1)
await client.publishAsync('a/large', large, { qos: 1 })
assert.equal((await one)[0][1], large)

// Keep-alive: two pings are answered, and nothing else is said meanwhile.
let pings = 0
await new Promise((resolve) => {
  client.on('packetreceive', ({ cmd }) => {
    if (cmd === 'pingresp' && (pings += 1) === 2) resolve()
  })
})

const closed = event('close')
const again = event('connect')
client.publish('cut', '')
await closed
const after = messages(1)
await client.publishAsync('a/after', 'kept', { qos: 1 })
await again
assert.deepEqual(await after, [['a/after', 'kept', 1]])

const loop = client.messages('b', { qos: 1 })
const first = loop.next()
await client.publishAsync('b', 'looped', { qos: 1 })
assert.equal((await first).value.payload.toString(), 'looped')
await loop.return()

await client.endAsync()
assert.deepEqual(errors, [])
console.log('passed')
