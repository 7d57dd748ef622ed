//! The end of a page, which is the last at which a WebSocket takes anything. Of workers no
//! end is told.

interface Target {
  addEventListener?(type: 'pagehide', listener: (event: { persisted: boolean }) => void): void
  removeEventListener?(type: 'pagehide', listener: (event: { persisted: boolean }) => void): void
}

export function atExit(act: () => void): () => void {
  const here = globalThis as Target
  const onHidden = ({ persisted }: { persisted: boolean }): void => {
    // One that is kept for the history goes on later.
    if (!persisted) act()
  }
  here.addEventListener?.('pagehide', onHidden)
  return () => here.removeEventListener?.('pagehide', onHidden)
}
