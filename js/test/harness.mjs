// A server that does what a test says, clients that end with their test, and
// waiting without sleeping.
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { promisify } from 'node:util'

import mqtt from 'evenkeel'

import { Parser, props, write } from './packets.mjs'

/**
 * `node --conditions=browser` runs the tests with the bundle for browsers, over WebSocket
 * as a browser has it; `--conditions=react-native` with that for phones.
 */
export const IN_BROWSERS = process.execArgv.some((one) => /^--conditions=(browser|react-native)$/.test(one))
// By its file, as `ws` itself has nothing for browsers.
const ws = IN_BROWSERS ? (await import('../node_modules/ws/index.js')).default : undefined
if (IN_BROWSERS) globalThis.WebSocket = ws.WebSocket

export { mqtt, props, write }

/** A module that is made small knows no broker's profile. */
export const HAS_PROFILES = hasProfiles()

function hasProfiles() {
  try {
    mqtt.connect('ws://h', { manualConnect: true, profile: 'aws-iot-core' }).end(true)
    return true
  } catch {
    return false
  }
}

/** Whether these are the payloads of the build that is tested. */
export const isPayload = (payload) => (IN_BROWSERS ? payload.constructor.name === 'Buffer' && payload._isBuffer : Buffer.isBuffer(payload))

/** Longer than anything here takes; a test that waits so long has failed. Some bundles take long. */
const LIMIT_MS = IN_BROWSERS ? 60_000 : 10_000

/** Waits until `fits` is true of something, which it returns. */
export async function until(fits, what = 'something') {
  const end = Date.now() + LIMIT_MS
  for (;;) {
    const found = await fits()
    if (found) return found
    if (Date.now() > end) throw new Error(`waited too long for ${what}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** The first argument of the next event. */
export function next(emitter, event) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no '${event}' came`)), LIMIT_MS)
    emitter.once(event, (first) => {
      clearTimeout(timer)
      resolve(first)
    })
  })
}

/** One connection of a client, as the server sees it. */
export class Peer {
  constructor(socket, server) {
    this.socket = socket
    this.server = server
    this.packets = []
    this.taken = 0
    this.closed = false
    const parser = new Parser()
    socket.on('data', (chunk) => {
      for (const packet of parser.feed(chunk)) {
        packet.at = performance.now()
        this.v5 = parser.v5
        this.packets.push(packet)
        server.packets.push(packet)
        server.answer(packet, this)
      }
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
    })
  }

  send(...packets) {
    this.socket.write(Buffer.concat(packets))
  }

  /** The next packet of this type that was not waited for yet. */
  async take(type) {
    return until(() => {
      const index = this.packets.findIndex((packet, at) => at >= this.taken && packet.type === type)
      if (index < 0) return undefined
      this.taken = index + 1
      return this.packets[index]
    }, `${type} at the server`)
  }

  all(type) {
    return this.packets.filter((packet) => packet.type === type)
  }

  /** Closes without a word. */
  drop() {
    this.socket.destroy()
  }
}

/** What a server says when a test has no other wish. */
const USUAL = {
  connect: (_packet, peer) => peer.send(write.connack({ v5: peer.v5 })),
  publish: (packet, peer) => {
    if (packet.qos === 1) peer.send(write.puback(packet.id))
    if (packet.qos === 2) peer.send(write.pubrec(packet.id))
  },
  pubrel: (packet, peer) => peer.send(write.pubcomp(packet.id)),
  pubrec: (packet, peer) => peer.send(write.pubrel(packet.id)),
  subscribe: (packet, peer) => {
    const codes = packet.filters.map(({ options }) => options & 3)
    peer.send(write.suback(packet.id, codes, { v5: peer.v5 }))
  },
  unsubscribe: (packet, peer) => {
    peer.send(write.unsuback(packet.id, packet.topics.map(() => 0), { v5: peer.v5 }))
  },
  pingreq: (_packet, peer) => peer.send(write.pingresp()),
  disconnect: (_packet, peer) => peer.socket.end(),
}

export class Server {
  constructor(script, listener) {
    this.script = { ...USUAL, ...script }
    this.peers = []
    this.packets = []
    this.listener = listener
    this.waited = 0
    this.port = 0
  }

  answer(packet, peer) {
    this.script[packet.type]?.(packet, peer)
  }

  accept(socket) {
    const peer = new Peer(socket, this)
    this.peers.push(peer)
    this.script.open?.(peer)
  }

  get url() {
    return `${IN_BROWSERS ? 'ws' : 'mqtt'}://127.0.0.1:${this.port}`
  }

  get last() {
    return this.peers.at(-1)
  }

  all(type) {
    return this.packets.filter((packet) => packet.type === type)
  }

  /** The next connection that was not waited for yet, with its CONNECT. */
  async connection() {
    const peer = await until(() => this.peers[this.waited], 'a connection')
    this.waited += 1
    await peer.take('connect')
    return peer
  }

  /** Waits for so many packets of a type. */
  async count(type, many) {
    await until(() => this.all(type).length >= many, `${many} ${type}`)
    return this.all(type)
  }

  close() {
    for (const peer of this.peers) peer.drop()
    this.listener.close()
  }
}

/** A server for one test; `script` says what it does otherwise than usual. */
export async function serve(t, script = {}, { tls, path } = {}) {
  const accept = (socket) => server.accept(socket)
  const listener = IN_BROWSERS ? webSocketServer(accept) : tls ? createTlsServer(tls, accept) : createServer(accept)
  const server = new Server(script, listener)
  listener.on('tlsClientError', () => {})
  if (path) listener.listen(path)
  else listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  server.port = listener.address().port
  t.after(() => server.close())
  return server
}

function webSocketServer(accept) {
  const http = createHttpServer()
  new ws.WebSocketServer({ server: http }).on('connection', (socket) => {
    const stream = Object.assign(ws.createWebSocketStream(socket), { setNoDelay() {} })
    // The end of one that nobody reads would not be seen.
    socket.on('close', () => stream.destroy())
    accept(stream)
  })
  return http
}

/** A client that ends with its test. Attempts follow each other quickly. */
export function client(t, url, options = {}) {
  const made = mqtt.connect(url, { reconnectPeriod: 20, ...options })
  t.after(() => made.end(true))
  return made
}

/** A server and a client that is connected to it. */
export async function online(t, script = {}, options = {}) {
  const server = await serve(t, script)
  const made = client(t, server.url, options)
  await next(made, 'connect')
  return { server, client: made, peer: server.last }
}

const turn = promisify(setImmediate)

/**
 * A server and a client with a keep-alive of a minute, on a clock that the test
 * turns: `tick` is in seconds.
 */
export async function timed(t, script = {}, options = {}) {
  const server = await serve(t, script)
  let ms = performance.now()
  t.mock.method(performance, 'now', () => ms)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const made = client(t, server.url, { keepalive: 60, ...options })
  await new Promise((resolve) => made.once('connect', resolve))
  const tick = async (seconds) => {
    for (let second = 0; second < seconds; second++) {
      ms += 1000
      t.mock.timers.tick(1000)
      // What the clock has begun goes to the server and back.
      for (let turns = 0; turns < 20; turns++) await turn()
    }
  }
  return { server, client: made, tick }
}

/** What `act` calls back with. */
export function called(act) {
  return new Promise((resolve) => act((...args) => resolve(args)))
}

/** The next error that nobody catches. */
export function uncaught() {
  return new Promise((resolve) => {
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => {
      for (const one of listeners) process.on('uncaughtException', one)
      resolve(error)
    })
  })
}

/** Notes the names of events in their order. */
export function notes(emitter, ...events) {
  const list = []
  for (const event of events) emitter.on(event, () => list.push(event))
  return list
}

/** Both versions of the protocol. */
export const VERSIONS = [4, 5]
