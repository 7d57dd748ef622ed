// An hour of a connection that fails again and again, in time that is not real and over
// streams in memory: nothing grows.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { promisify } from 'node:util'

import { mqtt, Server } from './harness.mjs'
import { random } from './random.mjs'
import { Growth } from './soak/growth.mjs'
import { pipe } from './soak/pipe.mjs'
import { open, troubled, work } from './soak/trouble.mjs'

const turn = promisify(setImmediate)
const MINUTES = 60
const STEP_MS = 1_000
/** Of the hour; before it everything is still being compiled and filled. */
const WARM_MINUTES = 20

for (const [pace, options] of [
  ['the pace of the core', {}],
  ['a period of the user\'s', { reconnectPeriod: 1000, protocolVersion: 5 }],
]) {
  test(`an hour of flapping at ${pace}: no memory grows, and no outcome is lost`, async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] })
    const roll = random(7)
    const counts = {}
    const later = (act) => setTimeout(act, 1000 + roll() * 60_000)
    const server = new Server(troubled(roll, later, counts), { close() {} })
    const builder = () => {
      const [ours, theirs] = pipe()
      server.accept(theirs)
      return ours
    }
    const client = new mqtt.MqttClient(builder, { clientId: 'a', keepalive: 20, connectTimeout: 5_000, ...options })
    client.on('error', () => {})
    let got = 0
    client.on('message', () => (got += 1))
    const outcomes = { begun: 0 }
    const publish = work(client, outcomes)
    const growth = new Growth([client])

    for (let ms = 0; ms < MINUTES * 60_000; ms += STEP_MS) {
      if (ms % 2_000 === 0) publish()
      t.mock.timers.tick(STEP_MS)
      // What has begun goes to the server and back.
      for (let turns = 0; turns < 8; turns++) await turn()
      if (ms % 60_000 === 0) {
        if (ms >= WARM_MINUTES * 60_000) growth.sample()
        server.packets.length = 0
        server.peers.splice(0, server.peers.length - 1)
      }
    }

    const ended = client.endAsync(true)
    t.mock.timers.tick(2_000)
    await ended
    const connections = Object.values(counts).reduce((sum, one) => sum + one, 0)
    t.diagnostic(`${connections} connections, ${got} messages; ${growth}`)
    assert.equal(Object.keys(counts).length, 5, JSON.stringify(counts))
    assert.ok(connections > 60 && got > 500, `${connections} connections, ${got} messages`)
    assert.equal(open(outcomes), 0, JSON.stringify(outcomes))
    assert.deepEqual(growth.problems(), [])
  })
}
