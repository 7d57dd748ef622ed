//! Time and timers. All are looked up when they are used, so that the fake
//! clocks of test frameworks work, also when they fake `setTimeout` alone.
import { uptimeMs } from './platform'

export interface Timer {
  /** Calls `fn` again and again, `ms` milliseconds apart, until cleared. */
  set: (fn: () => void, ms: number) => any
  clear: (id: any) => void
}

/** Longest wait that Node's timers can take. */
export const LONGEST_WAIT_MS = 2_147_483_647

/** A wait that ends once. */
export interface Waiter {
  start(fn: () => void, ms: number): unknown
  stop(id: unknown): void
}

export const nativeWaiter: Waiter = {
  start: (fn, ms) => globalThis.setTimeout(fn, ms),
  stop: (id) => globalThis.clearTimeout(id as NodeJS.Timeout),
}

/** A caller's own timer repeats: the first call ends it. */
export function waiterOf(timer: Timer): Waiter {
  return {
    start(fn, ms) {
      const id = timer.set(() => {
        timer.clear(id)
        fn()
      }, ms)
      return id
    },
    stop: (id) => timer.clear(id),
  }
}

/** Milliseconds of the monotonic clock, without time in which the machine slept. */
export function monotonicMs(): number {
  return globalThis.performance.now()
}

const CHECK_EVERY_MS = 5_000
/** `uptimeMs` of Node counts in hundredths of a second, and reading takes time. */
const SLEEP_LEAST_MS = 1_000

type OnSleep = (sleptMs: number) => void

const sleepers = new Set<OnSleep>()
let lastUptimeMs = 0
let lastMonotonicMs = 0
let checking = false

/**
 * Tells after a sleep of the machine how long it was: the monotonic clock does
 * not count it, `uptimeMs` does. One timer for all clients of the process.
 */
export function watchSleep(onSleep: OnSleep): () => void {
  if (!checking) {
    remember()
    checkLater()
  }
  sleepers.add(onSleep)
  return () => sleepers.delete(onSleep)
}

function remember(): void {
  lastUptimeMs = uptimeMs()
  lastMonotonicMs = monotonicMs()
}

function checkLater(): void {
  checking = true
  const timer = globalThis.setTimeout(() => {
    checking = false
    if (sleepers.size === 0) return
    const slept = uptimeMs() - lastUptimeMs - (monotonicMs() - lastMonotonicMs)
    remember()
    checkLater()
    if (slept > SLEEP_LEAST_MS) for (const tell of [...sleepers]) tell(slept)
  }, CHECK_EVERY_MS)
  ;(timer as { unref?: () => void }).unref?.()
}
