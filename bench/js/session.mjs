// What the servers of the benchmarks do on each connection: acknowledge what comes, and send
// what a SUBSCRIBE to `COUNT/QOS/SIZE` asks for. It is little, so that the client is the bound.

/** How many messages may be unacknowledged, and how many go into one write. */
const WINDOW = 100
/** So many bytes of small messages go into one write. */
const BATCH_BYTES = 64 * 1024

const CONNACK = Buffer.from([0x20, 2, 0, 0])
const PINGRESP = Buffer.from([0xd0, 0])
const PUBACK = 0x40
const PUBREC = 0x50
const PUBREL = 0x62
const PUBCOMP = 0x70
const UNSUBACK = 0xb0

/** One connection: a socket, or a stream of binary frames. */
export class Session {
  held = Buffer.alloc(0)
  /** Bytes of a payload that are still to come; nobody looks at them. */
  skip = 0
  /** What is to be answered then. */
  owed = []
  out = []

  constructor(socket) {
    this.socket = socket
    this.source = undefined
    socket.on('error', () => {})
    socket.on('data', (chunk) => this.take(chunk))
  }

  take(chunk) {
    if (this.skip > chunk.length) {
      this.skip -= chunk.length
      return
    }
    const fresh = this.skip > 0 ? chunk.subarray(this.skip) : chunk
    this.skip = 0
    if (this.owed.length > 0) this.out = this.owed
    this.owed = []
    this.held = this.held.length === 0 ? fresh : Buffer.concat([this.held, fresh])
    this.packets()
    if (this.out.length > 0) this.socket.write(Buffer.from(this.out))
    this.out = []
    this.source?.feed()
  }

  packets() {
    const { held } = this
    let at = 0
    while (at < held.length) {
      const next = this.packet(held, at)
      if (next === undefined) break
      at = next
    }
    this.skip = Math.max(0, at - held.length)
    this.held = held.subarray(at)
  }

  /** Where the packet ends that begins here; `undefined` if too little of it is there. */
  packet(held, from) {
    let at = from + 1
    let length = 0
    for (let shift = 0; ; shift += 7) {
      if (at >= held.length) return undefined
      const digit = held[at++]
      length |= (digit & 127) << shift
      if (digit < 128) break
    }
    const end = at + length
    const type = held[from] >> 4
    if (type === 3) {
      const qos = (held[from] >> 1) & 3
      if (qos === 0) return end
      if (at + 2 > held.length) return undefined
      const id = at + 2 + ((held[at] << 8) | held[at + 1])
      if (id + 2 > held.length) return undefined
      if (end <= held.length) this.answer(qos === 1 ? PUBACK : PUBREC, held, id)
      else this.owed = [qos === 1 ? PUBACK : PUBREC, 2, held[id], held[id + 1]]
      return end
    }
    if (end > held.length) return undefined
    if (type === 1) this.socket.write(CONNACK)
    else if (type === 4 || type === 7) this.source.acknowledged()
    else if (type === 5) this.answer(PUBREL, held, at)
    else if (type === 6) this.answer(PUBCOMP, held, at)
    else if (type === 8) this.subscribe(held, at)
    else if (type === 10) this.answer(UNSUBACK, held, at)
    else if (type === 12) this.socket.write(PINGRESP)
    else if (type === 14) this.socket.end()
    return end
  }

  answer(first, held, id) {
    this.out.push(first, 2, held[id], held[id + 1])
  }

  subscribe(held, at) {
    const topic = held.toString('utf8', at + 4, at + 4 + held.readUInt16BE(at + 2))
    this.socket.write(Buffer.from([0x90, 3, held[at], held[at + 1], 0]))
    this.source = new Source(this.socket, topic, this.source)
  }
}

/** The messages that a SUBSCRIBE asks for. */
class Source {
  waits = false

  /** Goes on with the identifiers of the one before, of which messages may be on their way. */
  constructor(socket, topic, { id, flying } = { id: 0, flying: 0 }) {
    this.id = id
    this.flying = flying
    const [count, qos, size] = topic.split('/').map(Number)
    this.socket = socket
    this.left = count
    this.qos = qos
    const head = [0, topic.length, ...Buffer.from(topic), ...(qos > 0 ? [0, 0] : [])]
    const message = frame(0x30 | (qos << 1), Buffer.concat([Buffer.from(head), Buffer.alloc(size, 'x')]))
    this.length = message.length
    this.idAt = message.length - size - 2
    const many = Math.min(WINDOW, Math.max(1, Math.floor(BATCH_BYTES / message.length)))
    this.batch = Buffer.concat(Array.from({ length: many }, () => message))
    this.many = many
  }

  acknowledged() {
    this.flying -= 1
  }

  feed() {
    while (!this.waits && this.left > 0) {
      const room = this.qos === 0 ? this.many : WINDOW - this.flying
      const count = Math.min(this.left, this.many, room)
      if (count === 0) return
      this.left -= count
      this.flying += count
      if (!this.socket.write(this.next(count))) this.wait()
    }
  }

  next(count) {
    const same = this.batch.subarray(0, count * this.length)
    if (this.qos === 0) return same
    const batch = Buffer.from(same)
    for (let index = 0; index < count; index++) {
      this.id = (this.id % 65_535) + 1
      batch.writeUInt16BE(this.id, index * this.length + this.idAt)
    }
    return batch
  }

  wait() {
    this.waits = true
    this.socket.once('drain', () => {
      this.waits = false
      this.feed()
    })
  }
}

function frame(first, body) {
  const head = [first]
  let length = body.length
  do {
    head.push(length > 127 ? (length & 127) | 128 : length)
    length >>= 7
  } while (length > 0)
  return Buffer.concat([Buffer.from(head), body])
}
