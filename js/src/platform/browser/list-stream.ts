//! A stream of objects that are there already: what a store's `createStream` gives.
import { EventEmitter } from './events'

export class ListStream extends EventEmitter {
  destroyed = false
  private readonly left: unknown[]
  private flows = false
  private ended = false

  constructor(items: readonly unknown[]) {
    super()
    this.left = [...items]
  }

  override on(event: string, listener: (...args: any[]) => void): this {
    super.on(event, listener)
    if (event === 'data') this.resume()
    if (event === 'readable') queueMicrotask(() => this.emit('readable'))
    return this
  }

  /** The next object; `null` behind the last one. */
  read(): unknown {
    if (this.left.length > 0) return this.left.shift()
    queueMicrotask(() => this.end())
    return null
  }

  resume(): this {
    if (this.flows) return this
    this.flows = true
    queueMicrotask(() => this.flow())
    return this
  }

  pause(): this {
    this.flows = false
    return this
  }

  private flow(): void {
    while (this.flows && !this.destroyed && this.left.length > 0) this.emit('data', this.left.shift())
    if (this.flows) this.end()
  }

  private end(): void {
    if (this.ended || this.destroyed || this.left.length > 0) return
    this.ended = true
    this.emit('end')
    this.emit('close')
  }

  destroy(error?: Error): this {
    if (this.destroyed) return this
    this.destroyed = true
    queueMicrotask(() => {
      if (error !== undefined) this.emit('error', error)
      if (!this.ended) this.emit('close')
    })
    return this
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown> {
    while (this.left.length > 0) yield this.left.shift()
    this.end()
  }
}
