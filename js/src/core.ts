//! The only file that knows how the core in WebAssembly is called and what its
//! records look like: `crates/wasm/ABI.md`.
import { forgetInstance, instanceForClient, type Instance } from './module'
import { Failure, NONE, State } from './numbers'

export interface Message {
  topic: string
  qos: 0 | 1 | 2
  retain: boolean
  dup: boolean
  packetId: number
  /** To be given to `acknowledge`; 0 if there is nothing to acknowledge. */
  ack: number
  properties: Buffer
  payload: Buffer
}

export interface Disconnected {
  conn: number
  cause: number
  class: number
  detail: number
  /** Of CONNACK or DISCONNECT. */
  reason: number | undefined
  /** The byte in CONNACK. */
  wireCode: number | undefined
  onlineMs: number
  properties: Buffer
  text: string
}

/** A failed operation. */
export interface Failed {
  error: number
  reason: number
  text: string
}

export interface Wait {
  /** In milliseconds of `now`; `NaN` if only an input can change anything. */
  deadline: number
  timer: number
  wantsRead: boolean
  messagesWait: boolean
  takesPublishes: boolean
}

/** What the core asks for. Each is called from `drain`. */
export interface World {
  onOpen(conn: number, server: number, redirect: string): void
  onClose(conn: number, pieces: Uint8Array[]): void
  onWrite(conn: number, pieces: Uint8Array[], total: number): void
  onWait(wait: Wait): void
  /** The module has failed; this core is of no use any more. */
  onTrap(error: unknown): void
}

/** What the core tells. Each is called from `drain`. */
export interface Listener {
  onAuthenticate(conn: number, done: boolean, data: Buffer): void
  onPublished(token: number, failed: Failed | undefined, packetId: number): void
  onSubscribed(token: number, failed: Failed | undefined, codes: number[]): void
  onUnsubscribed(token: number, failed: Failed | undefined, codes: number[]): void
  onAnswered(token: number, type: number, packetId: number, reason: number, properties: Buffer): void
  onMessage(message: Message): void
  onPacket(sent: boolean, version: number, bytes: Buffer): void
  onEvent(code: number, conn: number, a: number, b: number, text: string): void
  onConnected(
    conn: number,
    version: number,
    sessionPresent: boolean,
    assigned: string | undefined,
    properties: Buffer,
  ): void
  onDisconnected(ended: Disconnected): void
  /** One of these, or of those of the world, has thrown. */
  onThrown(error: unknown): void
}

/** A command was refused; nothing has happened. */
export class CoreError extends Error {
  constructor(
    readonly number: number,
    message: string,
  ) {
    super(message)
    this.name = 'CoreError'
  }
}

export type Setting = readonly [key: number, value: number | string | Uint8Array]

/** A payload of this size is written from where it is, not copied into the module. */
const SHARED_FROM = 16 * 1024
const MESSAGES_AT_ONCE = 1024
const EMPTY = Buffer.alloc(0)

/** Flags of `publish` beside the QoS. */
const RETAIN = 4
const TELL_ID = 8
const SHARED = 16

const BATCH_TAKEN = 1

export class Core {
  private readonly instance: Instance
  private readonly client: number
  /** The transport has taken what it was given last. */
  private taken = true
  private broken = false
  private chunk: Buffer = EMPTY
  private lastSent = ''
  private lastReceived = ''
  private readonly payloads = new Map<number, Uint8Array>()
  private lent: ReadonlyMap<number, Uint8Array> = this.payloads
  private acks: number[] = []

  constructor(
    settings: readonly Setting[],
    private readonly world: World,
    private readonly listener: Listener,
    private readonly now: () => number,
  ) {
    this.instance = instanceForClient()
    this.instance.exports.ek_config()
    this.set(settings)
    const seed = (): number => Math.floor(Math.random() * 2 ** 32)
    this.client = this.checked(this.instance.exports.ek_create(now(), seed(), seed()))
  }

  private set(settings: readonly Setting[]): void {
    for (const [key, value] of settings) {
      if (typeof value === 'number') this.checked(this.instance.exports.ek_set_number(key, value))
      else this.checked(this.instance.exports.ek_set_bytes(key, this.input([value])[0]!))
    }
  }

  /** Writes the variable arguments of the next call; their lengths. */
  private input(parts: readonly (string | Uint8Array)[]): number[] {
    let most = 0
    for (const part of parts) most += typeof part === 'string' ? part.length * 3 : part.length
    const at = this.instance.exports.ek_input(most)
    if (at === 0) throw new CoreError(3, 'there is no memory for this call')
    const memory = this.instance.memory
    let end = at
    return parts.map((part) => {
      const begin = end
      if (typeof part === 'string') end += memory.write(part, end, 'utf8')
      else {
        memory.set(part, end)
        end += part.length
      }
      return end - begin
    })
  }

  private checked(result: number): number {
    if (result < 0) throw new CoreError(-result, this.instance.error())
    return result
  }

  /** What CONNECT says from the next attempt on. */
  reconfigure(settings: readonly Setting[]): void {
    this.instance.exports.ek_config()
    this.set(settings)
    this.checked(this.instance.exports.ek_reconfigure(this.client))
  }

  start(): void {
    this.checked(this.instance.exports.ek_start(this.client, this.now()))
  }

  reconnect(): void {
    this.checked(this.instance.exports.ek_reconnect(this.client, this.now()))
  }

  /** Whoever asks for no outcome gives `NONE`. The packet identifier; 0 for QoS 0. */
  publish(
    token: number,
    topic: string,
    payload: string | Uint8Array,
    qos: number,
    retain: boolean,
    properties: Uint8Array,
  ): number {
    const { ek_publish, ek_payload } = this.instance.exports
    let flags = qos | (retain ? RETAIN : 0) | (qos > 0 ? TELL_ID : 0)
    const shared = payload.length >= SHARED_FROM
    const same = topic === this.lastSent && topic !== ''
    const lengths = this.input([same ? EMPTY : topic, properties, shared ? EMPTY : payload])
    let last = lengths[2]!
    if (shared) {
      const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
      last = this.checked(ek_payload(bytes.length))
      this.payloads.set(last, bytes)
      flags |= SHARED
    }
    // Forgotten before the call: if it fails, which topic is the last is not known.
    this.lastSent = ''
    const topicLength = same ? NONE : lengths[0]!
    const result = ek_publish(this.client, this.now(), token, flags, topicLength, lengths[1]!, last)
    if (result < 0 && shared) this.payloads.delete(last)
    this.checked(result)
    this.lastSent = topic
    return result
  }

  subscribe(
    token: number,
    filters: readonly (readonly [topic: string, options: number])[],
    properties: Uint8Array,
  ): void {
    this.filters('ek_subscribe', token, filters, properties)
  }

  unsubscribe(token: number, topics: readonly string[], properties: Uint8Array): void {
    const filters = topics.map((topic) => [topic, 0] as const)
    this.filters('ek_unsubscribe', token, filters, properties)
  }

  private filters(
    call: 'ek_subscribe' | 'ek_unsubscribe',
    token: number,
    filters: readonly (readonly [topic: string, options: number])[],
    properties: Uint8Array,
  ): void {
    const parts = filters.map(([topic, options]) => {
      const text = Buffer.from(topic)
      const part = Buffer.alloc(8 + Math.ceil(text.length / 4) * 4)
      part.writeUInt32LE(options, 0)
      part.writeUInt32LE(text.length, 4)
      text.copy(part, 8)
      return part
    })
    const lengths = this.input([Buffer.concat(parts), properties])
    const ask = this.instance.exports[call]
    this.checked(
      ask(this.client, this.now(), token, filters.length, lengths[0]!, lengths[1]!),
    )
  }

  abandon(packetId: number): void {
    this.checked(this.instance.exports.ek_abandon(this.client, this.now(), packetId))
  }

  probe(): void {
    this.instance.exports.ek_probe(this.client, this.now())
  }

  trace(on: boolean): void {
    this.instance.exports.ek_trace(this.client, on ? 1 : 0)
  }

  /** `reason` undefined: the usual DISCONNECT. */
  shutdown(limitMs: number, reason: number | undefined, properties: Uint8Array): void {
    const lengths = this.input([properties])
    const { ek_shutdown } = this.instance.exports
    this.checked(ek_shutdown(this.client, this.now(), limitMs, reason ?? NONE, lengths[0]!))
  }

  /** Told to the server at the end of the turn, with the others. */
  acknowledge(ack: number, reason: number): void {
    if (ack !== 0) this.acks.push(ack, reason)
  }

  giveBack(ack: number): void {
    if (ack !== 0 && !this.broken) this.instance.exports.ek_give_back(this.client, ack)
  }

  phase(conn: number, phase: number): void {
    this.instance.exports.ek_phase(this.client, this.now(), conn, phase)
  }

  freshCredentials(conn: number): void {
    this.instance.exports.ek_fresh_credentials(this.client, this.now(), conn)
  }

  opened(
    conn: number,
    username: string | undefined,
    password: string | Uint8Array | undefined,
  ): void {
    this.taken = true
    const lengths = this.input([username ?? EMPTY, password ?? EMPTY])
    const { ek_opened } = this.instance.exports
    const name = username === undefined ? NONE : lengths[0]!
    const secret = password === undefined ? NONE : lengths[1]!
    this.checked(ek_opened(this.client, this.now(), conn, 1, name, secret))
  }

  received(conn: number, chunk: Buffer): void {
    this.guarded(() => {
      const { ek_reserve, ek_received } = this.instance.exports
      const at = ek_reserve(this.client, chunk.length)
      if (at === 0) throw new CoreError(3, 'there is no memory for what has arrived')
      this.instance.memory.set(chunk, at)
      this.chunk = chunk
      ek_received(this.client, this.now(), conn, chunk.length)
    })
  }

  heard(conn: number): void {
    this.instance.exports.ek_heard(this.client, this.now(), conn)
  }

  written(conn: number, bytes: number): void {
    this.taken = true
    if (!this.broken) this.instance.exports.ek_written(this.client, this.now(), conn, bytes)
  }

  closed(conn: number, failure: number, detail = Number.NaN, afterMs = 0): void {
    if (this.broken) return
    this.instance.exports.ek_closed(this.client, this.now(), conn, failure, detail, afterMs)
  }

  /** `undefined` gives up. */
  authenticate(conn: number, data: Uint8Array | undefined): void {
    const lengths = this.input([data ?? EMPTY])
    const { ek_authenticate } = this.instance.exports
    ek_authenticate(this.client, this.now(), conn, data === undefined ? NONE : lengths[0]!)
  }

  get isClosed(): boolean {
    return this.broken || this.instance.exports.ek_state(this.client) === State.Closed
  }

  number(which: number): number {
    return this.broken ? Number.NaN : this.instance.exports.ek_number(this.client, which)
  }

  destroy(): void {
    if (this.broken) return
    this.broken = true
    this.instance.clients -= 1
    if (this.instance.clients === 0) forgetInstance(this.instance)
    else this.instance.exports.ek_destroy(this.client)
  }

  /**
   * Does what is due, and hands everything that the core has to say to the
   * world and the listener. With `mayWrite` false nothing is written, with `mostMessages` 0 no
   * message is taken.
   */
  drain(mostMessages = MESSAGES_AT_ONCE, mayWrite = true): void {
    this.guarded(() => {
      for (;;) {
        this.tellAcks()
        if (this.broken) return
        const flags = this.taken && mayWrite ? BATCH_TAKEN : 0
        const { ek_drain, ek_output } = this.instance.exports
        const length = this.checked(ek_drain(this.client, this.now(), mostMessages, flags))
        const at = ek_output()
        const records = Buffer.allocUnsafe(length)
        this.instance.memory.copy(records, 0, at, at + length)
        if (!this.read(records) && this.acks.length === 0) break
      }
    })
  }

  private tellAcks(): void {
    const acks = this.acks
    if (acks.length === 0 || this.broken) return
    this.acks = []
    const { ek_input, ek_acknowledge_all } = this.instance.exports
    const at = ek_input(acks.length * 4)
    const memory = this.instance.memory
    for (let index = 0; index < acks.length; index++) {
      memory.writeUInt32LE(acks[index]!, at + index * 4)
    }
    ek_acknowledge_all(this.client, this.now(), acks.length / 2)
  }

  /** A trap ends this core alone; what the caller does wrong is thrown on. */
  private guarded(act: () => void): void {
    if (this.broken) return
    try {
      act()
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error
      this.broken = true
      forgetInstance(this.instance)
      this.world.onTrap(error)
    }
  }

  /** True if there is more to drain. */
  private read(records: Buffer): boolean {
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
    if ((flags & 16) === 0) {
      this.lastReceived = records.toString('utf8', next, next + topicLength)
      next += topicLength
    }
    const properties = propertiesLength === 0 ? EMPTY : records.subarray(next, next + propertiesLength)
    const inChunk = (flags & 32) !== 0
    const payload = inChunk
      ? this.chunk.subarray(begin, begin + length)
      : records.subarray(at + begin, at + begin + length)
    return {
      topic: this.lastReceived,
      qos: (flags & 3) as 0 | 1 | 2,
      retain: (flags & RETAIN) !== 0,
      dup: (flags & 8) !== 0,
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

const MORE = 16
const RELEASED = 11

/** Errors of sockets as the core counts them. */
export function failureOf(error: NodeJS.ErrnoException | undefined): number {
  const code = error?.code
  if (error === undefined) return Failure.Eof
  switch (code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return Failure.Reset
    case 'ECONNREFUSED':
    case 'ENOENT':
      return Failure.Refused
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
    case 'ENETDOWN':
      return Failure.Unreachable
    case 'ETIMEDOUT':
      return Failure.TimedOut
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return Failure.Resolve
    case 'CERT_NOT_YET_VALID':
      return Failure.CertificateNotYetValid
    case 'CERT_HAS_EXPIRED':
      return Failure.CertificateExpired
    default:
  }
  if (code !== undefined && REFUSED_CERTIFICATES.has(code)) return Failure.TlsRefused
  if (code?.startsWith('ERR_SSL') || code === 'EPROTO') return Failure.Tls
  return Failure.Other
}

const REFUSED_CERTIFICATES = new Set([
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])
