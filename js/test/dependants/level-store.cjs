// mqtt-level-store, which keeps what is in flight on a disk: `level-store.cjs URL send`
// ends as a crash would, before an answer; `.. URL resume` gets the answers.
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

function send() {
  for (const qos of [1, 2]) client.publish(`a/${qos}`, Buffer.from([qos, 255]), { qos })
  // The server says so when it has seen both.
  client.on('message', () => process.exit())
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
