//! How the core in WebAssembly is called: `crates/wasm/ABI.md`. What it says is
//! read by `records.ts`; no file outside this folder knows either.
import { type Instance, instanceFailed, instanceFor, leaveInstance, type User } from '../module'
import { Key, NONE, Outcome, State } from '../numbers'
import { isTrap, nextTick } from '../platform'
import { mostBytes, put } from './arguments'
import { copyOf } from './copies'
import { CoreError, coreFailed } from './error'
import { Reading } from './reading'
import { Records } from './records'
import type { Listener, World } from './said'

export { CoreError, coreFailed } from './error'
export { failureOf } from './failure'
export type * from './said'

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

/** The error of the module that says so. */
const NO_ROOM = 3

export class Core implements User {
  private readonly instance: Instance
  private readonly client: number
  private readonly records: Records
  private readonly reading: Reading
  private broken = false
  private readonly isKept: boolean
  private lastSent = ''
  /** When the first publish since the last drain was. */
  private lookedAt: number | undefined
  private acks: number[] = []
  constructor(
    settings: readonly Setting[],
    private readonly world: World,
    listener: Listener,
    private readonly clock: () => number,
    /** The session as it was kept, if it is. */
    kept?: Uint8Array,
  ) {
    this.isKept = kept !== undefined
    this.instance = instanceFor(this)
    this.records = new Records(world, listener, this.instance.payloads)
    const seed = (): number => Math.floor(Math.random() * 2 ** 32)
    try {
      this.instance.exports.ek_config()
      this.set(settings)
      if (kept !== undefined) this.replay(kept)
      this.client = this.checked(this.instance.exports.ek_create(clock(), seed(), seed()))
      this.reading = new Reading(this.instance, this.client, this.records)
    } catch (error) {
      leaveInstance(this.instance, this)
      throw error
    }
  }

  private replay(kept: Uint8Array): void {
    const { ek_replay } = this.instance.exports
    if (ek_replay === undefined) throw new CoreError(Outcome.NotSupported, 'This build keeps no sessions')
    this.set([[Key.WallClock, Date.now()]])
    this.checked(ek_replay(this.input([kept])[0]!))
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
    for (const part of parts) most += mostBytes(part)
    let end = this.instance.input(most)
    const { memory } = this.instance
    return parts.map((part) => {
      const length = put(memory, part, end)
      end += length
      return length
    })
  }

  private checked(result: number): number {
    return this.instance.checked(result)
  }

  /** The module's time goes on once it knows what came before. */
  private now(): number {
    this.reading.tell()
    return this.clock()
  }

  /** What CONNECT says from the next attempt on. */
  reconfigure(settings: readonly Setting[]): void {
    this.instance.exports.ek_config()
    this.set(settings)
    this.checked(this.instance.exports.ek_reconfigure(this.client))
  }

  start(): void {
    this.command(() => this.instance.exports.ek_start(this.client, this.now()))
  }

  reconnect(): void {
    this.command(() => this.instance.exports.ek_reconnect(this.client, this.now()))
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
    return this.command(() => this.published(token, topic, payload, qos, retain, properties))
  }

  private published(
    token: number,
    topic: string,
    payload: string | Uint8Array,
    qos: number,
    retain: boolean,
    properties: Uint8Array,
  ): number {
    const { instance } = this
    const shared = payload.length >= SHARED_FROM && !this.isKept ? this.share(payload) : 0
    const isShared = shared > 0
    const isSame = topic === this.lastSent && topic !== ''
    const most = mostBytes(topic) + properties.length + (isShared ? 0 : mostBytes(payload))
    const at = instance.input(most)
    const { memory } = instance
    const topicLength = isSame ? 0 : put(memory, topic, at)
    const propertiesLength = put(memory, properties, at + topicLength)
    const payloadAt = at + topicLength + propertiesLength
    // Forgotten before the call: if it fails, which topic is the last is not known.
    this.lastSent = ''
    const result = instance.exports.ek_publish(
      this.client,
      properties.length > 0 ? this.now() : this.recentNow(),
      token,
      qos | (retain ? RETAIN : 0) | (qos > 0 ? TELL_ID : 0) | (isShared ? SHARED : 0),
      isSame ? NONE : topicLength,
      propertiesLength,
      isShared ? shared : put(memory, payload, payloadAt),
    )
    if (result < 0) {
      if (isShared) instance.payloads.delete(shared)
      // No drain follows, and the next one is to be judged by its own time.
      this.lookedAt = undefined
    }
    this.checked(result)
    this.lastSent = topic
    return result
  }

  /**
   * To look at the clock takes as long as all else: once for what is published until the
   * next drain. What expires has a look of its own.
   */
  private recentNow(): number {
    this.lookedAt ??= this.now()
    return this.lookedAt
  }

  /** The number by which the module knows a payload that stays here; 0 if none is free. */
  private share(payload: string | Uint8Array): number {
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    const number = this.instance.exports.ek_payload(bytes.length)
    if (number === -NO_ROOM) return 0
    this.checked(number)
    this.instance.payloads.set(number, bytes)
    return number
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
    this.command(() => {
      const lengths = this.input([Buffer.concat(parts), properties])
      const ask = this.instance.exports[call]
      return ask(this.client, this.now(), token, filters.length, lengths[0]!, lengths[1]!)
    })
  }

  abandon(packetId: number): void {
    this.command(() => this.instance.exports.ek_abandon(this.client, this.now(), packetId))
  }

  /** Asks for a sign of life; false if there is no connection to ask, or no keep-alive. */
  probe(): boolean {
    let asked = 0
    this.guarded(() => {
      asked = this.instance.exports.ek_probe(this.client, this.now())
    })
    return asked === 1
  }

  trace(on: boolean): void {
    this.guarded(() => this.instance.exports.ek_trace(this.client, on ? 1 : 0))
  }

  /** `reason` undefined: the usual DISCONNECT. */
  shutdown(limitMs: number, reason: number | undefined, properties: Uint8Array): void {
    this.guarded(() => {
      const lengths = this.input([properties])
      const { ek_shutdown } = this.instance.exports
      this.checked(ek_shutdown(this.client, this.now(), limitMs, reason ?? NONE, lengths[0]!))
    })
  }

  /** Some were given to `acknowledge`, and no drain has followed. */
  get owesAnswers(): boolean {
    return this.acks.length > 0
  }

  /** Told to the server at the end of the turn, with the others. */
  acknowledge(ack: number, reason: number): void {
    if (ack !== 0) this.acks.push(ack, reason)
  }

  giveBack(ack: number): void {
    if (ack !== 0) this.guarded(() => this.instance.exports.ek_give_back(this.client, ack))
  }

  phase(conn: number, phase: number): void {
    this.guarded(() => this.instance.exports.ek_phase(this.client, this.now(), conn, phase))
  }

  freshCredentials(conn: number): void {
    this.guarded(() => this.instance.exports.ek_fresh_credentials(this.client, this.now(), conn))
  }

  opened(
    conn: number,
    username: string | undefined,
    password: string | Uint8Array | undefined,
  ): void {
    this.records.taken = true
    this.reading.forget()
    this.guarded(() => {
      const lengths = this.input([username ?? EMPTY, password ?? EMPTY])
      const { ek_opened } = this.instance.exports
      const name = username === undefined ? NONE : lengths[0]!
      const secret = password === undefined ? NONE : lengths[1]!
      this.checked(ek_opened(this.client, this.now(), conn, 1, name, secret))
    })
  }

  /** How many bytes were taken. A drain comes before the others, as there may be room by then. */
  received(conn: number, chunk: Buffer): number {
    let taken = chunk.length
    this.guarded(() => {
      taken = this.reading.take(this.clock(), conn, chunk)
    })
    return taken
  }

  /** What was received last may be told by a drain. */
  get hasNews(): boolean {
    return this.reading.hasNews
  }

  /** True if this is a part of a large payload alone, and was taken: there is nothing to do. */
  gathers(conn: number, chunk: Buffer): boolean {
    let gathered = false
    this.guarded(() => {
      gathered = this.reading.gathers(this.clock(), conn, chunk)
    })
    return gathered
  }

  /** Where the next bytes of this connection may be put before they are given to `received`. */
  room(conn: number): Buffer | undefined {
    return this.reading.room(conn)
  }

  heard(conn: number): void {
    this.guarded(() => this.instance.exports.ek_heard(this.client, this.now(), conn))
  }

  written(conn: number, bytes: number): void {
    this.records.taken = true
    this.guarded(() => this.instance.exports.ek_written(this.client, this.now(), conn, bytes))
  }

  closed(conn: number, failure: number, detail = Number.NaN, afterMs = 0): void {
    this.guarded(() => {
      this.reading.forget()
      this.instance.exports.ek_closed(this.client, this.now(), conn, failure, detail, afterMs)
    })
  }

  /** `undefined` gives up. */
  authenticate(conn: number, data: Uint8Array | undefined): void {
    this.guarded(() => {
      const lengths = this.input([data ?? EMPTY])
      const { ek_authenticate } = this.instance.exports
      ek_authenticate(this.client, this.now(), conn, data === undefined ? NONE : lengths[0]!)
    })
  }

  /** The batch of the last `onCommit` is kept (0), or is not, by the number of the failure. */
  committed(failure: number): void {
    this.guarded(() => this.instance.exports.ek_committed(this.client, this.now(), failure))
  }

  /** All that counts of the session, while no batch waits. */
  snapshot(): Buffer {
    const length = this.checked(this.instance.exports.ek_snapshot(this.client))
    return copyOf(this.instance.memory, this.instance.exports.ek_output(), length)
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
    leaveInstance(this.instance, this)
    if (this.instance.users.size > 0) this.instance.exports.ek_destroy(this.client)
  }

  /**
   * Does what is due, and hands everything that the core has to say to the
   * world and the listener. With `mayWrite` false nothing is written, with `mostMessages` 0 no
   * message is taken.
   */
  drain(mostMessages = MESSAGES_AT_ONCE, mayWrite = true): void {
    this.guarded(() => {
      this.tellAcks()
      for (let again = true; again; ) {
        this.lookedAt = undefined
        if (this.broken) return
        const flags = this.records.taken && mayWrite ? BATCH_TAKEN : 0
        const { ek_drain, ek_output } = this.instance.exports
        const length = this.checked(ek_drain(this.client, this.now(), mostMessages, flags))
        const said = copyOf(this.instance.memory, ek_output(), length)
        again = this.records.read(said)
        // What they write comes with the next drain that may.
        if (this.tellAcks() && mayWrite) again = true
      }
    })
  }

  /** The process ends, maybe while something is told: hands over all that is to be written. */
  drainLast(): void {
    this.records.writeRest()
    this.records.taken = true
    this.drain(0)
  }

  /** False if there are none. */
  private tellAcks(): boolean {
    const acks = this.acks
    if (acks.length === 0 || this.broken) return false
    this.acks = []
    const { ek_acknowledge_all } = this.instance.exports
    const at = this.instance.input(acks.length * 4)
    const { memory } = this.instance
    for (let index = 0; index < acks.length; index++) {
      memory.writeUInt32LE(acks[index]!, at + index * 4)
    }
    ek_acknowledge_all(this.client, this.now(), acks.length / 2)
    return true
  }

  /** What somebody has asked for, and waits for: of a module that has failed an error that says so. */
  private command(act: () => number): number {
    let result: number | undefined
    this.guarded(() => {
      result = this.checked(act())
    })
    if (result === undefined) throw coreFailed()
    return result
  }

  /** A trap ends all cores of the instance; what the caller does wrong is thrown on. */
  private guarded(act: () => void): void {
    if (this.broken) return
    try {
      act()
    } catch (error) {
      if (!isTrap(error)) throw error
      instanceFailed(this.instance, error)
    }
  }

  onInstanceFailed(error: unknown): void {
    this.broken = true
    // What one client's listeners throw is not to keep the others from being told.
    nextTick(() => this.world.onTrap(error))
  }
}
