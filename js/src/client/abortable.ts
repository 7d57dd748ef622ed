//! Promises that a signal may end before what they wait for is done.
import { promised } from './common'

/** What takes an `AbortSignal`. */
export interface IAbortable {
  /** Rejects the promise with its reason, and gives up what can be given up. */
  signal?: AbortSignal
}

type Done<T> = (error?: Error | null, value?: T) => void

/** As `promised`; `giveUp` gets the callback that waits in vain. */
export function abortable<T>(
  signal: AbortSignal | undefined,
  act: (done: Done<T>) => void,
  giveUp: (done: Done<T>) => void,
): Promise<T | undefined> {
  if (signal === undefined) return promised(act)
  if (signal.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const done: Done<T> = (error, value) => {
      signal.removeEventListener('abort', onAbort)
      if (error) reject(error)
      else resolve(value)
    }
    const onAbort = (): void => {
      reject(signal.reason)
      giveUp(done)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    act(done)
  })
}
