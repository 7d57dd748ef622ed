//! The end of a process, of which Node tells: one listener for all clients.

const acts = new Set<() => void>()
let listens = false

export function atExit(act: () => void): () => void {
  if (!listens) process.on('exit', () => acts.forEach(doIt))
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
