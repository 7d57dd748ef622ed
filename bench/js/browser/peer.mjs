// The server of the benchmark in a browser: the page, the bundle of each side, MQTT over
// WebSocket, and how many frames have come. `peer.mjs OURS THEIRS`: the files of the bundles.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'

import { createWebSocketStream, WebSocketServer } from '../../../js/node_modules/ws/wrapper.mjs'
import { Session } from '../session.mjs'

const [, , ours, theirs] = process.argv
const FILES = { '/ours.mjs': ours, '/theirs.mjs': theirs, '/client.mjs': join(import.meta.dirname, 'client.mjs') }

let frames = 0

const http = createServer((request, response) => {
  if (request.url === '/frames') return response.end(String(frames))
  const file = FILES[request.url]
  response.writeHead(200, { 'content-type': file === undefined ? 'text/html' : 'text/javascript' })
  response.end(file === undefined ? '<!doctype html><title>benchmark</title>' : readFileSync(file))
})
const sockets = new WebSocketServer({ server: http, perMessageDeflate: false, handleProtocols: () => 'mqtt' })
sockets.on('connection', (socket) => {
  new Session(createWebSocketStream(socket))
  socket.on('message', () => (frames += 1))
})

// Whoever has started it may be gone before it says so.
process.on('disconnect', () => process.exit())
http.listen(0, '127.0.0.1', () => process.send(http.address().port))
