// Packages from npm that use MQTT.js, with this package in its place by npm's overrides.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { serve, until, write } from './harness.mjs'
import { home, install, pack } from './npm.mjs'

const DEPENDANTS = { 'async-mqtt': '2.6.3', 'mqtt-level-store': '3.1.0', 'sparkplug-client': '3.2.4' }

const echo = ({ topic, payload, qos, id }, peer) => {
  if (qos === 1) peer.send(write.puback(id))
  if (qos === 2) peer.send(write.pubrec(id))
  peer.send(write.publish({ topic, payload, qos, id }))
}

describe('with this package in place of mqtt', { concurrency: true }, () => {
  let folder
  let absent
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'evenkeel-dependants-'))
    const { file } = pack(folder)
    absent = install(folder, { dependencies: { mqtt: `file:${file}`, ...DEPENDANTS }, overrides: { mqtt: '$mqtt' } })
  })
  after(() => rmSync(folder, { recursive: true }))

  /** What a program of `dependants` prints. */
  function run(name, ...args) {
    copyFileSync(join(home, 'test/dependants', name), join(folder, name))
    return new Promise((resolve) => {
      execFile(process.execPath, [name, ...args], { cwd: folder, timeout: 60_000 }, (_, out, err) => resolve({ out, err }))
    })
  }

  test('all of them get this package', (t) => {
    if (absent) return t.skip(absent)
    for (const name of Object.keys(DEPENDANTS)) {
      const { resolve } = createRequire(join(folder, 'node_modules', name, 'index.js'))
      assert.equal(JSON.parse(readFileSync(resolve('mqtt/package.json'))).name, 'evenkeel', name)
    }
  })

  test('async-mqtt', async (t) => {
    if (absent) return t.skip(absent)
    const server = await serve(t, { publish: echo })
    const { out, err } = await run('async-mqtt.cjs', server.url)
    assert.equal(out, 'passed\n', err)
    assert.equal(server.all('connect').length, 3)
  })

  test('mqtt-level-store gives what a crash left behind', async (t) => {
    if (absent) return t.skip(absent)
    const server = await serve(t, {
      publish: (_, peer) => {
        if (peer.all('publish').length === 2) peer.send(write.publish({ topic: 'crash' }))
      },
    })
    const sent = await run('level-store.cjs', server.url, 'send')
    assert.equal(sent.err, '')
    await until(() => server.last.closed, 'the crash')
    const first = server.all('publish').map(({ topic, dup }) => [topic, dup])
    assert.deepEqual(first, [['a/1', false], ['a/2', false]])
    server.script.publish = ({ qos, id }, peer) => peer.send(qos === 1 ? write.puback(id) : write.pubrec(id))
    const { out, err } = await run('level-store.cjs', server.url, 'resume')
    assert.equal(out, 'passed\n', err)
    const again = server.last.all('publish').map(({ topic, payload }) => [topic, payload.toString('hex')])
    assert.deepEqual(again, [['a/1', '01ff'], ['a/2', '02ff'], ['a/new', '78']])
  })

  test('sparkplug-client, an edge node that is born again with each connection', async (t) => {
    if (absent) return t.skip(absent)
    const server = await serve(t, {
      publish: ({ topic, payload }, peer) => {
        const kind = topic.split('/')[2]
        if (kind === 'NBIRTH') peer.send(write.publish({ topic: 'spBv1.0/plant/NCMD/edge', payload }))
        if (kind === 'NDATA' && server.peers.length === 1) peer.drop()
      },
    })
    const { out, err } = await run('sparkplug.cjs', server.url)
    assert.equal(out, 'connect birth offline close reconnect connect birth close\n', err)
    const kinds = server.peers.map((peer) => peer.all('publish').map(({ topic }) => topic.split('/')[2]))
    assert.deepEqual(kinds, [['NBIRTH', 'NDATA'], ['NBIRTH', 'NDATA', 'NDEATH']])
    assert.equal(server.all('connect')[0].will.topic, 'spBv1.0/plant/NDEATH/edge')
    assert.equal(server.all('connect')[0].keepalive, 5)
  })
})
