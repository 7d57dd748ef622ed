//! The one deadline of a client, on a clock that goes on through a sleep of the machine
//! and where somebody fakes timers alone.
import { LONGEST_WAIT_MS, monotonicMs, type Waiter } from './clock'

/** Timers of Node are early by less than this. */
const EARLY_MS = 2

export class Alarm {
  private skewMs = 0
  private deadline = Number.NaN
  private timer: unknown
  private timerAt = Number.NaN

  constructor(
    private readonly waiter: Waiter,
    private readonly onDue: () => void,
  ) {}

  now(): number {
    return monotonicMs() + this.skewMs
  }

  /** The machine has slept. */
  forward(sleptMs: number): void {
    this.skewMs += sleptMs
  }

  /** Calls back at this time of `now`, instead of the one before; `NaN`: never. */
  set(deadline: number): void {
    this.deadline = deadline
    if (Number.isNaN(deadline)) return this.stop()
    // One that fires too early is set again then.
    if (this.timer !== undefined && this.timerAt <= deadline) return
    this.stop()
    this.start(deadline)
  }

  private start(deadline: number): void {
    const now = this.now()
    const wait = Math.min(Math.max(1, Math.ceil(deadline - now)), LONGEST_WAIT_MS)
    this.deadline = deadline
    this.timerAt = Math.min(deadline, now + wait)
    this.timer = this.waiter.start(() => this.onTimer(), wait)
  }

  stop(): void {
    if (this.timer !== undefined) this.waiter.stop(this.timer)
    this.timer = undefined
    this.deadline = Number.NaN
  }

  private onTimer(): void {
    this.timer = undefined
    // A clock that stands still while timers fire is a fake one of the two.
    const early = this.timerAt - this.now()
    if (early > EARLY_MS) this.forward(early)
    if (Number.isNaN(this.deadline)) return
    if (this.deadline - this.now() > EARLY_MS) this.start(this.deadline)
    else this.onDue()
  }
}
