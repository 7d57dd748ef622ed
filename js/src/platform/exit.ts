//! What is to be done before the process or the page ends, for all clients of it.

const acts = new Set<() => void>()
let listens = false

/** Keeps what is to be done when `listen` calls back; what is returned takes it back. */
export function onExit(listen: (end: () => void) => void, act: () => void): () => void {
  if (!listens) listen(() => acts.forEach(doIt))
  listens = true
  acts.add(act)
  return () => acts.delete(act)
}

/** What fails does not keep the others from theirs. */
function doIt(act: () => void): void {
  try {
    act()
  } catch {
    // Nobody is left to be told.
  }
}
