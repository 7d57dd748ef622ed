// The server of the benchmark: acknowledges what comes, and sends what a
// SUBSCRIBE to `COUNT/QOS/SIZE` asks for. It is a process of its own, whose
// processor time is nobody's.
import { createServer } from 'node:net'

const frame = (first, body) => {
  const head = [first]
  let length = body.length
  do {
    head.push(length > 127 ? (length & 127) | 128 : length)
    length >>= 7
  } while (length > 0)
  return Buffer.concat([Buffer.from(head), body])
}

/** How many messages may be unacknowledged. */
const WINDOW = 100

const server = createServer({ noDelay: true }, (socket) => {
  let held = Buffer.alloc(0)
  let left = 0
  let flying = 0
  let message
  let qos = 0
  let id = 0
  const feed = () => {
    const batch = []
    while (left > 0 && (qos === 0 || flying < WINDOW) && batch.length < WINDOW) {
      if (qos > 0) {
        id = (id % 65_535) + 1
        message = Buffer.from(message)
        message.writeUInt16BE(id, at)
        flying += 1
      }
      batch.push(message)
      left -= 1
    }
    if (batch.length === 0) return
    const ready = socket.write(Buffer.concat(batch))
    if (qos > 0) return
    if (ready) setImmediate(feed)
    else socket.once('drain', feed)
  }
  let at = 0
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    const out = []
    let begin = 0
    for (;;) {
      let next = begin + 1
      let length = 0
      let shift = 0
      let digit = 128
      while (digit > 127 && next < held.length) {
        digit = held[next++]
        length |= (digit & 127) << shift
        shift += 7
      }
      if (digit > 127 || held.length - next < length) break
      const type = held[begin] >> 4
      if (type === 1) out.push(Buffer.from([0x20, 2, 0, 0]))
      else if (type === 3) {
        const level = (held[begin] >> 1) & 3
        if (level > 0) {
          const where = next + 2 + held.readUInt16BE(next)
          out.push(Buffer.from([level === 1 ? 0x40 : 0x50, 2, held[where], held[where + 1]]))
        }
      } else if (type === 6) out.push(Buffer.from([0x70, 2, held[next], held[next + 1]]))
      else if (type === 4 || type === 7) {
        flying -= 1
      } else if (type === 5) out.push(Buffer.from([0x62, 2, held[next], held[next + 1]]))
      else if (type === 8) {
        out.push(Buffer.from([0x90, 3, held[next], held[next + 1], 0]))
        const topic = held.toString('utf8', next + 4, next + 4 + held.readUInt16BE(next + 2))
        const [count, level, size] = topic.split('/').map(Number)
        left = count
        qos = level
        const head = Buffer.from([0, topic.length, ...Buffer.from(topic), ...(level > 0 ? [0, 0] : [])])
        message = frame(0x30 | (level << 1), Buffer.concat([head, Buffer.alloc(size, 'x')]))
        at = message.length - size - 2
      } else if (type === 12) out.push(Buffer.from([0xd0, 0]))
      else if (type === 14) socket.end()
      begin = next + length
    }
    held = held.subarray(begin)
    if (out.length > 0) socket.write(Buffer.concat(out))
    if (left > 0) feed()
  })
})
server.listen(0, '127.0.0.1', () => process.send(server.address().port))
