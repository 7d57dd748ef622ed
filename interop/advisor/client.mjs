// MQTT.js, or Evenkeel's package with the same API, as a device at AWS IoT Core.
//
//   node client.mjs PACKAGE URL CLIENT_ID TOPIC publish|subscribe|shadow|job [CA CERT KEY]
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
const thing = `$aws/things/${clientId}`
const send = (to, body) => client.publish(to, JSON.stringify(body), { qos: 1 })
const report = (reported) => send(`${thing}/shadow/update`, { state: { reported } })

// What is desired of the shadow is reported.
function follow() {
  client.on('message', (_, payload) => report(JSON.parse(payload).state))
  client.subscribe(`${thing}/shadow/update/delta`, { qos: 1 }, () => report({ level: 4.2 }))
}

// Each job succeeds at once.
function work() {
  const accepted = `${thing}/jobs/start-next/accepted`
  client.on('message', (topic, payload) => {
    const { execution } = JSON.parse(payload)
    if (topic !== accepted) send(`${thing}/jobs/start-next`, {})
    else if (execution) send(`${thing}/jobs/${execution.jobId}/update`, { status: 'SUCCEEDED' })
  })
  client.subscribe([accepted, `${thing}/jobs/notify-next`], { qos: 1 }, () => send(`${thing}/jobs/start-next`, {}))
}

if (what === 'publish') client.publish(topic, 'hello', { qos: 1 })
else if (what === 'shadow') follow()
else if (what === 'job') work()
else client.subscribe(topic, { qos: 1 })
