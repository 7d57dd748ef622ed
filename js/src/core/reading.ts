//! What arrives goes into the module, but for large payloads: these stay outside, and
//! the module is told of them at their end, or before time goes on for it.
import type { Instance } from '../module'
import { CoreError } from './error'
import type { Records } from './records'
import { beginningOf, Skipping } from './skipping'

/** The error of the module that says so. */
const NO_ROOM = 3

export class Reading {
  /** The large payload that is arriving. */
  private skipping: Skipping | undefined
  /** How many bytes of it the module does not know of, and when the last of them came. */
  private untold = 0
  private untoldAt = 0
  /** How many of them have arrived whole: their numbers. */
  private wholes = 0
  /** The next byte to arrive is the first one of a packet; false if that is not known. */
  private atPacket = false
  /** What was received last may be told by a drain; not so amid a large payload. */
  hasNews = true

  constructor(
    private readonly instance: Instance,
    private readonly client: number,
    private readonly records: Records,
  ) {}

  /** A connection begins, or is over. */
  forget(): void {
    this.skipping = undefined
    this.untold = 0
    this.atPacket = false
  }

  /** How many bytes were taken. A drain comes before the others, as there may be room by then. */
  take(now: number, conn: number, chunk: Buffer): number {
    const skipped = this.skip(now, conn, chunk)
    this.hasNews = this.skipping === undefined || skipped === 0
    if (skipped > 0) return skipped
    const { atPacket } = this
    const part = atPacket ? beginningOf(chunk) : chunk
    this.feed(now, conn, part)
    // The head of a large message alone is no news.
    if (atPacket && this.skipping !== undefined) this.hasNews = false
    return part.length
  }

  private feed(now: number, conn: number, chunk: Buffer): void {
    this.atPacket = false
    const { instance, client } = this
    const { ek_reserve, ek_received } = instance.exports
    const at = ek_reserve(client, chunk.length)
    if (at === 0) throw new CoreError(NO_ROOM, 'there is no memory for what has arrived')
    instance.memory.set(chunk, at)
    this.records.chunk = chunk
    const left = instance.checked(ek_received(client, now, conn, chunk.length))
    // Nothing has to be skipped: the module takes all of it, too.
    if (left > 0) this.skipping = Skipping.begin(conn, chunk, left)
  }

  /** How many bytes at the front of this chunk are a large payload's, and stay here. */
  private skip(now: number, conn: number, chunk: Buffer): number {
    const { skipping } = this
    if (skipping === undefined) return 0
    if (skipping.conn !== conn) {
      this.forget()
      return 0
    }
    const taken = skipping.take(chunk)
    this.untold += taken
    this.untoldAt = now
    if (skipping.left > 0) return taken
    // The connection may be over by now.
    if (!this.tell()) return chunk.length
    this.skipping = undefined
    this.atPacket = true
    this.wholes += 1
    this.records.skipped.set(this.wholes, skipping.bytes)
    return taken
  }

  /** True if this chunk is payload alone, and was taken: nobody has to be told now. */
  gathers(now: number, conn: number, chunk: Buffer): boolean {
    const { skipping } = this
    if (skipping?.conn !== conn || chunk.length >= skipping.left) return false
    this.skip(now, conn, chunk)
    return true
  }

  /** Where the next bytes of this connection may be put before they are taken. */
  room(conn: number): Buffer | undefined {
    return this.skipping?.conn === conn ? this.skipping.room : undefined
  }

  /**
   * To be called before time goes on: a deadline is judged by all that came before it,
   * by when it came. False if its connection is over.
   */
  tell(): boolean {
    const { untold, skipping } = this
    if (untold === 0 || skipping === undefined) return true
    this.untold = 0
    const { ek_skipped } = this.instance.exports
    if (ek_skipped(this.client, this.untoldAt, skipping.conn, untold) >= 0) return true
    this.forget()
    return false
  }
}
