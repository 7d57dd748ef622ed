//! When a page comes back: from the background, from being frozen, from where the
//! history keeps it, from a sleep of the machine; or when the network does.
import { monotonicMs } from '../../clock'

const CHECK_EVERY_MS = 5_000
/**
 * The wall clock has gone on for so much longer than the other one: the machine has
 * slept. (Or somebody has set the clock, which then costs a ping.)
 */
const GAP_LEAST_MS = 2_000

const listeners = new Set<() => void>()
let checks = false

/** Tells of all that is known; none of it says that a connection is over. */
export function watchReturn(onReturn: () => void): () => void {
  if (listeners.size === 0) listen('addEventListener')
  listeners.add(onReturn)
  if (!checks) checkLater(Date.now(), monotonicMs())
  return () => {
    if (listeners.delete(onReturn) && listeners.size === 0) listen('removeEventListener')
  }
}

interface Target {
  addEventListener?(type: string, listener: (event: { persisted?: boolean }) => void): void
  removeEventListener?(type: string, listener: (event: { persisted?: boolean }) => void): void
}

/** What pages and workers have; other engines have some of it, or none. */
const here = globalThis as Target & { document?: Target & { visibilityState?: string } }

function listen(how: 'addEventListener' | 'removeEventListener'): void {
  here[how]?.('online', tell)
  here[how]?.('pageshow', onShown)
  here.document?.[how]?.('resume', tell)
  here.document?.[how]?.('visibilitychange', onVisibility)
}

function tell(): void {
  for (const listener of [...listeners]) listener()
}

function onShown(event: { persisted?: boolean }): void {
  // The first time that a page is shown, nothing was there before.
  if (event.persisted) tell()
}

function onVisibility(): void {
  if (here.document?.visibilityState === 'visible') tell()
}

function checkLater(wallMs: number, monoMs: number): void {
  checks = true
  const timer: unknown = globalThis.setTimeout(() => {
    checks = false
    if (listeners.size === 0) return
    const [wall, mono] = [Date.now(), monotonicMs()]
    checkLater(wall, mono)
    if (wall - wallMs - (mono - monoMs) > GAP_LEAST_MS) tell()
  }, CHECK_EVERY_MS)
  // Node, where tests run this, is not to wait for it.
  ;(timer as { unref?: () => void }).unref?.()
}
