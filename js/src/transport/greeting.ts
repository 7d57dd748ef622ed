//! Reads what a proxy says before the stream is the server's.
import type { Socket } from 'node:net'

/** Longest answer of a proxy that is read. */
const LONGEST = 64 * 1024

export class Greeting {
  private held: Buffer = Buffer.alloc(0)
  private wake: (() => void) | undefined
  private ended: Error | undefined

  constructor(private readonly socket: Socket) {
    socket.on('data', this.onData)
    socket.on('error', this.onError)
    socket.on('close', this.onClose)
  }

  private readonly onData = (chunk: Buffer): void => {
    this.held = Buffer.concat([this.held, chunk])
    this.wake?.()
  }

  private readonly onError = (error: Error): void => this.fail(error)

  private readonly onClose = (): void => this.fail(new Error('The proxy closed the connection'))

  private fail(error: Error): void {
    this.ended ??= error
    this.wake?.()
  }

  /** Ends the waiting from outside. */
  abort(error: Error): void {
    this.fail(error)
  }

  /** Waits until `found` says how many bytes its answer takes; -1 for not yet. */
  async take(found: (held: Buffer) => number): Promise<Buffer> {
    for (;;) {
      const length = found(this.held)
      if (length >= 0) {
        const taken = this.held.subarray(0, length)
        this.held = this.held.subarray(length)
        return taken
      }
      if (this.ended !== undefined) throw this.ended
      if (this.held.length > LONGEST) throw new Error('The answer of the proxy is too long')
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
      this.wake = undefined
    }
  }

  bytes(length: number): Promise<Buffer> {
    return this.take((held) => (held.length >= length ? length : -1))
  }

  /** The socket is the server's from here on. */
  done(): void {
    this.socket.off('data', this.onData)
    this.socket.off('error', this.onError)
    this.socket.off('close', this.onClose)
    this.socket.pause()
    if (this.held.length > 0) this.socket.unshift(this.held)
  }
}
