//! Which timers a client waits by.
import { nativeWaiter, type Waiter } from '../../clock'
import type { TimerVariant } from '../../types'
import { WorkerTimers } from './worker-timers'

let shared: WorkerTimers | null | undefined

/** `auto`: in a worker for pages, which alone have theirs held up in the background. */
export function waiterFor(variant: TimerVariant): Waiter {
  const wanted = variant === 'worker' || (variant === 'auto' && isPage())
  return (wanted ? inWorker() : undefined) ?? nativeWaiter
}

function isPage(): boolean {
  return 'document' in globalThis && 'window' in globalThis
}

function inWorker(): Waiter | undefined {
  if (shared === undefined) {
    try {
      shared = new WorkerTimers()
    } catch {
      shared = null
    }
  }
  return shared ?? undefined
}
