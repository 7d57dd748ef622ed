import mqtt from 'mqtt'

const client = await mqtt.connectAsync(process.argv.at(-1), { protocolVersion: 5 })
const granted = await client.subscribeAsync({ 'a/b': { qos: 1 } })
console.log(granted[0].topic, granted[0].qos)
const message = new Promise((resolve) => client.once('message', (...args) => resolve(args)))
await client.publishAsync('a/b', Buffer.from([1, 2, 3]), { qos: 1, properties: { contentType: 'bytes' } })
const [topic, payload, packet] = await message
console.log(topic, payload, packet.qos, packet.cmd)
await client.unsubscribeAsync('a/b')
await client.endAsync()
console.log(client.connected, client.disconnected)
