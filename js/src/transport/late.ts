//! A stream whose other end has to be asked for first: a URL that is signed
//! anew, a proxy that is to be talked to. It can be written to, ended and
//! destroyed before it is there.
import { Duplex } from 'node:stream'

export class LateStream extends Duplex {
  /** As of a socket of Node: false as soon as the stream is usable. */
  connecting = true
  private inner: Duplex | undefined
  private early: (() => void)[] = []

  constructor(find: (signal: AbortSignal) => Promise<Duplex>) {
    super({ allowHalfOpen: false })
    const given = new AbortController()
    this.once('close', () => given.abort())
    find(given.signal).then(
      (inner) => this.attach(inner),
      (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
    )
  }

  private attach(inner: Duplex): void {
    // Whoever waits for a stream that is over waits no longer: it only has to end.
    inner.on('error', (error) => this.destroy(error))
    if (this.destroyed) {
      inner.destroy()
      return
    }
    this.inner = inner
    inner.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) inner.pause()
    })
    inner.on('end', () => this.push(null))
    inner.on('close', () => this.destroy())
    inner.resume()
    this.connecting = false
    this.emit('connect')
    for (const act of this.early.splice(0)) act()
  }

  private whenThere(act: (inner: Duplex) => void): void {
    const inner = this.inner
    if (inner !== undefined) act(inner)
    else this.early.push(() => act(this.inner!))
  }

  override _read(): void {
    this.inner?.resume()
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.whenThere((inner) => inner.write(chunk, done))
  }

  override _writev(
    chunks: { chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    this.whenThere((inner) => inner.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done))
  }

  override _final(done: () => void): void {
    if (this.inner === undefined) return void done()
    this.inner.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.early = []
    this.inner?.destroy()
    done(error)
  }
}
