//! A file takes the place of another one, also on Windows.
import { rename } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

/** Another program looks at a file for a moment, as scanners and indexers do. */
const PASSING = new Set(['EPERM', 'EACCES', 'EBUSY'])
/** One and a half seconds together. */
const WAITS_MS = [10, 20, 40, 80, 150, 300, 400, 500]

/** Tries again while that may help. `act` is for tests. */
export async function renameFile(
  from: string,
  to: string,
  act: (from: string, to: string) => Promise<void> = rename,
  waitsMs: readonly number[] = process.platform === 'win32' ? WAITS_MS : [],
): Promise<void> {
  for (const ms of waitsMs) {
    try {
      return await act(from, to)
    } catch (error) {
      if (!PASSING.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
    await delay(ms)
  }
  await act(from, to)
}
