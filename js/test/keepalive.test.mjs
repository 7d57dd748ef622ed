// Pings, and what a lost answer costs. These run in real time, as the timers of
// Node are part of what is tested; the keep-alive is as short as MQTT allows.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'

import { client, IN_BROWSERS, mqtt, next, online, props, serve, until, write } from './harness.mjs'

/** Time itself is what is tested. */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

describe('side by side, as they wait', { concurrency: true }, () => {
  test('one PINGRESP lost costs at most one reconnect, ever', async (t) => {
    let lost = false
    const { server, client: made } = await online(t, {
      pingreq: (_, peer) => {
        if (lost) peer.send(write.pingresp())
        lost = true
      },
    }, { keepalive: 1 })
    await sleep(6_500)
    assert.ok(server.peers.length <= 2, `${server.peers.length} connections`)
    assert.equal(made.connected, true)
    assert.ok(server.all('pingreq').length >= 5)
  })

  test('a client that only receives pings all the same', async (t) => {
    const { peer, server } = await online(t, {}, { keepalive: 1 })
    const feed = setInterval(() => peer.send(write.publish({ topic: 'a' })), 50)
    t.after(() => clearInterval(feed))
    await server.count('pingreq', 2)
  })

  test('a client is never silent for longer than the keep-alive', async (t) => {
    const { server } = await online(t, {}, { keepalive: 1 })
    await server.count('pingreq', 4)
    const times = server.packets.map(({ at }) => at)
    for (let index = 1; index < times.length; index++) {
      const gap = times[index] - times[index - 1]
      // The keep-alive and what a busy machine may add, far below the server's 1.5.
      assert.ok(gap < 1_300, `${gap} ms of silence`)
    }
  })

  test('a server that answers no ping is left, with an error that says so', async (t) => {
    const { client: made, server } = await online(t, {
      pingreq: (_, peer) => {
        if (peer.server.peers.length > 1) peer.send(write.pingresp())
      },
    }, { keepalive: 1 })
    const error = await next(made, 'error')
    assert.equal(error.message, 'Keepalive timeout')
    await next(made, 'connect')
    assert.equal(server.peers.length, 2)
  })

  test('keepalive 0 never pings', async (t) => {
    const { server, client: made } = await online(t, {}, { keepalive: 0 })
    assert.equal(made.keepaliveManager, null)
    await sleep(1_200)
    assert.equal(server.all('pingreq').length, 0)
  })

  test('Server Keep Alive counts instead of the client\'s, for this connection', async (t) => {
    const { server, client: made } = await online(t, {
      connect: (_, peer) => peer.send(write.connack({ v5: true, properties: [props.u16(19, 1)] })),
    }, { protocolVersion: 5, keepalive: 600 })
    await server.count('pingreq', 2)
    server.last.drop()
    await next(made, 'connect')
    assert.equal(server.all('connect').at(-1).keepalive, 600)
  })

  test('Server Keep Alive 0 ends the pings', async (t) => {
    const { server } = await online(t, {
      connect: (_, peer) => peer.send(write.connack({ v5: true, properties: [props.u16(19, 0)] })),
    }, { protocolVersion: 5, keepalive: 1 })
    await sleep(1_200)
    assert.equal(server.all('pingreq').length, 0)
  })

  test('PINGRESP counts while a handler holds up the messages', async (t) => {
    const { server, client: made, peer } = await online(t, {}, { keepalive: 1 })
    made.handleMessage = () => {}
    peer.send(write.publish({ topic: 'a', qos: 1, id: 1 }))
    await sleep(3_000)
    assert.equal(server.peers.length, 1)
    assert.equal(made.connected, true)
  })

  test('a message that dribbles in for longer than the keep-alive ends no connection', async (t) => {
    // A server that is in the middle of a packet cannot answer.
    const { server, client: made, peer } = await online(t, { pingreq: () => {} }, { keepalive: 1 })
    const bytes = write.publish({ topic: 'a', payload: Buffer.alloc(60) })
    const got = next(made, 'message')
    for (const byte of bytes) {
      peer.socket.write(Buffer.from([byte]))
      await sleep(50)
    }
    await got
    assert.equal(server.peers.length, 1)
  })

  test('sendPing asks for at most one answer at a time', async (t) => {
    const { server, client: made } = await online(t, { pingreq: () => {} })
    for (let index = 0; index < 10; index++) made.sendPing()
    await server.count('pingreq', 1)
    await made.publishAsync('a', 'x', { qos: 1 })
    assert.equal(server.all('pingreq').length, 1)
  })

  test('keepaliveManager shows the keep-alive, and is gone with the connection', async (t) => {
    const { client: made, server } = await online(t, {}, { keepalive: 30 })
    const manager = made.keepaliveManager
    assert.ok(manager instanceof mqtt.KeepaliveManager)
    assert.deepEqual([manager.keepalive, manager.intervalEvery], [30_000, 15_000])
    assert.ok(manager.keepaliveTimeoutTimestamp > Date.now())
    server.last.drop()
    await next(made, 'close')
    assert.equal(made.keepaliveManager, null)
  })

  test('a keepaliveManager of one\'s own pings, and gives up', async () => {
    const told = []
    const manager = new mqtt.KeepaliveManager({
      sendPing: () => told.push('ping'),
      onKeepaliveTimeout: () => told.push('timeout'),
    }, 'native')
    for (const bad of [0, -1, Number.NaN, 3_000_000]) {
      assert.throws(() => manager.setKeepalive(bad), /Keepalive value must be an integer between/)
    }
    manager.setKeepalive(0.02)
    await until(() => told.length === 2, 'both')
    manager.destroy()
    assert.deepEqual(told, ['ping', 'timeout'])
  })

  test('a timer of the user\'s is used', async (t) => {
    let set = 0
    const server = await serve(t)
    const made = client(t, server.url, {
      keepalive: 1,
      timerVariant: {
        set: (fn, ms) => {
          set += 1
          return setInterval(fn, ms)
        },
        clear: (id) => clearInterval(id),
      },
    })
    await next(made, 'connect')
    await server.count('pingreq', 2)
    assert.ok(set > 0)
  })
})

test('a stall of the event loop ends no healthy connection', async (t) => {
  const { server, client: made } = await online(t, {}, { keepalive: 1 })
  await server.count('pingreq', 1)
  const end = performance.now() + 1_400
  while (performance.now() < end); // nothing else may run
  await sleep(1_000)
  assert.equal(server.peers.length, 1)
  assert.equal(made.connected, true)
})

for (const apis of [['setTimeout'], ['setTimeout', 'setInterval', 'setImmediate', 'Date']]) {
  test(`a fake clock of ${apis.join(', ')} drives the pings`, { skip: IN_BROWSERS && apis.length > 1 && 'there is no setImmediate' }, async (t) => {
    const server = await serve(t)
    const turn = promisify(setImmediate)
    t.mock.timers.enable({ apis })
    const made = client(t, server.url, { keepalive: 60 })
    await new Promise((resolve) => made.once('connect', resolve))
    for (let ticks = 0; server.all('pingreq').length < 3 && ticks < 50; ticks++) {
      t.mock.timers.tick(20_000)
      // What the fake clock has begun goes to the server and back.
      for (let turns = 0; turns < 20; turns++) await turn()
    }
    assert.equal(server.all('pingreq').length, 3)
    assert.equal(made.connected, true)
    assert.equal(server.peers.length, 1)
  })
}
