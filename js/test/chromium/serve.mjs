// A server of pages, with WebSocket at some of its paths, and a broker.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { createWebSocketStream, WebSocketServer } from 'ws'

import { Server, until, write } from '../harness.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css' }

/** What each path does once it has said yes to CONNECT. */
const PATHS = {
  '/mqtt': () => {},
  '/closes': (socket) => socket.close(4001, 'over "here"'),
  '/text': (socket) => socket.send('hello'),
  '/deaf': (socket) => socket.pause(),
}

/**
 * Serves `pages` (a header of a content security policy and the text of each), and the
 * files of these folders, each below its name.
 */
export async function servePages(t, pages, folders) {
  const http = createServer((request, response) => {
    const path = request.url.replace(/\?.*/, '')
    const page = pages[path]
    if (page !== undefined) {
      const policy = page.policy === undefined ? {} : { 'content-security-policy': page.policy }
      response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'text/html', ...policy })
      return response.end(page.text)
    }
    const [, name, rest] = /^\/([^/]+)\/(.*)$/.exec(path) ?? []
    const file = folders[name] === undefined ? undefined : join(folders[name], rest)
    if (file === undefined || path.includes('..') || !existsSync(file)) {
      response.writeHead(404)
      return response.end()
    }
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' })
    response.end(readFileSync(file))
  })
  new WebSocketServer({ server: http }).on('connection', (socket, request) => {
    const act = PATHS[request.url.replace(/\?.*/, '')] ?? (() => {})
    const server = new Server({
      connect: (_packet, peer) => peer.socket.write(write.connack({ v5: peer.v5 }), () => act(socket)),
    })
    server.accept(createWebSocketStream(socket))
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.after(() => {
    http.close()
    http.closeAllConnections()
  })
  const { port } = http.address()
  const at = (path) => `ws://127.0.0.1:${port}${path}`
  return {
    origin: `http://127.0.0.1:${port}`,
    urls: { page: at('/mqtt'), closes: at('/closes'), text: at('/text'), deaf: at('/deaf'), nobody: 'ws://127.0.0.1:1/' },
  }
}

/** The URL of a broker of this repository. */
export async function broker(t) {
  const child = spawn(process.env.EVENKEEL_BROKER, ['broker', '-p', '0', '--ws-port', '0'])
  t.after(() => child.kill())
  let said = ''
  child.stdout.on('data', (chunk) => (said += chunk))
  child.stderr.on('data', (chunk) => (said += chunk))
  await until(() => /ws:\/\/[^\s]+\s/.test(said), 'the broker')
  return /ws:\/\/[^\s]+/.exec(said)[0]
}

export const BEHAVIOURS_FOLDER = here
