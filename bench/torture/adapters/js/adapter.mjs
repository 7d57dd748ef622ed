// MQTT.js with its defaults, as its README shows, and Evenkeel's package in its
// place. Called like the Rust adapters (see adapters/rust/src/lib.rs); MQTT_PACKAGE
// names the installed package.
// NODE_PATH does not count for modules, so the packages come through require.
import { createRequire } from 'node:module'

const require = createRequire(process.env.MQTT_MODULES + '/')
const mqtt = require(process.env.MQTT_PACKAGE)

const [url, clientId, keepAlive, ...hints] = process.argv.slice(2)
const hint = Object.fromEntries(hints.map((text) => text.split('=')))
const tell = (what, about = '') => {
  process.stdout.write(`${what} ${String(about).replaceAll('\n', ' ')}\n`)
}
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

// It ends by itself even where nobody is left to end it.
setTimeout(() => process.exit(), Number(hint.run_s ?? 60) * 1000).unref()

/** What AWS IoT Core's profile has of the limits that brokers enforce here. */
const LIMITS = {
  publish_rate: { publish: { publish_rate: { value: { amount: 100, period: 1 } } } },
  connect_floor: {
    connection: { connect_floor: { value: { spacing: 1, spacing_after_short: 11, short: 30 } } },
  },
  filters_per_subscribe: { subscribe: { filters_per_subscribe: { value: 8 } } },
}

/** The settings of each library for the limit of the broker that a scenario is about. */
function settings() {
  if (process.env.MQTT_PACKAGE === 'evenkeel') {
    const spacing = { connection: { min_ping_spacing: { value: Number(hint.ping_spacing) } } }
    const limits = hint.ping_spacing ? spacing : LIMITS[hint.limit]
    return limits ? { profile: { name: 'torture', ...limits } } : {}
  }
  return {
    // Unknown to 5.3.4, which ignores it.
    ...(hint.filters_max ? { subscribeBatchSize: Number(hint.filters_max) } : {}),
    ...(hint.floor_s ? { reconnectPeriod: Number(hint.floor_s) * 1000 } : {}),
  }
}

const options = { clientId, keepalive: Number(keepAlive), ...settings() }
if (hint.v === '5') options.protocolVersion = 5
const client = mqtt.connect(url, options)

let online = false
client.on('connect', () => {
  online = true
  tell('online')
})
// `close` comes for the end of a connection and for each attempt that fails.
client.on('close', () => {
  tell(online ? 'offline' : 'attempt-failed')
  online = false
})
client.on('error', (error) => tell('error', error.message))
// Evenkeel's alone.
client.on('state', ({ state, cause }) => {
  if (state === 'halted') tell('halted', cause)
})

async function send(topic, n, qos) {
  try {
    await client.publishAsync(topic, String(n), { qos })
    tell('acked', n)
  } catch (error) {
    tell('failed', `${n} ${error.message}`)
  }
}

async function handle(payload) {
  const n = parseInt(payload.toString(), 10)
  tell('received', n)
  if (hint.handling === 'answer') {
    await send(`torture/answer/${n}`, n, 1)
  } else if (hint.handling && n === 1) {
    await wait(Number(hint.handling))
  }
  tell('handled', n)
}

if (hint.inline === '1') {
  // The documented way to handle messages one at a time with back-pressure.
  client.handleMessage = (packet, callback) => handle(packet.payload).then(() => callback())
} else {
  client.on('message', (topic, payload) => handle(payload))
}

// Subscribed once; the library subscribes anew after a reconnect.
const filters = Number(hint.filters ?? 0)
const topics = Array.from({ length: filters }, (_, n) => `torture/in/${n + 1}`)
const calls = filters === 1 ? ['torture/in/#'] : hint.together === '1' ? [topics] : topics
for (const call of calls) {
  client.subscribe(call, { qos: 1 }, (error) => {
    if (error) tell('failed', `0 ${error.message}`)
  })
}

const count = Number(hint.publish ?? 0)
const poison = Number(hint.poison ?? 0)
for (let n = 1; n <= count; n++) {
  tell('offered', n)
  send(`torture/${n === poison ? 'poison' : 'out'}/${n}`, n, Number(hint.publish_qos ?? 0))
  await wait(Number(hint.publish_every_ms ?? 500))
}
