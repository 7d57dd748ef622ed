//! Arguments into the memory of the module.

/** Writes bytes, or text as UTF-8, and returns how many bytes that were. */
export function put(memory: Buffer, part: string | Uint8Array, at: number): number {
  const { length } = part
  if (length === 0) return 0
  if (typeof part === 'string') return memory.write(part, at, length * 3)
  memory.set(part, at)
  return length
}

/** It takes no more bytes than these. */
export function mostBytes(part: string | Uint8Array): number {
  return typeof part === 'string' ? part.length * 3 : part.length
}
