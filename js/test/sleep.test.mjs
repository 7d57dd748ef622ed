// A sleep of the machine. Alone in its file: a process watches for it by one timer,
// which is to be one of the clock that the test turns.
import assert from 'node:assert/strict'
import os from 'node:os'
import { test } from 'node:test'

import { timed } from './harness.mjs'

test('after a sleep of the machine the client pings at once', async (t) => {
  const uptime = os.uptime()
  let slept = 0
  t.mock.method(os, 'uptime', () => uptime + performance.now() / 1000 + slept)
  const { server, tick } = await timed(t)
  // The first ping comes at any time, the next one not soon.
  while (server.all('pingreq').length === 0) await tick(5)
  slept = 3_600
  await tick(5)
  await server.count('pingreq', 2)
  assert.equal(server.peers.length, 1)
})
