// Programs as MQTT.js's README has them, run with MQTT.js 5.16 and with the import swapped:
// they print the same, and the server sees the same.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { props, serve, write } from './harness.mjs'
import { home } from './npm.mjs'
import { serveWebSocket } from './websocket.mjs'

/** Sends a message to whoever has subscribed to anything, once its sender has the answer. */
const ROUTE = {
  publish: ({ topic, payload, qos, id }, peer) => {
    if (qos === 1) peer.send(write.puback(id))
    if (qos === 2) peer.send(write.pubrec(id))
    for (const one of peer.server.peers) {
      if (one.closed || one.all('subscribe').length === 0) continue
      one.ids = (one.ids ?? 100) + 1
      const granted = one.all('subscribe')[0].filters[0].options & 3
      one.send(write.publish({ v5: one.v5, topic, payload, qos: granted, id: one.ids }))
    }
  },
}
const aliases = {
  ...ROUTE,
  connect: (_, peer) => peer.send(write.connack({ v5: true, properties: [props.u16(34, 3)] })),
}

/** Each with how it is served. */
const PROGRAMS = {
  'first.cjs': serve,
  'forms.mjs': serve,
  'promises.mjs': serve,
  'old.mjs': serve,
  'signed.mjs': serveWebSocket,
  'socket.mjs': serveWebSocket,
  'aliases.mjs': serve,
  'acks.mjs': serve,
  'stores.mjs': serve,
}

/** Runs a program with `mqtt` or with what takes its place. */
async function run(t, name, module) {
  const open = PROGRAMS[name]
  const server = await open(t, name === 'aliases.mjs' ? aliases : ROUTE)
  const source = readFileSync(join(home, 'test/programs', name), 'utf8').replaceAll("'mqtt'", `'${module}'`)
  const type = name.endsWith('.mjs') ? 'module' : 'commonjs'
  const scheme = open === serve ? 'mqtt' : 'ws'
  const args = [`--input-type=${type}`, '-e', source, `${scheme}://127.0.0.1:${server.port}`]
  const { error, out, err } = await new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: home, timeout: 20_000 }, (failed, out, err) => resolve({ error: failed, out, err }))
  })
  assert.equal(error, null, `${module}: ${err}`)
  return { out, wire: wireOf(server), requests: server.requests }
}

/** What the server has seen, less what differs from run to run, and the limits that CONNECT names. */
function wireOf(server) {
  return server.peers.map(({ packets }) => packets.map(({ type, topic, payload, qos, code, version, properties, filters, topics }) => ({
    ...{ type, topic, qos, code, version, filters, topics },
    payload: payload?.toString(),
    properties: type === 'connect' ? {} : { ...properties },
  })))
}

describe('programs of MQTT.js', { concurrency: 4 }, () => {
  for (const name of Object.keys(PROGRAMS)) {
    test(`${name} with the import swapped`, async (t) => {
      const theirs = await run(t, name, 'mqtt')
      const ours = await run(t, name, 'evenkeel')
      assert.notEqual(theirs.out, '')
      assert.equal(ours.out, theirs.out)
      assert.deepEqual(ours.wire, theirs.wire)
      assert.deepEqual(ours.requests, theirs.requests)
    })
  }
})
