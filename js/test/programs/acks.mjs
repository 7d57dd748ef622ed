// The application chooses the answers, and holds messages up.
import mqtt from 'mqtt'

const client = mqtt.connect(process.argv.at(-1), {
  protocolVersion: 5,
  customHandleAcks: (topic, message, _packet, done) => {
    if (message.toString() === 'bad') done(131)
    else done(0)
  },
})
const handle = client.handleMessage.bind(client)
client.handleMessage = (packet, done) => setTimeout(() => handle(packet, done), 5)
const got = []
client.on('message', (topic, message) => got.push(message.toString()))
client.on('packetsend', ({ cmd, reasonCode }) => {
  if (cmd !== 'puback') return
  console.log(cmd, reasonCode, got.join())
  if (!reasonCode) setImmediate(() => client.end())
})
client.on('connect', () => {
  client.subscribe('a', { qos: 1 }, () => {
    client.publish('a', 'bad', { qos: 0 })
    client.publish('a', 'good', { qos: 0 })
  })
})
