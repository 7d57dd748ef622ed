// The server of the benchmark, over TCP. It is a process of its own, whose processor time is
// nobody's.
import { createServer } from 'node:net'

import { Session } from './session.mjs'

// Whoever has started it may be gone before it says so.
process.on('disconnect', () => process.exit())

const server = createServer({ noDelay: true }, (socket) => new Session(socket))
server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => process.send(server.address().port))
