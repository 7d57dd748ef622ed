//! Memory for what the module says, cut from larger pieces: one of its own for each
//! drain takes more time than all that is copied into it.

const PIECE = 64 * 1024
/** More than this has memory of its own. */
const LARGE = PIECE / 4

let piece = Buffer.alloc(0)
let used = 0

/** A copy of what lies there. */
export function copyOf(memory: Buffer, at: number, length: number): Buffer {
  const copy = room(length)
  memory.copy(copy, 0, at, at + length)
  return copy
}

function room(length: number): Buffer {
  if (length > LARGE) return Buffer.allocUnsafeSlow(length)
  if (used + length > piece.length) {
    piece = Buffer.allocUnsafeSlow(PIECE)
    used = 0
  }
  used += length
  return piece.subarray(used - length, used)
}
