// Every way to a server, and every proxy on the way.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { connect as connectTcp, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

import WebSocket from 'ws'

import { certificate } from './certificate.mjs'
import { called, client, mqtt, next, serve, until, write } from './harness.mjs'
import { serveWebSocket } from './websocket.mjs'

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-'))
after(() => rmSync(folder, { recursive: true }))

const tls = certificate(folder)

/** Publishes and receives, in both directions more than one piece of a socket. */
async function exchange(made, server) {
  const payload = Buffer.alloc(200_000, 'q')
  await made.publishAsync('a', payload, { qos: 2 })
  assert.ok(server.all('publish')[0].payload.equals(payload))
  const got = called((done) => made.once('message', done))
  server.last.send(write.publish({ topic: 'b', payload }))
  assert.ok((await got)[1].equals(payload))
}

test('TCP', async (t) => {
  const server = await serve(t)
  const made = client(t, server.url)
  await next(made, 'connect')
  assert.equal(made.stream.constructor.name, 'Socket')
  await exchange(made, server)
})

test('a unix socket', async (t) => {
  const path = join(folder, 'mqtt.sock')
  const server = await serve(t, {}, { path })
  const made = client(t, `mqtt+unix://${path}`)
  await next(made, 'connect')
  await exchange(made, server)
})

for (const scheme of ['ws', 'wss']) {
  test(`${scheme} over a unix socket, with the path of the request behind it`, async (t) => {
    const path = join(folder, `${scheme} socket`)
    const server = await serveWebSocket(t, {}, { tls: scheme === 'wss' && tls, path })
    const url = `${scheme}+unix://${encodeURI(path)}:/mqtt?x=1`
    const made = client(t, url, { rejectUnauthorized: false })
    await next(made, 'connect')
    assert.deepEqual([made.options.protocol, made.options.unixSocket], [scheme, true])
    assert.equal(server.request.url, '/mqtt?x=1')
    assert.equal(server.protocol, 'mqtt')
    await exchange(made, server)
  })
}

test('ws over a unix socket by options, with a URL that is signed', async (t) => {
  const path = join(folder, 'signed')
  const server = await serveWebSocket(t, {}, { path })
  const made = client(t, { protocol: 'ws+unix', path, transformWsUrl: async (url) => `${url}mqtt?signature=1` })
  await next(made, 'connect')
  assert.equal(server.request.url, '/mqtt?signature=1')
})

test('mqtts over a unix socket is TLS', async (t) => {
  const path = join(folder, 'secure')
  const server = await serve(t, {}, { tls, path })
  const made = client(t, `mqtts+unix://${path}`, { ca: tls.cert, servername: 'localhost' })
  await next(made, 'connect')
  assert.equal(made.stream.encrypted, true)
  await exchange(made, server)
})

test('a unix socket that is not there is an error with its code', async (t) => {
  for (const scheme of ['mqtt', 'ws']) {
    const made = client(t, `${scheme}+unix://${join(folder, 'nobody')}`)
    assert.equal((await next(made, 'error')).code, 'ENOENT')
  }
})

test('ALPN asks for what was given', async (t) => {
  const server = await serve(t, {}, { tls: { ...tls, ALPNProtocols: ['mqtt'] } })
  const made = client(t, `mqtts://127.0.0.1:${server.port}`, { rejectUnauthorized: false, ALPNProtocols: ['mqtt'] })
  await next(made, 'connect')
  assert.equal(made.stream.alpnProtocol, 'mqtt')
})

test('TLS with a certificate authority', async (t) => {
  const server = await serve(t, {}, { tls })
  const made = client(t, `mqtts://localhost:${server.port}`, { ca: tls.cert, host: '127.0.0.1' })
  await next(made, 'connect')
  assert.equal(made.stream.authorized, true)
  await exchange(made, server)
})

test('TLS that nobody has signed is refused, and the attempts go on', async (t) => {
  const server = await serve(t, {}, { tls })
  const made = client(t, `mqtts://127.0.0.1:${server.port}`)
  assert.equal((await next(made, 'error')).code, 'DEPTH_ZERO_SELF_SIGNED_CERT')
  await next(made, 'error')
  assert.equal(server.all('connect').length, 0)
})

test('TLS without checks when asked for', async (t) => {
  const server = await serve(t, {}, { tls })
  const made = client(t, `mqtts://127.0.0.1:${server.port}`, { rejectUnauthorized: false })
  await next(made, 'connect')
})

test('SNI is the host, or the name that was given', async (t) => {
  const names = []
  const server = await serve(t, {}, { tls: { ...tls, SNICallback: (name, done) => {
    names.push(name)
    done(null)
  } } })
  await next(client(t, `mqtts://localhost:${server.port}`, { ca: tls.cert }), 'connect')
  await next(client(t, `mqtts://127.0.0.1:${server.port}`, { servername: 'other', rejectUnauthorized: false }), 'connect')
  assert.deepEqual(names, ['localhost', 'other'])
})

test('a client certificate is shown', async (t) => {
  const server = await serve(t, {}, { tls: { ...tls, ca: tls.cert, requestCert: true } })
  const made = client(t, `mqtt://localhost:${server.port}`, { ca: tls.cert, cert: tls.cert, key: tls.key })
  await next(made, 'connect')
  assert.equal(made.options.protocol, 'mqtts')
})

for (const [what, createWebsocket] of [
  ['nothing', () => undefined],
  ['nothing later', async () => undefined],
  ['a number', () => 5],
  ['an object that cannot send', async () => ({})],
]) {
  test(`createWebsocket that gives ${what} is an error, and is asked again`, async (t) => {
    const server = await serveWebSocket(t)
    let asked = 0
    const make = (url, protocols) => ((asked += 1) === 1 ? createWebsocket() : new WebSocket(url, protocols))
    const made = client(t, `ws://127.0.0.1:${server.port}`, { createWebsocket: make })
    assert.equal((await next(made, 'error')).message, 'createWebsocket gave no WebSocket')
    await next(made, 'connect')
  })
}

for (const scheme of ['ws', 'wss']) {
  test(`${scheme}, with path and sub-protocol`, async (t) => {
    const server = await serveWebSocket(t, {}, { tls: scheme === 'wss' && tls })
    const made = client(t, `${scheme}://127.0.0.1:${server.port}/mqtt?x=1`, { rejectUnauthorized: false })
    await next(made, 'connect')
    assert.equal(server.request.url, '/mqtt?x=1')
    assert.equal(server.protocol, 'mqtt')
    assert.equal(made.stream.url, `${scheme}://127.0.0.1:${server.port}/mqtt?x=1`)
    assert.ok(made.stream.socket)
    await exchange(made, server)
  })
}

test('wsOptions reach the WebSocket', async (t) => {
  const server = await serveWebSocket(t)
  const made = client(t, `ws://127.0.0.1:${server.port}`, { wsOptions: { headers: { 'x-token': 'abc' } } })
  await next(made, 'connect')
  assert.equal(server.request.headers['x-token'], 'abc')
})

test('transformWsUrl is asked before every attempt', async (t) => {
  const server = await serveWebSocket(t)
  let asked = 0
  const made = client(t, `ws://127.0.0.1:${server.port}/`, {
    transformWsUrl: (url, options, self) => {
      assert.equal(options, self.options)
      asked += 1
      return `${url}?signature=${asked}`
    },
  })
  await next(made, 'connect')
  server.last.drop()
  await next(made, 'connect')
  assert.equal(server.request.url, '/?signature=2')
})

test('transformWsUrl may take its time', async (t) => {
  const server = await serveWebSocket(t)
  const made = client(t, `ws://127.0.0.1:${server.port}/`, {
    transformWsUrl: async (url) => {
      await new Promise((resolve) => setTimeout(resolve, 10)) // as a request would
      return `${url}?signature=late`
    },
  })
  await next(made, 'connect')
  assert.equal(server.request.url, '/?signature=late')
})

test('a transformWsUrl that fails is an error, and the next attempt asks again', async (t) => {
  const server = await serveWebSocket(t)
  let asked = 0
  const made = client(t, `ws://127.0.0.1:${server.port}/`, {
    transformWsUrl: async (url) => {
      asked += 1
      if (asked === 1) throw new Error('no signature')
      return url
    },
  })
  assert.equal((await next(made, 'error')).message, 'no signature')
  await next(made, 'connect')
})

for (const url of ['nonsense?signature=s3cret', undefined]) {
  test(`a transformWsUrl that gives ${url === undefined ? 'nothing' : 'no URL'} is an error without its text`, async (t) => {
    const server = await serveWebSocket(t)
    const lines = []
    const made = client(t, `ws://127.0.0.1:${server.port}/`, {
      transformWsUrl: async () => url,
      log: (...args) => lines.push(args.join(' ')),
    })
    const error = await next(made, 'error')
    assert.equal(error.message, 'transformWsUrl gave no valid URL')
    assert.ok(!lines.join().includes('s3cret'))
    assert.equal((await next(made, 'error')).message, error.message)
  })
}

test('packets may share a frame, and a packet may lie in several', async (t) => {
  const server = await serveWebSocket(t, {
    connect: (_, peer) => peer.send(write.connack(), write.publish({ topic: 'a', payload: '1' })),
  })
  const made = client(t, `ws://127.0.0.1:${server.port}/`)
  const got = []
  made.on('message', (_, payload) => got.push(payload.toString()))
  await next(made, 'connect')
  for (const byte of write.publish({ topic: 'a', payload: '2' })) server.last.socket.write(Buffer.from([byte]))
  await until(() => got.length === 2, 'both')
  assert.deepEqual(got, ['1', '2'])
})

test('createWebsocket makes the socket', async (t) => {
  const server = await serveWebSocket(t)
  const { default: WebSocket } = await import('ws')
  const made = client(t, `ws://127.0.0.1:${server.port}/`, {
    createWebsocket: (url, protocols, options) => {
      assert.equal(options.protocol, 'ws')
      return new WebSocket(`${url}made`, protocols)
    },
  })
  await next(made, 'connect')
  assert.equal(server.request.url, '/made')
  await exchange(made, server)
})

test('a server that refuses the upgrade is an error, and the attempts go on', async (t) => {
  const http = createHttpServer().listen(0, '127.0.0.1')
  let refused = 0
  http.on('upgrade', (_, socket) => {
    socket.on('error', () => {})
    refused += 1
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
  })
  await once(http, 'listening')
  t.after(() => http.close())
  const made = client(t, `ws://127.0.0.1:${http.address().port}/`)
  assert.equal((await next(made, 'error')).message, 'Unexpected server response: 403')
  await until(() => refused >= 2, 'another attempt')
})

test("a WebSocket that the server closes is a 'close'", async (t) => {
  const server = await serveWebSocket(t)
  const made = client(t, `ws://127.0.0.1:${server.port}/`)
  await next(made, 'connect')
  const closed = next(made, 'close')
  server.last.socket.end()
  await closed
  await next(made, 'connect')
})

test('end closes the WebSocket', async (t) => {
  const server = await serveWebSocket(t)
  const made = client(t, `ws://127.0.0.1:${server.port}/`)
  await next(made, 'connect')
  await made.endAsync()
  await until(() => server.last.closed, 'the close')
})

/** A proxy that speaks as it is told, and then passes everything on. */
async function proxy(t, greet) {
  const seen = []
  const listener = createServer(async (socket) => {
    socket.on('error', () => {})
    let held = Buffer.alloc(0)
    const waiting = []
    socket.on('data', (chunk) => {
      held = Buffer.concat([held, chunk])
      waiting.shift()?.()
    })
    const take = async (length) => {
      while (held.length < length) await new Promise((resolve) => waiting.push(resolve))
      const taken = held.subarray(0, length)
      held = held.subarray(length)
      return taken
    }
    const target = await greet({ take, socket, seen, held: () => held, clear: () => (held = Buffer.alloc(0)) })
    if (target === undefined) return
    const inner = connectTcp(target, '127.0.0.1')
    inner.on('error', () => {})
    socket.removeAllListeners('data')
    if (held.length > 0) inner.write(held)
    socket.pipe(inner).pipe(socket)
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.after(() => listener.close())
  return { port: listener.address().port, seen }
}

async function greetSocks5({ take, socket, seen }) {
  const [, count] = await take(2)
  const methods = await take(count)
  const withName = methods.includes(2)
  socket.write(Buffer.from([5, withName ? 2 : 0]))
  if (withName) {
    const [, length] = await take(2)
    const name = (await take(length)).toString()
    const password = (await take((await take(1))[0])).toString()
    seen.push([name, password])
    socket.write(Buffer.from([1, password === 'right' ? 0 : 1]))
    if (password !== 'right') return undefined
  }
  const [, , , kind] = await take(4)
  const host = kind === 1 ? [...(await take(4))].join('.') : (await take((await take(1))[0])).toString()
  const port = (await take(2)).readUInt16BE()
  seen.push([host, port])
  // The server of MQTT waits for CONNECT: nothing follows before it.
  socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
  return port
}

async function greetSocks4({ take, socket, seen }) {
  const head = await take(8)
  const text = async () => {
    const bytes = []
    for (let [byte] = await take(1); byte !== 0; [byte] = await take(1)) bytes.push(byte)
    return Buffer.from(bytes).toString()
  }
  const user = await text()
  const address = [...head.subarray(4)].join('.')
  seen.push([user, address === '0.0.0.1' ? await text() : address])
  socket.write(Buffer.from([0, 90, 0, 0, 0, 0, 0, 0]))
  return head.readUInt16BE(2)
}

test('SOCKS 5 with the name looked up by the proxy', async (t) => {
  const server = await serve(t)
  const { port, seen } = await proxy(t, greetSocks5)
  const made = client(t, `mqtt://localhost:${server.port}`, { socksProxy: `socks5h://u:right@127.0.0.1:${port}` })
  await next(made, 'connect')
  assert.deepEqual(seen, [['u', 'right'], ['localhost', server.port]])
  await exchange(made, server)
})

test('SOCKS 5 with an address', async (t) => {
  const server = await serve(t)
  const { port, seen } = await proxy(t, greetSocks5)
  const made = client(t, server.url, { socksProxy: `socks5://127.0.0.1:${port}` })
  await next(made, 'connect')
  assert.deepEqual(seen, [['127.0.0.1', server.port]])
})

test('a SOCKS proxy that refuses the password is an error', async (t) => {
  const server = await serve(t)
  const { port } = await proxy(t, greetSocks5)
  const made = client(t, server.url, { socksProxy: `socks5://u:wrong@127.0.0.1:${port}` })
  assert.match((await next(made, 'error')).message, /refused user name or password/)
})

test('a SOCKS proxy that is silent for socksTimeout is an error', async (t) => {
  const server = await serve(t)
  const { port } = await proxy(t, async () => undefined)
  const made = client(t, server.url, { socksProxy: `socks5://127.0.0.1:${port}`, socksTimeout: 50 })
  assert.match((await next(made, 'error')).message, /takes too long/)
})

test('SOCKS 4 and 4a', async (t) => {
  const server = await serve(t)
  const { port, seen } = await proxy(t, greetSocks4)
  await next(client(t, server.url, { socksProxy: `socks4://me@127.0.0.1:${port}` }), 'connect')
  await next(client(t, `mqtt://localhost:${server.port}`, { socksProxy: `socks4a://127.0.0.1:${port}` }), 'connect')
  assert.deepEqual(seen, [['me', '127.0.0.1'], ['', 'localhost']])
})

test('an unknown SOCKS protocol is an error', async (t) => {
  const made = client(t, 'mqtt://127.0.0.1:1', { socksProxy: 'socks9://127.0.0.1:1' })
  assert.match((await next(made, 'error')).message, /Unknown SOCKS protocol/)
})

async function greetHttp({ socket, seen, held, clear }) {
  await until(() => held().includes('\r\n\r\n'), 'the request')
  const request = held().toString()
  clear()
  seen.push(request)
  if (!request.includes('Basic dTpyaWdodA==')) {
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    return undefined
  }
  socket.write('HTTP/1.1 200 OK\r\n\r\n')
  return Number(/^CONNECT [^:]+:(\d+)/.exec(request)[1])
}

test('an HTTP proxy is asked for a tunnel', async (t) => {
  const { port, seen } = await proxy(t, greetHttp)
  const server = await serve(t)
  const made = client(t, server.url, { httpProxy: `http://u:right@127.0.0.1:${port}` })
  await next(made, 'connect')
  assert.ok(seen[0].startsWith(`CONNECT 127.0.0.1:${server.port} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n`))
  await exchange(made, server)
})

for (const scheme of ['mqtts', 'ws', 'wss']) {
  test(`${scheme} behind an HTTP proxy`, async (t) => {
    const { port } = await proxy(t, greetHttp)
    const server =
      scheme === 'mqtts' ? await serve(t, {}, { tls }) : await serveWebSocket(t, {}, { tls: scheme === 'wss' && tls })
    const made = client(t, `${scheme}://localhost:${server.port}/`, {
      httpProxy: `http://u:right@127.0.0.1:${port}`,
      ca: tls.cert,
    })
    await next(made, 'connect')
    await exchange(made, server)
  })
}

test('an HTTP proxy that refuses is an error', async (t) => {
  const { port } = await proxy(t, greetHttp)
  const made = client(t, 'mqtt://127.0.0.1:1', { httpProxy: `http://u:wrong@127.0.0.1:${port}` })
  assert.equal((await next(made, 'error')).message, 'The HTTP proxy refused the connection (status 407)')
  assert.ok(made instanceof mqtt.MqttClient)
})
