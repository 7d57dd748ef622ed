//! Between the core and the place where its session is kept: one thing at a time, in order.
import { EvenkeelError } from '../errors'
import { failureOfSession, type ISession } from './session'

/** What the keeper tells. */
export interface KeeperOwner {
  /** The batch that was given last is kept; or is not, by this number of the core. */
  onKept(failure: number, error: unknown): void
  /** All that counts, to take the place of what is kept. */
  snapshot(): Uint8Array
}

/** What is over is left in the log until there is so much more of it than of the rest. */
const SLACK = 256 * 1024

/** How long an end waits for a place that does not answer. */
export const END_LIMIT_MS = 5_000
const TIMED_OUT = 636

export class Keeper {
  private tail: Promise<void> = Promise.resolve()
  private length: number
  private leastLength: number
  /** To be in the place of all before anything is appended. */
  private owed: Uint8Array | undefined

  /** Batches whose fate is not known. */
  private underWay = 0
  /** What waits until none is. */
  private postponed: (() => void)[] = []
  /** Runs while an end waits for the place. */
  private limit: ReturnType<typeof globalThis.setTimeout> | undefined
  /** The place did not answer in time: it is asked for nothing any more. */
  private silent: Error | undefined

  /** It begins with a snapshot, which also rids the place of what a crash has torn. */
  constructor(
    private readonly session: ISession,
    private readonly owner: KeeperOwner,
  ) {
    const beginning = owner.snapshot()
    this.length = this.leastLength = beginning.length
    this.owed = beginning
    this.next(async () => {
      try {
        await session.replace(beginning)
        this.owed = undefined
      } catch {
        // The first batch tries again, and says so.
      }
    })
  }

  keep(batch: Uint8Array): void {
    this.underWay += 1
    if (this.silent !== undefined) {
      void Promise.resolve().then(() => this.answer(TIMED_OUT, this.silent))
      return
    }
    this.next(async () => {
      if (this.silent !== undefined) return
      try {
        if (this.owed === undefined) await this.session.append(batch)
        else await this.session.replace(Buffer.concat([this.owed, batch]))
        this.owed = undefined
      } catch (error) {
        if (this.silent === undefined) this.answer(failureOfSession(error), error)
        return
      }
      if (this.silent !== undefined) return
      this.length += batch.length
      this.answer(0, undefined)
    })
  }

  /** True if there is a batch under way, after which it is done. It is not to throw. */
  postpones(act: () => void): boolean {
    if (this.underWay === 0) return false
    this.postponed.push(act)
    this.limit ??= globalThis.setTimeout(() => this.giveUp(), END_LIMIT_MS)
    return true
  }

  /** Whether its batches are kept is known by whoever opens it next. */
  private giveUp(): void {
    this.silent = silence()
    while (this.underWay > 0) this.answer(TIMED_OUT, this.silent)
  }

  private answer(failure: number, error: unknown): void {
    this.underWay -= 1
    this.owner.onKept(failure, error)
    if (this.underWay > 0) return
    const { postponed } = this
    this.postponed = []
    globalThis.clearTimeout(this.limit)
    this.limit = undefined
    this.tidy()
    for (const act of postponed) act()
  }

  /** While no batch waits. */
  private tidy(): void {
    if (this.silent !== undefined || this.length < 2 * this.leastLength + SLACK) return
    const all = this.owner.snapshot()
    this.leastLength = this.length
    this.next(async () => {
      try {
        await this.session.replace(all)
        this.length = this.leastLength = all.length
      } catch {
        // What was there is whole, and goes on growing until the next time.
      }
    })
  }

  /** When all is kept that was given; or with an error, if the place does not answer. */
  async close(): Promise<Error | undefined> {
    this.next(() => this.session.close())
    if (this.silent !== undefined) return this.silent
    return bounded(this.tail)
  }

  private next(act: () => Promise<void>): void {
    this.tail = this.tail.then(act).catch(() => {})
  }
}

/** Waits for a place, but not for ever: then the error says so. */
export function bounded(done: Promise<void>): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const timer = globalThis.setTimeout(() => resolve(silence()), END_LIMIT_MS)
    void done.finally(() => {
      globalThis.clearTimeout(timer)
      resolve(undefined)
    })
  })
}

function silence(): EvenkeelError {
  const seconds = END_LIMIT_MS / 1000
  return new EvenkeelError(
    `The session's place has not answered for ${seconds} s: what it was to keep may be lost, and it may still be held`,
    'SESSION_TIMED_OUT',
  )
}
