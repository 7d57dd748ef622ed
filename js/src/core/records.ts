//! The records in which the core says things, read in order: `crates/wasm/ABI.md`.
import { NONE } from '../numbers'
import { CoreError } from './error'
import type { Listener, Message, World } from './said'

const EMPTY = Buffer.alloc(0)

/** The kinds that are looked at out of order. */
const MORE = 16
const RELEASED = 11

/** Flags of a message beside the QoS. */
const RETAIN = 4
const DUP = 8
const SAME_TOPIC = 16
const IN_CHUNK = 32

export class Records {
  /** The transport has taken what it was given last. */
  taken = true
  /** What arrived last: messages may be parts of it. */
  chunk: Buffer = EMPTY
  /** Payloads that the module knows by number alone, until it gives the number back. */
  readonly payloads = new Map<number, Uint8Array>()
  private lent: ReadonlyMap<number, Uint8Array> = this.payloads
  private lastReceived = ''

  constructor(
    private readonly world: World,
    private readonly listener: Listener,
  ) {}

  /** True if there is more to drain. */
  read(records: Buffer): boolean {
    let more = false
    this.release(records)
    for (let at = 0; at < records.length; ) {
      const kind = records.readUInt32LE(at)
      const size = records.readUInt32LE(at + 4)
      if (kind === MORE) more = true
      else {
        try {
          this.dispatch(kind, records, at, size)
        } catch (error) {
          this.listener.onThrown(error)
        }
      }
      at += size
    }
    return more
  }

  /**
   * A number that these records give back may be given out again while they are
   * read: `lent` still has what it stood for.
   */
  private release(records: Buffer): void {
    if (this.payloads.size === 0) return
    this.lent = new Map(this.payloads)
    for (let at = 0; at < records.length; at += records.readUInt32LE(at + 4)) {
      if (records.readUInt32LE(at) !== RELEASED) continue
      const end = at + 12 + records.readUInt32LE(at + 8) * 4
      for (let number = at + 12; number < end; number += 4) {
        this.payloads.delete(records.readUInt32LE(number))
      }
    }
  }

  private dispatch(kind: number, records: Buffer, at: number, size: number): void {
    const u32 = (offset: number): number => records.readUInt32LE(at + offset)
    const f64 = (offset: number): number => records.readDoubleLE(at + offset)
    const bytes = (offset: number, length: number): Buffer =>
      records.subarray(at + offset, at + offset + length)
    const text = (offset: number, length: number): string =>
      records.toString('utf8', at + offset, at + offset + length)
    const { world, listener } = this
    switch (kind) {
      case 1:
        return world.onWait({
          deadline: f64(8),
          timer: u32(16),
          wantsRead: (u32(20) & 1) !== 0,
          messagesWait: (u32(20) & 2) !== 0,
          takesPublishes: (u32(20) & 4) !== 0,
        })
      case 2:
        return world.onOpen(u32(8), u32(12), text(24, u32(20)))
      case 3:
        return world.onClose(u32(8), this.pieces(records, at))
      case 4:
        return listener.onAuthenticate(u32(8), u32(12) === 1, bytes(20, u32(16)))
      case 5: {
        const error = u32(12)
        const failed =
          error === 0 ? undefined : { error, reason: u32(16), text: text(32, u32(28)) }
        return listener.onPublished(u32(8), failed, u32(20))
      }
      case 6:
      case 7: {
        const count = u32(16)
        const codes = Array.from({ length: count }, (_, index) => u32(24 + index * 4))
        const error = u32(12)
        const words = text(24 + count * 4, u32(20))
        const failed = error === 0 ? undefined : { error, reason: 0, text: words }
        if (kind === 6) return listener.onSubscribed(u32(8), failed, codes)
        return listener.onUnsubscribed(u32(8), failed, codes)
      }
      case 8:
        return listener.onAnswered(u32(8), u32(12), u32(16), u32(20), bytes(28, u32(24)))
      case 9:
        return listener.onMessage(this.message(records, at))
      case 10:
        this.taken = false
        return world.onWrite(u32(8), this.pieces(records, at), u32(12))
      case 12: {
        const head = bytes(32, u32(28))
        const shared = this.lent.get(u32(24))
        const whole = shared === undefined ? head : Buffer.concat([head, shared])
        return listener.onPacket(u32(12) === 0, u32(16), whole)
      }
      case 13:
        return listener.onEvent(u32(8), u32(12), f64(16), f64(24), text(36, u32(32)))
      case 14: {
        const assigned = u32(28)
        const length = assigned === NONE ? 0 : assigned
        return listener.onConnected(
          u32(8),
          u32(12),
          u32(16) === 1,
          assigned === NONE ? undefined : text(36, length),
          bytes(36 + length, u32(32)),
        )
      }
      case 15: {
        const known = (value: number): number | undefined => (value === NONE ? undefined : value)
        return listener.onDisconnected({
          conn: u32(8),
          cause: u32(12),
          class: u32(16),
          detail: u32(20),
          reason: known(u32(24)),
          wireCode: known(u32(28)),
          onlineMs: f64(36),
          properties: bytes(52, u32(44)),
          text: text(52 + u32(44), u32(48)),
        })
      }
      default:
        // A newer module may say more; `size` leads past it.
        void size
    }
  }

  private message(records: Buffer, at: number): Message {
    const flags = records.readUInt32LE(at + 8)
    const topicLength = records.readUInt32LE(at + 20)
    const propertiesLength = records.readUInt32LE(at + 24)
    const length = records.readUInt32LE(at + 28)
    const begin = records.readUInt32LE(at + 32)
    let next = at + 36
    if ((flags & SAME_TOPIC) === 0) {
      this.lastReceived = records.toString('utf8', next, next + topicLength)
      next += topicLength
    }
    const properties = propertiesLength === 0 ? EMPTY : records.subarray(next, next + propertiesLength)
    const inChunk = (flags & IN_CHUNK) !== 0
    const payload = inChunk
      ? this.chunk.subarray(begin, begin + length)
      : records.subarray(at + begin, at + begin + length)
    return {
      topic: this.lastReceived,
      qos: (flags & 3) as 0 | 1 | 2,
      retain: (flags & RETAIN) !== 0,
      dup: (flags & DUP) !== 0,
      packetId: records.readUInt32LE(at + 12),
      ack: records.readUInt32LE(at + 16),
      properties,
      payload,
    }
  }

  /** The pieces of a WRITE or CLOSE, in order. */
  private pieces(records: Buffer, at: number): Uint8Array[] {
    const count = records.readUInt32LE(at + 16)
    const pieces: Uint8Array[] = []
    let next = at + 24 + count * 8
    for (let index = 0; index < count; index++) {
      const payload = records.readUInt32LE(at + 24 + index * 8)
      const length = records.readUInt32LE(at + 28 + index * 8)
      if (payload !== 0) {
        const shared = this.lent.get(payload)
        if (shared === undefined) throw new CoreError(11, `payload ${payload} is not held`)
        pieces.push(shared)
      } else {
        pieces.push(records.subarray(next, next + length))
        next += length
      }
    }
    return pieces
  }
}
