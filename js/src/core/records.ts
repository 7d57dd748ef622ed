//! The records in which the core says things, read in order: `crates/wasm/ABI.md`.
import type { IPublishPacket } from '../packets'
import { decodeProperties } from '../properties'
import { NONE } from '../numbers'
import { CoreError } from './error'
import type { Failed, Listener, World } from './said'

const EMPTY = Buffer.alloc(0)

/** The kinds that are looked at out of order. */
const CLOSE = 3
const WRITE = 10
const RELEASED = 11
const PACKET = 12
const MORE = 16

/** Flags of a message beside the QoS. */
const RETAIN = 4
const DUP = 8
const SAME_TOPIC = 16
const IN_CHUNK = 32
const SKIPPED = 64

const MQTT_5 = 5

/** One record after the other; offsets count from the beginning of the present one. */
class Fields {
  at = 0
  private readonly view: DataView

  constructor(private readonly all: Buffer) {
    this.view = new DataView(all.buffer, all.byteOffset, all.length)
  }

  u32(offset: number): number {
    return this.view.getUint32(this.at + offset, true)
  }

  f64(offset: number): number {
    return this.view.getFloat64(this.at + offset, true)
  }

  bytes(offset: number, length: number): Buffer {
    return this.all.subarray(this.at + offset, this.at + offset + length)
  }

  text(offset: number, length: number): string {
    return this.all.toString('utf8', this.at + offset, this.at + offset + length)
  }

  /** False behind the last one. */
  get isThere(): boolean {
    return this.at < this.all.length
  }
}

export class Records {
  /** The transport has taken what it was given last. */
  taken = true
  /** What arrived last: messages may be parts of it. */
  chunk: Buffer = EMPTY
  /** What the numbers of payloads to be sent stand for in the records that are being read. */
  private readonly lent = new Map<number, Uint8Array>()
  /** Received payloads that the module knows by number alone: each is the end of these bytes. */
  readonly skipped = new Map<number, Buffer>()
  private lastReceived = ''
  /** What is being read. */
  private present: Fields | undefined
  private isV5 = false

  constructor(
    private readonly world: World,
    private readonly listener: Listener,
    /** Of the instance: payloads to be sent, by number. */
    private readonly payloads: Map<number, Uint8Array>,
  ) {}

  /** True if there is more to drain. */
  read(records: Buffer): boolean {
    const fields = new Fields(records)
    this.present = fields
    if (this.payloads.size > 0) this.lend(fields)
    let more = false
    for (fields.at = 0; fields.isThere; ) {
      const kind = fields.u32(0)
      const next = fields.at + fields.u32(4)
      if (kind === MORE) more = true
      else {
        try {
          this.dispatch(kind, fields)
        } catch (error) {
          this.listener.onThrown(error)
        }
      }
      fields.at = next
    }
    this.lent.clear()
    this.present = undefined
    return more
  }

  /** Of what is being read, what is to be written: for the process ends where it is now. */
  writeRest(): void {
    const fields = this.present
    if (fields === undefined) return
    for (fields.at += fields.u32(4); fields.isThere; fields.at += fields.u32(4)) {
      if (fields.u32(0) === WRITE) this.dispatch(WRITE, fields)
    }
  }

  /**
   * Looks up all numbers before anybody is told anything: they may be given back by
   * these records, or meanwhile, and then stand for another payload at once.
   */
  private lend(fields: Fields): void {
    for (; fields.isThere; fields.at += fields.u32(4)) {
      const kind = fields.u32(0)
      if (kind === PACKET) this.lendOne(fields.u32(24))
      else if (kind === WRITE || kind === CLOSE) {
        const end = 24 + fields.u32(16) * 8
        for (let offset = 24; offset < end; offset += 8) this.lendOne(fields.u32(offset))
      } else if (kind === RELEASED) {
        const end = 12 + fields.u32(8) * 4
        for (let offset = 12; offset < end; offset += 4) {
          this.lendOne(fields.u32(offset))
          this.payloads.delete(fields.u32(offset))
        }
      }
    }
  }

  private lendOne(number: number): void {
    const payload = this.payloads.get(number)
    if (payload !== undefined) this.lent.set(number, payload)
  }

  private dispatch(kind: number, fields: Fields): void {
    const { world, listener } = this
    switch (kind) {
      case 1: {
        const flags = fields.u32(20)
        const messagesWait = (flags & 2) !== 0
        if (!messagesWait) this.skipped.clear()
        return world.onWait({
          deadline: fields.f64(8),
          timer: fields.u32(16),
          wantsRead: (flags & 1) !== 0,
          messagesWait,
          takesPublishes: (flags & 4) !== 0,
        })
      }
      case 2:
        return world.onOpen(fields.u32(8), fields.u32(12), fields.text(24, fields.u32(20)))
      case CLOSE:
        return world.onClose(fields.u32(8), this.pieces(fields))
      case 4:
        return listener.onAuthenticate(
          fields.u32(8),
          fields.u32(12) === 1,
          fields.bytes(20, fields.u32(16)),
        )
      case 5:
        return listener.onPublished(fields.u32(8), publishFailure(fields))
      case 6:
        return listener.onSubscribed(fields.u32(8), filtersFailure(fields), codes(fields))
      case 7:
        return listener.onUnsubscribed(fields.u32(8), filtersFailure(fields), codes(fields))
      case 8:
        return listener.onAnswered(
          fields.u32(8),
          fields.u32(12),
          fields.u32(16),
          fields.u32(20),
          fields.bytes(28, fields.u32(24)),
        )
      case 9:
        return listener.onMessage(this.message(fields), fields.u32(16))
      case WRITE:
        this.taken = false
        return world.onWrite(fields.u32(8), this.pieces(fields), fields.u32(12))
      case PACKET: {
        const head = fields.bytes(32, fields.u32(28))
        const shared = this.lent.get(fields.u32(24))
        const whole = shared === undefined ? head : Buffer.concat([head, shared])
        return listener.onPacket(fields.u32(12) === 0, fields.u32(16), whole)
      }
      case 13:
        return listener.onEvent(
          fields.u32(8),
          fields.u32(12),
          fields.f64(16),
          fields.f64(24),
          fields.text(36, fields.u32(32)),
        )
      case 14:
        return this.connected(fields)
      case 15:
        return this.disconnected(fields)
      case 17:
        return world.onCommit(Buffer.from(fields.bytes(12, fields.u32(8))))
      default:
        // A newer module may say more: its size leads past it.
    }
  }

  private connected(fields: Fields): void {
    const version = fields.u32(12)
    this.isV5 = version === MQTT_5
    const assigned = fields.u32(28)
    const length = assigned === NONE ? 0 : assigned
    this.listener.onConnected(
      fields.u32(8),
      version,
      fields.u32(16) === 1,
      assigned === NONE ? undefined : fields.text(36, length),
      fields.bytes(36 + length, fields.u32(32)),
    )
  }

  private disconnected(fields: Fields): void {
    const known = (value: number): number | undefined => (value === NONE ? undefined : value)
    const properties = fields.u32(44)
    this.listener.onDisconnected({
      conn: fields.u32(8),
      cause: fields.u32(12),
      class: fields.u32(16),
      detail: fields.u32(20),
      reason: known(fields.u32(24)),
      wireCode: known(fields.u32(28)),
      onlineMs: fields.f64(36),
      properties: fields.bytes(52, properties),
      text: fields.text(52 + properties, fields.u32(48)),
    })
  }

  /** As the application gets it. */
  private message(fields: Fields): IPublishPacket {
    const flags = fields.u32(8)
    const topicLength = fields.u32(20)
    const propertiesLength = fields.u32(24)
    const payloadLength = fields.u32(28)
    let next = 36
    if ((flags & SAME_TOPIC) === 0) {
      this.lastReceived = fields.text(next, topicLength)
      next += topicLength
    }
    const qos = (flags & 3) as 0 | 1 | 2
    const packet: IPublishPacket = {
      cmd: 'publish',
      retain: (flags & RETAIN) !== 0,
      qos,
      dup: (flags & DUP) !== 0,
      length: this.remainingLength(qos, topicLength, propertiesLength, payloadLength),
      topic: this.lastReceived,
      payload: this.payload(fields, flags, payloadLength),
    }
    if (qos > 0) packet.messageId = fields.u32(12)
    if (propertiesLength > 0) {
      const properties = decodeProperties(fields.bytes(next, propertiesLength))
      packet.properties = properties as IPublishPacket['properties']
    }
    return packet
  }

  /** Of the packet as it was on the wire, if its topic had no alias. */
  private remainingLength(qos: number, topic: number, properties: number, payload: number): number {
    const withoutProperties = 2 + topic + (qos > 0 ? 2 : 0) + payload
    if (!this.isV5) return withoutProperties
    return withoutProperties + (properties < 128 ? 1 : properties < 16_384 ? 2 : 3) + properties
  }

  private payload(fields: Fields, flags: number, length: number): Buffer {
    const at = fields.u32(32)
    if ((flags & IN_CHUNK) !== 0) return this.chunk.subarray(at, at + length)
    if ((flags & SKIPPED) === 0) return fields.bytes(at, length)
    const kept = this.skipped.get(at)
    if (kept === undefined) throw new CoreError(11, `received payload ${at} is not held`)
    for (const number of this.skipped.keys()) if (number <= at) this.skipped.delete(number)
    return kept.subarray(kept.length - length)
  }

  /** The pieces of a WRITE or CLOSE, in order. */
  private pieces(fields: Fields): Uint8Array[] {
    const count = fields.u32(16)
    const pieces: Uint8Array[] = []
    let next = 24 + count * 8
    for (let index = 0; index < count; index++) {
      const payload = fields.u32(24 + index * 8)
      const length = fields.u32(28 + index * 8)
      if (payload !== 0) {
        const shared = this.lent.get(payload)
        if (shared === undefined) throw new CoreError(11, `payload ${payload} is not held`)
        pieces.push(shared)
      } else {
        pieces.push(fields.bytes(next, length))
        next += length
      }
    }
    return pieces
  }
}

function publishFailure(fields: Fields): Failed | undefined {
  const error = fields.u32(12)
  if (error === 0) return undefined
  return { error, reason: fields.u32(16), text: fields.text(32, fields.u32(28)) }
}

function filtersFailure(fields: Fields): Failed | undefined {
  const error = fields.u32(12)
  if (error === 0) return undefined
  return { error, reason: 0, text: fields.text(24 + fields.u32(16) * 4, fields.u32(20)) }
}

function codes(fields: Fields): number[] {
  return Array.from({ length: fields.u32(16) }, (_, index) => fields.u32(24 + index * 4))
}
