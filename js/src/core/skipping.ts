//! A large payload that arrives in many reads: it stays here, and the module is told
//! of its length alone.

/** The head of a PUBLISH has mostly fewer bytes. */
const HEAD = 1024
/** It is skipped if at least so many bytes of its payload are still to come. */
const LEAST_SKIPPED = 16 * 1024
const PUBLISH = 3

/** What the module needs of a chunk that begins with a packet: little of a large PUBLISH. */
export function beginningOf(chunk: Buffer): Buffer {
  if (chunk.length <= HEAD || chunk[0]! >> 4 !== PUBLISH) return chunk
  let remaining = 0
  for (let index = 1; index < 5; index++) {
    const digit = chunk[index]!
    remaining |= (digit & 127) << (7 * (index - 1))
    if (digit < 128) break
  }
  return remaining < HEAD + LEAST_SKIPPED ? chunk : chunk.subarray(0, HEAD)
}

/** The payload that is arriving. */
export class Skipping {
  private constructor(
    readonly conn: number,
    /** The chunk in which it begins, and what came since: the payload is the end of it. */
    readonly bytes: Buffer,
    private end: number,
  ) {}

  /** So many bytes of it are still to come; `undefined` if there is no memory for them. */
  static begin(conn: number, first: Uint8Array, left: number): Skipping | undefined {
    let bytes
    try {
      bytes = Buffer.allocUnsafeSlow(first.length + left)
    } catch {
      return undefined
    }
    bytes.set(first)
    return new Skipping(conn, bytes, first.length)
  }

  /** How many bytes are still to come. */
  get left(): number {
    return this.bytes.length - this.end
  }

  /** Where the next bytes go. */
  get room(): Buffer {
    return this.bytes.subarray(this.end)
  }

  /** Takes what is the payload's from the front of this chunk: how many bytes. */
  take(chunk: Uint8Array): number {
    const { bytes, end, left } = this
    const part = chunk.length > left ? chunk.subarray(0, left) : chunk
    // What was read into `room` is where it belongs.
    if (part.buffer !== bytes.buffer || part.byteOffset !== bytes.byteOffset + end) bytes.set(part, end)
    this.end += part.length
    return part.length
  }
}
