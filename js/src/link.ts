//! One connection's stream: opened, read, written and closed as the core says.
import type { TLSSocket } from 'node:tls'

import { nextTick } from './platform'
import { ROOM, type Roomy } from './transport/room'
import type { IStream } from './types'

/** Whom a link tells what happens to it. Nothing is told once it is closed. */
export interface LinkOwner {
  onOpened(link: Link): void
  onData(link: Link, chunk: Buffer): void
  /** Where the next bytes are wanted, if that matters. */
  roomFor(link: Link): Buffer | undefined
  onWritten(link: Link, total: number): void
  /** Once; `error` undefined: the other end closed in order. */
  onEnded(link: Link, error: Error | undefined): void
  /** The stream is gone; the very last thing. */
  onGone(link: Link): void
}

/** How long the last bytes may take to go out. */
const CLOSE_LIMIT_MS = 1_000
/** How long a destroyed stream may take to say that it is closed. */
const SAYS_CLOSED_MS = 500

export class Link {
  private closed = false
  private gone = false
  private ended = false

  constructor(
    readonly conn: number,
    readonly stream: IStream,
    private readonly owner: LinkOwner,
  ) {
    stream.on('error', (error) => this.end(error))
    stream.on('end', () => this.end(undefined))
    stream.on('close', () => {
      this.end(undefined)
      this.leave()
    })
    stream.on('data', (chunk: Buffer) => {
      if (!this.closed && !this.ended) owner.onData(this, chunk)
    })
    ;(stream as Roomy)[ROOM] = () => (this.closed || this.ended ? undefined : owner.roomFor(this))
    const wait = opensWith(stream)
    const opened = (): void => {
      if (!this.closed && !this.ended) owner.onOpened(this)
    }
    if (wait === undefined) nextTick(opened)
    else stream.once(wait, opened)
  }

  private end(error: Error | undefined): void {
    if (this.ended || this.closed) return
    this.ended = true
    this.owner.onEnded(this, error)
  }

  private leave(): void {
    if (this.gone) return
    this.gone = true
    this.owner.onGone(this)
  }

  write(pieces: readonly Uint8Array[], total: number): void {
    const stream = this.stream
    if (this.closed || this.ended || stream.destroyed || stream.writableEnded) return
    const done = (error?: Error | null): void => {
      if (!error && !this.closed && !this.ended) this.owner.onWritten(this, total)
    }
    if (pieces.length === 1) {
      stream.write(pieces[0], done)
      return
    }
    stream.cork()
    pieces.forEach((piece, index) => {
      if (index < pieces.length - 1) stream.write(piece)
      else stream.write(piece, done)
    })
    stream.uncork()
  }

  /** Writes these bytes as far as that goes without delay, and closes. */
  close(pieces: readonly Uint8Array[], atOnce: boolean): void {
    if (this.closed) return
    this.closed = true
    const stream = this.stream
    const cannotWrite = stream.destroyed || stream.writableEnded || opensWith(stream) !== undefined
    if (atOnce || this.ended || cannotWrite || pieces.length === 0) {
      this.cut()
      return
    }
    for (const piece of pieces) stream.write(piece)
    stream.end()
    const timer = globalThis.setTimeout(() => this.cut(), CLOSE_LIMIT_MS)
    stream.once('close', () => globalThis.clearTimeout(timer))
  }

  private cut(): void {
    this.stream.destroy()
    if (this.stream.closed) this.leave()
    // A stream of the caller's may never say that it is closed.
    else globalThis.setTimeout(() => this.leave(), SAYS_CLOSED_MS).unref?.()
  }

  read(wanted: boolean): void {
    if (this.closed || this.stream.isPaused() === !wanted) return
    if (wanted) this.stream.resume()
    else this.stream.pause()
  }
}

/** The event that says the stream is usable; `undefined` if it is. */
function opensWith(stream: IStream): string | undefined {
  const { connecting, encrypted, secureConnecting } = stream as Partial<TLSSocket> & {
    secureConnecting?: boolean
  }
  if (encrypted) return connecting || secureConnecting ? 'secureConnect' : undefined
  return connecting === true ? 'connect' : undefined
}
