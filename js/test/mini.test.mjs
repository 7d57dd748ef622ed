// The bundle for mini programs, in a context that has no more than they have, with hosts that
// do what WeChat's and Alipay's documentation says.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'

import evenkeel from 'evenkeel'

import { broker, noBroker } from './broker.mjs'
import { next, until, VERSIONS, write } from './harness.mjs'
import { Alipay, load, OldAlipay, program, WeChat } from './mini/host.mjs'
import { serveWebSocket } from './websocket.mjs'

const globalsOf = ({ wx, my }) => (wx ? { wx } : { my })

/** A client that ends with its test. */
function clientOf(t, host, url, options = {}, mqtt = load(globalsOf(host))) {
  const made = mqtt.connect(url, { reconnectPeriod: 20, ...options })
  t.after(() => made.end(true))
  return made
}

const HOSTS = [
  ['WeChat', WeChat, 'wx'],
  ['Alipay', Alipay, 'ali'],
  ['Alipay without SocketTask', OldAlipay, 'ali'],
]

for (const [name, Made, scheme] of HOSTS) {
  describe(name, () => {
    for (const protocolVersion of VERSIONS) {
      test(`every QoS there and back, and after a reconnect (version ${protocolVersion})`, { skip: noBroker }, async (t) => {
        const { ws } = await broker(t)
        const host = new Made(t)
        const client = clientOf(t, host, ws.replace('ws:', `${scheme}:`), { protocolVersion })
        await next(client, 'connect')
        const got = []
        client.on('message', (topic, payload, { qos }) => got.push([topic, payload.toString(), qos]))
        await client.subscribeAsync('a/+', { qos: 2 })
        for (const qos of [0, 1, 2]) await client.publishAsync(`a/${qos}`, `level ${qos} ü`, { qos })
        await until(() => got.length === 3, 'all messages')
        assert.deepEqual(got, [['a/0', 'level 0 ü', 0], ['a/1', 'level 1 ü', 1], ['a/2', 'level 2 ü', 2]])

        const again = next(client, 'connect')
        for (const { socket } of host.tasks) socket.terminate()
        await again
        await client.publishAsync('a/again', 'x', { qos: 1 })
        await until(() => got.length === 4, 'the message after it')
        await client.endAsync()
        await until(() => host.tasks.size === 0, 'the end')
      })
    }

    test('payloads of all bytes and of a mebibyte come as they were', async (t) => {
      const server = await serveWebSocket(t)
      const host = new Made(t)
      const { mqtt, Uint8Array } = program(globalsOf(host))
      const client = clientOf(t, host, `${scheme}://127.0.0.1:${server.port}`, {}, mqtt)
      await next(client, 'connect')
      const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
      const large = Buffer.alloc(1 << 20, all)
      await client.publishAsync('all', new Uint8Array(all), { qos: 1 })
      await client.publishAsync('large', new Uint8Array(large), { qos: 1 })
      const [first, second] = server.all('publish')
      assert.ok(Buffer.from(first.payload).equals(all) && Buffer.from(second.payload).equals(large))
    })

    test('a text frame is an error', async (t) => {
      const server = await serveWebSocket(t)
      const client = clientOf(t, new Made(t), `${scheme}://127.0.0.1:${server.port}`)
      await next(client, 'connect')
      const error = next(client, 'error')
      server.socket.send('text')
      assert.equal((await error).code, 'PROTOCOL_ERROR')
    })
  })
}

describe('a mini program', () => {
  const online = async (t, { host = new WeChat(t), script = {}, ...options } = {}) => {
    const server = await serveWebSocket(t, script)
    const client = clientOf(t, host, `wx://127.0.0.1:${server.port}/mqtt`, options)
    await next(client, 'connect')
    return { host, server, client }
  }

  test('asks for the path, the sub-protocol and the headers', async (t) => {
    const { server, host } = await online(t, { wsOptions: { headers: { 'x-site': '7' } } })
    assert.deepEqual(server.requests, [{ url: '/mqtt', protocols: 'mqtt' }])
    assert.equal(server.request.headers['x-site'], '7')
    assert.equal(host.asked.length, 1)
  })

  test('leaves out the usual port, which the list of servers has not', async (t) => {
    const urls = {
      'wxs://h/mqtt': 'wss://h/mqtt',
      'wxs://h:443/mqtt?a=b': 'wss://h/mqtt?a=b',
      'wxs://h:8084': 'wss://h:8084/',
      'wx://h:80': 'ws://h/',
      'wx://h:443': 'ws://h:443/',
      'wss://h/mqtt': 'wss://h/mqtt',
      'mqtt://[::1]:9001': 'ws://[::1]:9001/',
      'mqtts://h': 'wss://h/',
    }
    for (const [url, expected] of Object.entries(urls)) {
      const host = new WeChat(t, { domains: [] })
      const client = clientOf(t, host, url)
      await next(client, 'error')
      assert.equal(host.asked[0].url, expected)
      client.end(true)
    }
  })

  test('URLs are read as elsewhere', () => {
    const { connect } = load({ wx: { connectSocket() {} } })
    // The hint is the platform's own.
    const said = ({ message }) => message.replace(/: use .*/, '')
    const read = (how, url) => {
      try {
        const { options } = how(url, { manualConnect: true }).end(true)
        const { host, port, path, username, password, protocol, query } = options
        return { host, port, path, username, password, secure: /s$/.test(protocol.replace('ws', '')), query: { ...query } }
      } catch (error) {
        return said(error)
      }
    }
    const urls = [
      'ws://h', 'ws://H:8080/a/b?c=d&e', 'wss://user:p%40ss:word@h/x', 'ws://user@h', 'ws://[fe80::1]:1/', 'wss://h/?clientId=abc',
      'ws://h/a b/\u00fc?q=\u00fc', 'ws://h#part', 'h:1883', 'host', '', 'ws://h:99999', 'ws://h:port', 'ws://a b', 'ws://u%zz@h', 'ws://h/?a=%zz+b',
    ]
    for (const url of urls) assert.deepEqual(read(connect, url), read(evenkeel.connect, url), url)
  })

  test('is where package.json says, also by the paths of programs for MQTT.js', () => {
    const require = createRequire(import.meta.url)
    const { miniprogram } = require('../package.json')
    const mqtt = require('evenkeel/dist/mini')
    // WeChat puts this folder in the place of the package.
    for (const path of ['index.js', 'dist/mqtt.js', 'dist/mqtt.min.js', 'dist/mqtt.esm.js']) {
      assert.equal(require(`../${miniprogram}/${path}`), mqtt, path)
    }
  })

  test('has the names of the package, and MQTT.js\'s errors', (t) => {
    const mqtt = load({ wx: new WeChat(t).wx })
    assert.deepEqual(Object.keys(mqtt).sort(), Object.keys(evenkeel).sort())
    assert.equal(mqtt.default.connect, mqtt.connect)
    assert.throws(() => mqtt.connect('h'), /^Error: Missing protocol/)
    assert.throws(() => mqtt.connect('ftp://h'), /Unknown protocol "ftp": use wxs in WeChat, alis in Alipay/)
    assert.throws(() => new mqtt.DurableSession('x'), { code: 'NOT_SUPPORTED' })
    assert.throws(() => evenkeel.connect('alis://h'), /in mini programs evenkeel\/dist\/mini/)
  })

  test('says which host a protocol is for', async (t) => {
    const error = await next(clientOf(t, new WeChat(t), 'alis://h'), 'error')
    assert.match(error.message, /no my\.connectSocket here; hint: .* Alipay/)
    assert.match((await next(clientOf(t, new Alipay(t), 'wxs://h'), 'error')).message, /no wx\.connectSocket here; hint: .* WeChat/)
    assert.match((await next(clientOf(t, new WeChat(t), { protocol: 'wxs' }), 'error')).message, /Could not determine host/)
  })

  test('takes `my` from the options, as MQTT.js does', async (t) => {
    const server = await serveWebSocket(t)
    const { my } = new Alipay(t)
    const client = load({}).connect(`ali://127.0.0.1:${server.port}/mqtt`, { my })
    t.after(() => client.end(true))
    await next(client, 'connect')
    assert.deepEqual(server.requests, [{ url: '/mqtt', protocols: 'mqtt' }])
  })

  test('gives the host one message at a time, and waits for it', async (t) => {
    const { host, server, client } = await online(t)
    host.holds = true
    host.sent.length = 0
    let called = 0
    const payload = 'x'.repeat(100_000)
    // The first three one by one, as there is room for them; then all at once.
    for (let number = 0; number < 30; number++) {
      client.publish(`a/${number}`, payload, () => (called += 1))
      if (number < 3) await until(() => called > number, 'room')
    }
    await until(() => host.held.length > 0, 'the first message')
    // Nothing tells that no more comes: what could has had a hundred turns for it.
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setTimeout(resolve, 1))
    assert.equal(host.sent.length, 1)
    assert.ok(called < 15, `${called} are called sent`)
    host.release()
    await server.count('publish', 30)
    assert.deepEqual(server.all('publish').map(({ topic }) => topic), Array.from({ length: 30 }, (_, number) => `a/${number}`))
    await until(() => called === 30, 'the callbacks')
    assert.equal(server.peers.length, 1)
  })

  test('a message that the host does not send costs one reconnect, and is sent then', async (t) => {
    const { host, server, client } = await online(t)
    host.failsSends = 1
    const error = next(client, 'error')
    await client.publishAsync('a', 'x', { qos: 1 })
    assert.match((await error).message, /^sendSocketMessage:fail$/)
    assert.equal(server.peers.length, 2)
    assert.equal(server.all('publish').length, 1)
  })

  test('a server that is not in the list is named without its signature', async (t) => {
    const host = new WeChat(t, { domains: ['other'] })
    const error = await next(clientOf(t, host, 'wxs://h/mqtt', { transformWsUrl: (url) => `${url}?signature=secret` }), 'error')
    assert.match(error.message, /url not in domain list: the URL; hint: add the server/)
    assert.doesNotMatch(error.message, /secret/)
    await until(() => host.asked.length > 1, 'another attempt')
    assert.equal(host.asked[0].url, 'wss://h/mqtt?signature=secret')
  })

  test('a close in the middle loses nothing of QoS 1, and says its code', async (t) => {
    const publish = (packet, peer) => {
      if (peer.server.peers.length === 1) peer.server.socket.close(1012, 'restart')
      else peer.send(write.puback(packet.id))
    }
    const { server, client } = await online(t, { script: { publish } })
    const said = new Promise((resolve) => client.on('diagnosis', ({ kind, text }) => kind === 'websocket-closed' && resolve(text)))
    await client.publishAsync('a', 'x', { qos: 1 })
    assert.match(await said, /1012, service restart: "restart"/)
    assert.deepEqual(server.peers.map((peer) => peer.all('publish').length), [1, 1])
  })

  test('has one WebSocket at a time, however often it connects', async (t) => {
    const host = new WeChat(t, { most: 1 })
    const { server, client } = await online(t, { host })
    for (let count = 2; count <= 8; count++) {
      const again = next(client, 'connect')
      server.last.drop()
      await again
      assert.equal(server.peers.length, count)
      assert.equal(host.tasks.size, 1)
    }
  })

  test('closes a WebSocket that opens after its attempt is over', async (t) => {
    // It takes connections, and the answer to the upgrade comes late.
    const sockets = []
    const slow = createServer((socket) => sockets.push(socket.on('error', () => {})))
    slow.listen(0, '127.0.0.1')
    await once(slow, 'listening')
    t.after(() => {
      slow.close()
      for (const socket of sockets) socket.destroy()
    })
    const host = new WeChat(t)
    const client = clientOf(t, host, `wx://127.0.0.1:${slow.address().port}`, { connectTimeout: 50 })
    await next(client, 'close')
    client.end(true)
    const [task] = host.tasks
    assert.equal(task.state, 'connecting')
    task.state = 'open'
    let closed = false
    task.socket.close = () => (closed = true)
    task.on.open()
    assert.ok(closed)
  })

  test('the limit of WebSockets is an error, and passes', async (t) => {
    const host = new WeChat(t, { most: 1 })
    const { client: first, server } = await online(t, { host })
    const second = clientOf(t, host, `wx://127.0.0.1:${server.port}/mqtt`)
    assert.match((await next(second, 'error')).message, /exceed max concurrent count/)
    const connects = next(second, 'connect')
    await first.endAsync()
    await connects
  })

  test('where there is one WebSocket, a second client says so', async (t) => {
    const server = await serveWebSocket(t)
    const host = new OldAlipay(t)
    const mqtt = load({ my: host.my })
    const make = () => {
      const client = mqtt.connect(`ali://127.0.0.1:${server.port}`, { reconnectPeriod: 20 })
      t.after(() => client.end(true))
      return client
    }
    const first = make()
    await next(first, 'connect')
    const second = make()
    assert.match((await next(second, 'error')).message, /one WebSocket at a time/)
    await first.publishAsync('a', 'x', { qos: 1 })
    const connects = next(second, 'connect')
    await first.endAsync()
    await connects
    assert.deepEqual(Object.values(host.all).map((list) => list.length), [1, 1, 1, 1])
  })

  for (const [event, ...args] of [['show'], ['network', { isConnected: true }]]) {
    test(`asks whether the connection is there when the host says "${event}"`, async (t) => {
      const { host, server, client } = await online(t)
      assert.equal(server.all('pingreq').length, 0)
      host.tell(event, ...args)
      await server.count('pingreq', 1)
      client.end(true)
      await until(() => Object.keys(host.listeners).length === 0, 'the end of listening')
    })
  }

  test('a network that is gone is no reason to ask', async (t) => {
    const { host, server, client } = await online(t)
    host.tell('network', { isConnected: false })
    await client.publishAsync('a', 'x', { qos: 1 })
    assert.equal(server.all('pingreq').length, 0)
  })

  test('its time does not go back with the wall clock', async (t) => {
    const { server, client } = await online(t, { keepalive: 60 })
    t.mock.method(Date, 'now', () => 0)
    await client.publishAsync('a', 'x', { qos: 1 })
    assert.equal(server.peers.length, 1)
  })
})
