// A small reader and writer of MQTT packets for the scripted server: nothing of
// the package itself, which it judges.

const TYPES = ['', 'connect', 'connack', 'publish', 'puback', 'pubrec', 'pubrel', 'pubcomp']
TYPES.push('subscribe', 'suback', 'unsubscribe', 'unsuback', 'pingreq', 'pingresp', 'disconnect', 'auth')

const u16 = (value) => Buffer.from([value >> 8, value & 255])
const u32 = (value) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const text = (value) => Buffer.concat([u16(Buffer.byteLength(value)), Buffer.from(value)])

function varint(value) {
  const bytes = []
  do {
    const digit = value % 128
    value = Math.floor(value / 128)
    bytes.push(value > 0 ? digit + 128 : digit)
  } while (value > 0)
  return Buffer.from(bytes)
}

/** A whole packet; `type` by number. */
export function frame(type, flags, ...parts) {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([(type << 4) | flags]), varint(body.length), body])
}

/** Properties as `[[id, bytes]]`. */
export function props(list = []) {
  const body = Buffer.concat(list.map(([id, bytes]) => Buffer.concat([Buffer.from([id]), bytes])))
  return Buffer.concat([varint(body.length), body])
}
props.u8 = (id, value) => [id, Buffer.from([value])]
props.u16 = (id, value) => [id, u16(value)]
props.u32 = (id, value) => [id, u32(value)]
props.text = (id, value) => [id, text(value)]
props.pair = (id, key, value) => [id, Buffer.concat([text(key), text(value)])]

/** Packets of a server; `v5` adds what MQTT 5 has more. */
export const write = {
  connack: ({ v5, code = 0, sessionPresent = false, properties } = {}) =>
    frame(2, 0, Buffer.from([sessionPresent ? 1 : 0, code]), v5 ? props(properties) : Buffer.alloc(0)),
  publish: ({ v5, topic, payload = '', qos = 0, retain = false, dup = false, id = 0, properties }) =>
    frame(
      3,
      (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0),
      text(topic),
      qos > 0 ? u16(id) : Buffer.alloc(0),
      v5 ? props(properties) : Buffer.alloc(0),
      Buffer.from(payload),
    ),
  ack: (type, id, { v5, code, properties } = {}) => {
    const flags = type === 6 ? 2 : 0
    if (!v5 || code === undefined) return frame(type, flags, u16(id))
    return frame(type, flags, u16(id), Buffer.from([code]), props(properties))
  },
  puback: (id, options) => write.ack(4, id, options),
  pubrec: (id, options) => write.ack(5, id, options),
  pubrel: (id, options) => write.ack(6, id, options),
  pubcomp: (id, options) => write.ack(7, id, options),
  suback: (id, codes, { v5, properties } = {}) =>
    frame(9, 0, u16(id), v5 ? props(properties) : Buffer.alloc(0), Buffer.from(codes)),
  unsuback: (id, codes, { v5, properties } = {}) =>
    frame(11, 0, u16(id), ...(v5 ? [props(properties), Buffer.from(codes)] : [])),
  pingresp: () => frame(13, 0),
  disconnect: (code, properties) => frame(14, 0, Buffer.from([code]), props(properties)),
  auth: (code, properties) => frame(15, 0, Buffer.from([code]), props(properties)),
}

/** Reads along a packet. */
class Reader {
  constructor(bytes) {
    this.bytes = bytes
    this.at = 0
  }
  u8() {
    return this.bytes[this.at++]
  }
  u16() {
    this.at += 2
    return this.bytes.readUInt16BE(this.at - 2)
  }
  binary() {
    const length = this.u16()
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
  text() {
    return this.binary().toString()
  }
  varint() {
    let value = 0
    let factor = 1
    for (;;) {
      const digit = this.u8()
      value += (digit & 127) * factor
      if (digit < 128) return value
      factor *= 128
    }
  }
  /** By identifier; those that come twice make a list. */
  properties() {
    const end = this.varint() + this.at
    const found = {}
    while (this.at < end) {
      const id = this.u8()
      let value
      if ([1, 23, 25, 36, 37, 40, 41, 42].includes(id)) value = this.u8()
      else if ([19, 33, 34, 35].includes(id)) value = this.u16()
      else if ([2, 17, 24, 39].includes(id)) {
        value = this.bytes.readUInt32BE(this.at)
        this.at += 4
      } else if (id === 11) value = this.varint()
      else if (id === 38) value = [this.text(), this.text()]
      else if (id === 9 || id === 22) value = this.binary()
      else value = this.text()
      found[id] = id in found ? [].concat(found[id], value) : value
      if (id === 38) found.user = [...(found.user ?? []), value]
    }
    return found
  }
  get left() {
    return this.bytes.length - this.at
  }
  rest() {
    const rest = this.bytes.subarray(this.at)
    this.at = this.bytes.length
    return rest
  }
}

/** Cuts bytes into packets of a client and reads them. */
export class Parser {
  constructor() {
    this.held = Buffer.alloc(0)
    this.v5 = false
  }

  feed(chunk) {
    this.held = Buffer.concat([this.held, chunk])
    const packets = []
    for (;;) {
      const reader = new Reader(this.held)
      if (this.held.length < 2) return packets
      const first = reader.u8()
      let length = 0
      let factor = 1
      let digit
      do {
        if (reader.left === 0) return packets
        digit = reader.u8()
        length += (digit & 127) * factor
        factor *= 128
      } while (digit > 127)
      if (reader.left < length) return packets
      const body = this.held.subarray(reader.at, reader.at + length)
      this.held = this.held.subarray(reader.at + length)
      packets.push(this.read(first, body))
    }
  }

  read(first, body) {
    const type = TYPES[first >> 4]
    const reader = new Reader(body)
    const packet = { type, size: body.length }
    const properties = () => (this.v5 && reader.left > 0 ? reader.properties() : {})
    switch (type) {
      case 'connect': {
        packet.protocol = reader.text()
        packet.version = reader.u8()
        this.v5 = packet.version === 5
        const flags = reader.u8()
        packet.clean = (flags & 2) !== 0
        packet.keepalive = reader.u16()
        packet.properties = properties()
        packet.clientId = reader.text()
        if (flags & 4) {
          packet.will = { qos: (flags >> 3) & 3, retain: (flags & 32) !== 0, properties: properties() }
          packet.will.topic = reader.text()
          packet.will.payload = reader.binary().toString()
        }
        if (flags & 128) packet.username = reader.text()
        if (flags & 64) packet.password = reader.binary().toString()
        break
      }
      case 'publish':
        packet.qos = (first >> 1) & 3
        packet.retain = (first & 1) !== 0
        packet.dup = (first & 8) !== 0
        packet.topic = reader.text()
        if (packet.qos > 0) packet.id = reader.u16()
        packet.properties = properties()
        packet.payload = reader.rest()
        break
      case 'puback':
      case 'pubrec':
      case 'pubrel':
      case 'pubcomp':
        packet.id = reader.u16()
        packet.code = reader.left > 0 ? reader.u8() : 0
        break
      case 'subscribe':
        packet.id = reader.u16()
        packet.properties = properties()
        packet.filters = []
        while (reader.left > 0) packet.filters.push({ topic: reader.text(), options: reader.u8() })
        break
      case 'unsubscribe':
        packet.id = reader.u16()
        packet.properties = properties()
        packet.topics = []
        while (reader.left > 0) packet.topics.push(reader.text())
        break
      case 'disconnect':
      case 'auth':
        packet.code = reader.left > 0 ? reader.u8() : 0
        packet.properties = properties()
        break
      default:
    }
    return packet
  }
}
