//! Arguments into the memory of the module.

type Write = (this: Buffer, text: string, at: number, most: number) => number

/** Node's own `write` calls this one, which takes half its time; not every runtime has it. */
const writeText = /* @__PURE__ */ (() => {
  const { utf8Write, write } = Buffer.prototype as unknown as { utf8Write?: Write; write: Write }
  return utf8Write ?? write
})()

/** Writes bytes, or text as UTF-8, and returns how many bytes that were. */
export function put(memory: Buffer, part: string | Uint8Array, at: number): number {
  const { length } = part
  if (length === 0) return 0
  if (typeof part === 'string') return writeText.call(memory, part, at, length * 3)
  memory.set(part, at)
  return length
}

/** It takes no more bytes than these. */
export function mostBytes(part: string | Uint8Array): number {
  return typeof part === 'string' ? part.length * 3 : part.length
}
