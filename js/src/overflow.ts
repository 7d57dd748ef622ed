//! Publishes that the core does not take at the moment, as too many bytes wait to
//! be written already. They go first when there is room, in their order.
import { CoreError } from './core'
import { EvenkeelError } from './errors'
import { Outcome } from './numbers'
import { nextTick } from './platform'

/** As in the core's own queue. */
const MOST = 100_000
const MOST_BYTES = 128 * 1024 * 1024

export interface Waiting {
  /** Hands it to the core; throws what the core says. */
  submit(): void
  /** Tells its callback. */
  fail(error: unknown): void
  readonly bytes: number
}

export class Overflow {
  private waiting: Waiting[] = []
  /** How many of them are gone: a list is not shortened one by one. */
  private gone = 0
  private bytes = 0
  private emptied: (() => void) | undefined

  get isEmpty(): boolean {
    return this.gone === this.waiting.length
  }

  /** Submits it, now or when there is room. */
  take(waiting: Waiting): void {
    if (this.isEmpty && this.tried(waiting)) return
    if (this.waiting.length - this.gone >= MOST || this.bytes + waiting.bytes > MOST_BYTES) {
      const text = 'Too many messages wait to be written: publish more slowly'
      failSoon(waiting, new EvenkeelError(text, 'QUEUE_FULL'))
      return
    }
    this.waiting.push(waiting)
    this.bytes += waiting.bytes
  }

  /** There may be room. */
  flush(): void {
    while (!this.isEmpty) {
      const next = this.waiting[this.gone]!
      if (!this.tried(next)) return
      this.gone += 1
      this.bytes -= next.bytes
    }
    this.waiting = []
    this.gone = 0
    const { emptied } = this
    this.emptied = undefined
    emptied?.()
  }

  /** False if it has to wait. */
  private tried(waiting: Waiting): boolean {
    try {
      waiting.submit()
    } catch (error) {
      if (error instanceof CoreError && error.number === Outcome.WriteBufferFull) return false
      failSoon(waiting, error)
    }
    return true
  }

  /** Calls once nothing waits any more. */
  whenEmpty(act: () => void): void {
    if (this.isEmpty) act()
    else this.emptied = act
  }

  failAll(error: Error): void {
    const left = this.waiting.slice(this.gone)
    this.waiting = []
    this.gone = 0
    this.bytes = 0
    this.emptied = undefined
    for (const waiting of left) waiting.fail(error)
  }
}

function failSoon(waiting: Waiting, error: unknown): void {
  nextTick(() => waiting.fail(error))
}
