import { once } from 'node:events'
import { createServer } from 'node:http'

import { createWebSocketStream, WebSocketServer } from 'ws'

import { Server } from './harness.mjs'

/** A server behind WebSocket; what each upgrade asked for is in `requests`. */
export async function serveWebSocket(t, script = {}) {
  const http = createServer()
  const server = new Server(script, http)
  server.requests = []
  new WebSocketServer({ server: http }).on('connection', (socket, { url, headers }) => {
    server.requests.push({ url, protocols: headers['sec-websocket-protocol'] })
    server.accept(createWebSocketStream(socket))
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  server.port = http.address().port
  t.after(() => {
    server.close()
    http.closeAllConnections()
  })
  return server
}
