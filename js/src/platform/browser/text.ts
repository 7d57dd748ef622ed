//! Bytes from the text of the script: the other end of `scripts/text.mjs`.

export interface Packed {
  /** How many bytes it is. */
  size: number
  /** The characters that stand for a byte, and those that take a second one. */
  single: string
  prefixes: string
  /** The bytes in the order of their characters. */
  order: readonly number[]
  text: string
}

export function bytesOf({ size, single, prefixes, order, text }: Packed): Uint8Array {
  const places = new Uint8Array(128)
  for (let index = 0; index < single.length; index++) places[single.charCodeAt(index)] = index
  const steps = new Uint16Array(128)
  for (let index = 0; index < prefixes.length; index++) {
    steps[prefixes.charCodeAt(index)] = (index + 1) * single.length
  }
  const bytes = new Uint8Array(size)
  let step = 0
  let at = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    const next = steps[code]!
    if (next > 0) step = next
    else {
      bytes[at++] = order[step + places[code]!]!
      step = 0
    }
  }
  return bytes
}
