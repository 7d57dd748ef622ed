// MQTT.js, or Evenkeel's package with the same API, as a device at AWS IoT Core.
//
//   node client.mjs PACKAGE URL CLIENT_ID TOPIC publish|subscribe [CA CERT KEY]
//
// MQTT_MODULES is the folder that the packages are installed in: NODE_PATH does not count for
// modules, so they come through require.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const [name, url, clientId, topic, what, ca, cert, key] = process.argv.slice(2)
const mqtt = createRequire(process.env.MQTT_MODULES + '/')(name)
const read = (file) => (file ? readFileSync(file) : undefined)

const options = {
  clientId,
  clean: false,
  keepalive: 30,
  ca: read(ca),
  cert: read(cert),
  key: read(key),
  // MQTT.js waits the same time always. Evenkeel's package keeps to AWS's limits instead.
  ...(name === 'evenkeel'
    ? { profile: 'aws-iot-core' }
    : { reconnectPeriod: 5000, connectTimeout: 10_000 }),
}

const client = mqtt.connect(url, options)
client.on('error', (error) => console.error(error.message))
client.on('message', (topic, payload) => console.log(topic, payload.toString()))
if (what === 'publish') client.publish(topic, 'hello', { qos: 1 })
else client.subscribe(topic, { qos: 1 })
