//! Between the core and the place where its session is kept: one thing at a time, in order.
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
    this.next(async () => {
      try {
        if (this.owed === undefined) await this.session.append(batch)
        else await this.session.replace(Buffer.concat([this.owed, batch]))
        this.owed = undefined
      } catch (error) {
        return this.answer(failureOfSession(error), error)
      }
      this.length += batch.length
      this.answer(0, undefined)
    })
  }

  /** True if there is a batch under way, after which it is done. It is not to throw. */
  postpones(act: () => void): boolean {
    if (this.underWay > 0) this.postponed.push(act)
    return this.underWay > 0
  }

  private answer(failure: number, error: unknown): void {
    this.underWay -= 1
    this.owner.onKept(failure, error)
    if (this.underWay > 0) return
    const { postponed } = this
    this.postponed = []
    this.tidy()
    for (const act of postponed) act()
  }

  /** While no batch waits. */
  private tidy(): void {
    if (this.length < 2 * this.leastLength + SLACK) return
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

  /** When all is kept that was given. */
  close(): Promise<void> {
    this.next(() => this.session.close())
    return this.tail
  }

  private next(act: () => Promise<void>): void {
    this.tail = this.tail.then(act).catch(() => {})
  }
}
