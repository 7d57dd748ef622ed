//! Streams that can be told where to put what they read next.

export const ROOM = Symbol('room')

export interface Roomy {
  /** Where the next bytes are wanted, if that matters. */
  [ROOM]?: () => Buffer | undefined
}
