// mqtt-level-store, which keeps what is in flight on a disk: `level-store.cjs URL send`
// ends as a crash would, before an answer; `.. URL resume` gets the answers.
const assert = require('node:assert/strict')

const levelStore = require('mqtt-level-store')
const mqtt = require('mqtt')

const [url, what] = process.argv.slice(2)
const manager = levelStore('./data')
const client = mqtt.connect(url, {
  clientId: 'pump',
  clean: false,
  incomingStore: manager.incoming,
  outgoingStore: manager.outgoing,
})

/** Ends once the server has had the time to see both. */
function send() {
  let stored = 0
  const cbStorePut = () => {
    stored += 1
    if (stored === 2) setTimeout(() => process.exit(), 300)
  }
  for (const qos of [1, 2]) client.publish(`a/${qos}`, Buffer.from([qos, 255]), { qos, cbStorePut })
}

async function resume() {
  await new Promise((resolve) => client.once('connect', resolve))
  const left = () => new Promise((resolve) => {
    let count = 0
    manager.outgoing.createStream().on('data', () => (count += 1)).on('end', () => resolve(count))
  })
  while ((await left()) > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  await client.publishAsync('a/new', 'x', { qos: 1 })
  await client.endAsync()
  console.log('passed')
}

if (what === 'send') send()
else resume()
