// async-mqtt, which was made for MQTT.js 4: `async-mqtt.cjs URL`. The server sends back
// what is published.
const assert = require('node:assert/strict')

const { AsyncClient, connect, connectAsync } = require('async-mqtt')
const mqtt = require('mqtt')

const [url] = process.argv.slice(2)

async function main() {
  const client = connect(url)
  await new Promise((resolve) => client.once('connect', resolve))
  assert.equal(client.connected, true)
  const [granted] = await client.subscribe('a', { qos: 1 })
  assert.deepEqual([granted.topic, granted.qos], ['a', 1])
  const message = new Promise((resolve) => client.once('message', (topic, payload) => resolve(`${topic} ${payload}`)))
  const packet = await client.publish('a', 'x', { qos: 1 })
  assert.equal(packet.cmd, 'publish')
  assert.equal(await message, 'a x')

  // A handler of one's own, set through the wrapper.
  const handled = new Promise((resolve) => {
    client.handleMessage = ({ topic }, done) => {
      done()
      resolve(topic)
    }
  })
  await client.publish('b', 'y', { qos: 2 })
  assert.equal(await handled, 'b')
  await client.unsubscribe('a')
  await assert.rejects(client.subscribe('a/#/b'), { message: 'Invalid topic a/#/b' })
  await client.end()
  await assert.rejects(client.publish('a', 'x'), { message: 'client disconnecting' })

  const other = await connectAsync(url)
  assert.ok(other instanceof AsyncClient)
  await other.end(true)

  const wrapped = new AsyncClient(mqtt.connect(url))
  await new Promise((resolve) => wrapped.once('connect', resolve))
  await wrapped.end()
  console.log('passed')
}

main()
