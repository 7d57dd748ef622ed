//! Whole packets from their bytes, for 'packetsend' and 'packetreceive' and for
//! the acknowledgements that callbacks get. The bytes come from the core, which
//! has checked them.
import type { Packet, PacketCmd } from './packets'
import { decodeProperties, type Properties } from './properties'

const COMMANDS: ReadonlyArray<PacketCmd | undefined> = [
  undefined,
  'connect',
  'connack',
  'publish',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'subscribe',
  'suback',
  'unsubscribe',
  'unsuback',
  'pingreq',
  'pingresp',
  'disconnect',
  'auth',
]

/** Reads along the bytes of one packet. */
class Reader {
  at = 0

  constructor(readonly bytes: Buffer) {}

  get left(): number {
    return this.bytes.length - this.at
  }

  u8(): number {
    return this.bytes[this.at++]!
  }

  u16(): number {
    this.at += 2
    return this.bytes.readUInt16BE(this.at - 2)
  }

  varint(): number {
    let value = 0
    let shift = 0
    let digit
    do {
      digit = this.u8()
      value |= (digit & 0x7f) << shift
      shift += 7
    } while (digit > 0x7f)
    return value
  }

  binary(): Buffer {
    const length = this.u16()
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  text(): string {
    return this.binary().toString()
  }

  properties(): Properties | undefined {
    if (this.left === 0) return undefined
    const length = this.varint()
    this.at += length
    return decodeProperties(this.bytes.subarray(this.at - length, this.at))
  }

  rest(): Buffer {
    const rest = this.bytes.subarray(this.at)
    this.at = this.bytes.length
    return rest
  }
}

/** The packet in `bytes`, spoken in this version of the protocol. */
export function decodePacket(bytes: Buffer, version: number): Packet {
  const reader = new Reader(bytes)
  const first = reader.u8()
  const cmd = COMMANDS[first >> 4]!
  const packet: Record<string, unknown> = {
    cmd,
    retain: (first & 1) === 1,
    qos: (first >> 1) & 3,
    dup: (first & 8) !== 0,
    length: reader.varint(),
    topic: null,
    payload: null,
  }
  body(cmd, packet, reader, version === 5)
  return packet as unknown as Packet
}

function body(cmd: PacketCmd, packet: Record<string, unknown>, reader: Reader, v5: boolean): void {
  const properties = (): void => {
    const found = v5 ? reader.properties() : undefined
    if (found !== undefined) packet.properties = found
  }
  switch (cmd) {
    case 'connect':
      return connect(packet, reader)
    case 'connack':
      packet.sessionPresent = (reader.u8() & 1) === 1
      packet[v5 ? 'reasonCode' : 'returnCode'] = reader.u8()
      return properties()
    case 'publish':
      packet.topic = reader.text()
      if (packet.qos !== 0) packet.messageId = reader.u16()
      properties()
      packet.payload = reader.rest()
      return
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      packet.messageId = reader.u16()
      if (v5) packet.reasonCode = reader.left > 0 ? reader.u8() : 0
      return properties()
    case 'subscribe':
    case 'unsubscribe':
      packet.messageId = reader.u16()
      properties()
      return filters(cmd, packet, reader, v5)
    case 'suback':
    case 'unsuback':
      packet.messageId = reader.u16()
      properties()
      if (cmd === 'suback' || v5) packet.granted = [...reader.rest()]
      return
    case 'disconnect':
    case 'auth':
      if (v5) packet.reasonCode = reader.left > 0 ? reader.u8() : 0
      return properties()
    default:
  }
}

function connect(packet: Record<string, unknown>, reader: Reader): void {
  packet.protocolId = reader.text()
  const version = reader.u8()
  packet.protocolVersion = version
  const flags = reader.u8()
  packet.clean = (flags & 2) !== 0
  packet.keepalive = reader.u16()
  const properties = version === 5 ? reader.properties() : undefined
  if (properties !== undefined) packet.properties = properties
  packet.clientId = reader.text()
  if ((flags & 4) !== 0) {
    const will: Record<string, unknown> = { qos: (flags >> 3) & 3, retain: (flags & 32) !== 0 }
    const willProperties = version === 5 ? reader.properties() : undefined
    if (willProperties !== undefined) will.properties = willProperties
    will.topic = reader.text()
    will.payload = reader.binary()
    packet.will = will
  }
  if ((flags & 128) !== 0) packet.username = reader.text()
  if ((flags & 64) !== 0) packet.password = reader.binary()
}

function filters(cmd: 'subscribe' | 'unsubscribe', packet: Record<string, unknown>, reader: Reader, v5: boolean): void {
  const list: unknown[] = []
  while (reader.left > 0) {
    const topic = reader.text()
    if (cmd === 'unsubscribe') {
      list.push(topic)
      continue
    }
    const options = reader.u8()
    const subscription: Record<string, unknown> = { topic, qos: options & 3 }
    if (v5) {
      subscription.nl = (options & 4) !== 0
      subscription.rap = (options & 8) !== 0
      subscription.rh = options >> 4
    }
    list.push(subscription)
  }
  packet[cmd === 'subscribe' ? 'subscriptions' : 'unsubscriptions'] = list
}
