//! What the bundle for mini programs puts in the place of globals, which their engines have
//! in part, or hide from programs; and of what came into the language later than ES2017.
export { Buffer } from '../browser/buffer'
export { SmallUrl as URL } from './url'

/** Each is looked up when it is used, as fake clocks want it. */
const scope = {
  setTimeout: (act: () => void, ms: number): unknown => setTimeout(act, ms),
  clearTimeout: (id: any): void => clearTimeout(id),
  performance: { now: () => (typeof performance === 'object' && performance?.now ? performance.now() : wallMs()) },
  get console() {
    return console
  },
}
export { scope as globalThis }

const startMs = Date.now()
let lastMs = 0
let setBackMs = 0

/** By the wall clock, which may be set back: time does not go back with it. */
function wallMs(): number {
  const ms = Date.now() - startMs + setBackMs
  if (ms < lastMs) setBackMs += lastMs - ms
  else lastMs = ms
  return lastMs
}

const settled = Promise.resolve()

export function queueMicrotask(act: () => void): void {
  void settled.then(act).catch((error: unknown) => {
    // As of a microtask: it is nobody's, and the engine is to show it.
    setTimeout(() => {
      throw error
    }, 0)
  })
}

export function hasOwn(of: object, name: PropertyKey): boolean {
  return Object.prototype.hasOwnProperty.call(of, name)
}

export function fromEntries(entries: Iterable<[string, unknown]>): object {
  const made: Record<string, unknown> = {}
  for (const [name, value] of entries) made[name] = value
  return made
}
