// Many clients in one process, and a module that fails.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'

import { called, client, next, serve } from './harness.mjs'

const PROGRAM = `
  const mqtt = require('evenkeel')
  const clients = []
  for (let index = 0; index < 20_000; index++) {
    const client = mqtt.connect('mqtt://h', { manualConnect: true })
    client.publish('a', 'x', { qos: 1 }, () => {})
    clients.push(client)
  }
  let ended = 0
  for (const client of clients) client.end(true, () => {
    ended += 1
    if (ended === clients.length) console.log(ended)
  })
`

test('20,000 clients in one process that may have 16 GB of addresses', () => {
  const command = `ulimit -v 16000000 && exec "${process.execPath}" -e "$PROGRAM"`
  const said = execFileSync('bash', ['-c', command], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    env: { ...process.env, PROGRAM },
  })
  assert.equal(said, '20000\n')
})

test('a module that fails ends its client with an error, and another one begins anew', async (t) => {
  const server = await serve(t)
  const made = client(t, server.url)
  const other = client(t, server.url)
  await Promise.all([next(made, 'connect'), next(other, 'connect')])
  const published = called((done) => made.publish('a', 'x', { qos: 1 }, done))
  const failed = next(made, 'error')
  const { instance } = made.parts.driver.core
  instance.exports = {
    ...instance.exports,
    ek_drain: () => {
      throw new WebAssembly.RuntimeError('unreachable')
    },
  }
  assert.equal((await failed).code, 'CORE_FAILED')
  assert.equal((await published)[0].code, 'CORE_FAILED')
  assert.equal(made.connected, false)
  await other.publishAsync('a', 'x', { qos: 1 })
  made.reconnect()
  await next(made, 'connect')
  await made.publishAsync('a', 'x', { qos: 1 })
})
