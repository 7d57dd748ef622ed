// MQTT.js as an application would use it; its options come as JSON.
import { createRequire } from 'node:module'

const require = createRequire(process.env.MQTT_MODULES + '/')
const mqtt = require(process.env.MQTT_PACKAGE)
const { id, url, topics = ['in/#'], qos = 0, every, size = 1, topic = 'out/1', retain = false, ...more } = JSON.parse(
  process.argv[2],
)
const client = mqtt.connect(url, { clientId: id, keepalive: 10, ...more })
client.on('error', (error) => console.log('error', error.message))
client.on('connect', () => console.log('online'))
for (const filter of topics) client.subscribe(filter, { qos })
if (every) setInterval(() => client.publish(topic, 'x'.repeat(size), { qos, retain }), every * 1000)
