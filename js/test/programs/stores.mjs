// Stores of one's own, and a client that is used again after its end.
import mqtt from 'mqtt'

const outgoingStore = new mqtt.Store({ clean: false })
const incomingStore = new mqtt.Store({ clean: false })
const client = mqtt.connect(process.argv.at(-1), { clientId: 'kept', clean: false, outgoingStore, incomingStore })
await new Promise((resolve) => client.once('connect', resolve))
let held
await client.publishAsync('a', 'x', {
  qos: 1,
  cbStorePut: () => outgoingStore.get({ messageId: client.getLastMessageId() }, (error, packet) => (held = packet)),
})
console.log(held.cmd, held.topic)
await client.endAsync()
client.reconnect({ outgoingStore, incomingStore })
await new Promise((resolve) => client.once('connect', resolve))
console.log('again')
await client.publishAsync('b', 'y', { qos: 2 })
await client.endAsync(true)
