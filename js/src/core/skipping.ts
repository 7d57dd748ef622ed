//! A large payload that arrives in many chunks: it stays here, and the module is told
//! of its length alone.

/** The payload that is arriving. */
export class Skipping {
  /** The chunk in which it begins, and what came since: the payload is the end of it. */
  private constructor(
    readonly conn: number,
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

  /** Takes what is the payload's from the front of this chunk: how many bytes. */
  take(chunk: Uint8Array): number {
    const left = this.bytes.length - this.end
    const part = chunk.length > left ? chunk.subarray(0, left) : chunk
    this.bytes.set(part, this.end)
    this.end += part.length
    return part.length
  }
}
