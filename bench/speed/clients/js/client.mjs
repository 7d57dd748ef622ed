// MQTT.js, MQTT 3.1.1 (its default): `publish` with a callback per message,
// `on('message')`. Does what clients/common/src/lib.rs describes.

import { readFileSync } from 'node:fs'
import mqtt from 'mqtt'

const args = Object.fromEntries(process.argv.slice(2).map((arg) => {
  const at = arg.indexOf('=')
  return [arg.slice(0, at), arg.slice(at + 1)]
}))
const number = (key) => Number(args[key] ?? 0)
const job = {
  mode: args.mode,
  url: args.url,
  count: number('count'),
  size: number('size'),
  qos: number('qos'),
  window: number('window') || 1,
  connections: number('connections'),
  seconds: number('seconds'),
  keepAlive: Number(args.keep_alive ?? 60),
}

const TOPIC = 'bench/00'
const FILTER = 'bench/#'
const ANSWERS = 'answer/00'

const status = (name) => {
  const text = readFileSync('/proc/self/status', 'utf8')
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)[1]) * 1024
}
const cpuSeconds = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

class Meter {
  start = performance.now()
  cpu = cpuSeconds()

  finish(messages) {
    const seconds = (performance.now() - this.start) / 1000
    const cpu = cpuSeconds() - this.cpu
    console.log(JSON.stringify({ messages, seconds, cpu, rss: status('VmHWM') }))
  }
}

const connect = (number) => new Promise((resolve, reject) => {
  const client = mqtt.connect(job.url, {
    clientId: `speed-${number}`,
    keepalive: job.keepAlive,
    ca: args.ca && readFileSync(args.ca),
  })
  client.once('connect', () => resolve(client))
  client.once('error', reject)
})

// Publishes as the window takes it; with QoS 0 the callback says "written".
const publish = async () => {
  const client = await connect(0)
  const payload = Buffer.alloc(job.size, 'x')
  const meter = new Meter()
  let sent = 0
  let done = 0
  await new Promise((resolve, reject) => {
    const next = () => {
      while (sent < job.count && sent - done < job.window) {
        sent += 1
        client.publish(TOPIC, payload, { qos: job.qos }, (error) => {
          if (error) return reject(error)
          done += 1
          if (done === job.count) return resolve()
          next()
        })
      }
    }
    next()
  })
  // Once the server acknowledges this one, it has all before it.
  if (job.qos === 0) await client.publishAsync(TOPIC, payload, { qos: 1 })
  meter.finish(job.count)
  process.exit(0)
}

const receive = async () => {
  const client = await connect(0)
  let left = job.count
  const meter = new Meter()
  client.on('message', (_topic, payload) => {
    if (payload.length !== job.size) throw new Error('the wrong size')
    left -= 1
    if (left === 0) {
      meter.finish(job.count)
      process.exit(0)
    }
  })
  await client.subscribeAsync(FILTER, { qos: job.qos })
}

const answer = async () => {
  const client = await connect(0)
  let left = job.count
  let meter
  client.on('message', (_topic, payload) => {
    meter ??= new Meter()
    left -= 1
    const last = left === 0
    client.publish(ANSWERS, payload, { qos: 0 }, () => {
      if (!last) return
      meter.finish(job.count)
      client.end(false, () => process.exit(0))
    })
  })
  await client.subscribeAsync(FILTER, { qos: 0 })
}

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))

const idle = async () => {
  const before = status('VmRSS')
  const clients = []
  for (let n = 0; n < job.connections; n += 1) clients.push(await connect(n))
  await sleep(7)
  const [start, cpu] = [performance.now(), cpuSeconds()]
  await sleep(job.seconds)
  const share = (cpuSeconds() - cpu) / ((performance.now() - start) / 1000)
  const each = Math.max(0, Math.round((status('VmRSS') - before) / job.connections))
  console.log(JSON.stringify({ connections: clients.length, bytes_each: each, cpu_share: share }))
  process.exit(0)
}

await { publish, receive, answer, idle }[job.mode]()
