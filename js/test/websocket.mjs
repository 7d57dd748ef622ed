import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'

// By its file, as `ws` itself has nothing for browsers.
import ws from '../node_modules/ws/index.js'
import { Server } from './harness.mjs'

/**
 * A server behind WebSocket, with TLS if there is a certificate, at a Unix socket if
 * there is a path. What each upgrade asked for is in `requests`; `request` is the last
 * one as it came, `socket` its WebSocket, `protocol` what was agreed on.
 */
export async function serveWebSocket(t, script = {}, { tls, path } = {}) {
  const http = tls ? createTlsServer(tls) : createServer()
  const server = new Server(script, http)
  server.requests = []
  new ws.WebSocketServer({ server: http }).on('connection', (socket, request) => {
    const { url, headers } = request
    server.requests.push({ url, protocols: headers['sec-websocket-protocol'] })
    server.request = request
    server.socket = socket
    server.protocol = socket.protocol
    server.accept(ws.createWebSocketStream(socket))
  })
  if (path) http.listen(path)
  else http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  server.port = http.address().port
  t.after(() => {
    server.close()
    http.closeAllConnections()
  })
  return server
}
