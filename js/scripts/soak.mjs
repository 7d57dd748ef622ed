// Connections that fail again and again in real time, over TCP, for SECONDS (default 120):
// `npm run soak -- SECONDS`. Prints what has become of memory; exits with 1 if it grew.
import { once } from 'node:events'
import { createServer } from 'node:net'

import mqtt from 'evenkeel'

import { Server } from '../test/harness.mjs'
import { random } from '../test/random.mjs'
import { Growth } from '../test/soak/growth.mjs'
import { open, troubled, work } from '../test/soak/trouble.mjs'

const seconds = Number(process.argv[2] ?? 120)
const CLIENTS = 4
const SAMPLES = 48

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const roll = random(11)
const counts = {}
const later = (act) => setTimeout(act, 20 + roll() * 200)
const listener = createServer((socket) => server.accept(socket))
const server = new Server(troubled(roll, later, counts), listener)
listener.listen(0, '127.0.0.1')
await once(listener, 'listening')

const outcomes = { begun: 0 }
const clients = Array.from({ length: CLIENTS }, (_, index) => {
  const client = mqtt.connect(`mqtt://127.0.0.1:${listener.address().port}`, {
    protocolVersion: index % 2 === 0 ? 4 : 5,
    keepalive: 1,
    connectTimeout: 200,
    reconnectPeriod: 5,
  })
  client.on('error', () => {})
  return client
})
const works = clients.map((client) => work(client, outcomes))
const publishing = setInterval(() => works.forEach((publish) => publish()), 10)

const growth = new Growth(clients)
// An eighth of the time to warm up.
await sleep(seconds * 125)
for (let sample = 0; sample < SAMPLES; sample++) {
  await sleep((seconds * 875) / SAMPLES)
  server.packets.length = 0
  server.peers.splice(0, server.peers.length - CLIENTS)
  growth.sample()
}

clearInterval(publishing)
await Promise.all(clients.map((client) => client.endAsync(true)))
server.close()
const connections = Object.values(counts).reduce((sum, one) => sum + one, 0)
console.log(`${seconds} s, ${connections} connections: ${JSON.stringify(counts)}`)
console.log(`outcomes: ${JSON.stringify(outcomes)}`)
console.log(`mean of the first and the last quarter: ${growth}`)
const problems = growth.problems()
if (open(outcomes) !== 0) problems.push(`${open(outcomes)} messages have no outcome`)
for (const problem of problems) console.error(`FAILED: ${problem}`)
process.exitCode = problems.length > 0 ? 1 : 0
