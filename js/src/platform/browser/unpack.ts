//! The WebAssembly module from the text of the script: the other end of `scripts/pack.mjs`.
import { unlzma } from './lzma'

export interface Packed {
  /** How many bytes the module has. */
  size: number
  /** How many of them are before the first function. */
  before: number
  functions: number
  /** How many bytes of each kind there are, in the order of `Kind`. */
  parts: readonly number[]
  /** What LZMA made of them, six bits in each character. */
  text: string
}

/** What the bytes of a module are. Like ones lie together, where LZMA finds them alike. */
const enum Kind {
  /** All but the functions. */
  Frame,
  Code,
  /** The types of a function's variables. */
  Variables,
  /** Of how many others an instruction was since it was of this one. */
  Variable,
  Offset,
  Call,
  Block,
  Branch,
  Number,
  Long,
  Other,
}

/** More than the length of a function takes in front of it. */
const ROOM = 5

export function moduleOf({ size, before, functions, parts, text }: Packed): Uint8Array {
  const all = unlzma(bytesOf(text), parts.reduce((sum, part) => sum + part))
  const out = new Uint8Array(size + ROOM)
  let at = 0
  /** Where the next byte of each kind is. */
  const next: number[] = []
  parts.reduce((start, part) => (next.push(start), start + part), 0)

  const byte = (kind: Kind): number => (out[at++] = all[next[kind]!++]!)
  /** A number of seven bits in each byte. */
  const number = (kind: Kind): number => {
    const first = byte(kind)
    return first < 128 ? first : first - 128 + number(kind) * 128
  }
  const bytes = (kind: Kind, count: number) => {
    for (; count > 0; count--) byte(kind)
  }
  const numbers = (kind: Kind, count: number) => {
    for (; count > 0; count--) number(kind)
  }

  const put = (value: number) => {
    for (; value > 127; value >>= 7) out[at++] = (value & 127) | 128
    out[at++] = value
  }

  /** The variables of this function: first that of the last instruction, then those before. */
  let recent: number[] = []
  const variable = () => {
    const start = at
    const place = number(Kind.Variable)
    while (recent.length <= place) recent.push(recent.length)
    const which = recent[place]!
    recent.copyWithin(1, 0, place)
    recent[0] = which
    at = start
    put(which)
  }

  const instruction = (): number => {
    const code = byte(Kind.Code)
    if (code < 5) {
      if (code > 1) number(Kind.Block)
    } else if (code < 14) {
      if (code > 11) number(Kind.Branch)
    } else if (code === 14) numbers(Kind.Branch, number(Kind.Branch) + 1)
    else if (code === 16) number(Kind.Call)
    else if (code === 17) numbers(Kind.Other, 2)
    else if (code < 32) return code
    else if (code < 35) variable()
    else if (code < 40) number(Kind.Other)
    else if (code < 63) {
      number(Kind.Code)
      number(Kind.Offset)
    } else if (code < 65) number(Kind.Other)
    else if (code === 65) number(Kind.Number)
    else if (code === 66) number(Kind.Long)
    else if (code < 69) bytes(Kind.Other, code === 67 ? 4 : 8)
    else if (code === 252) {
      const more = number(Kind.Code)
      if (more > 7) bytes(Kind.Other, more === 10 ? 2 : 1)
    }
    return code
  }

  /** How long a function is stands in front of it, and can be told behind it. */
  const body = () => {
    const start = at
    at += ROOM
    recent = []
    for (let groups = number(Kind.Variables); groups > 0; groups--) {
      number(Kind.Variables)
      byte(Kind.Variables)
    }
    for (let depth = 1; depth > 0; ) {
      const code = instruction()
      if (code > 1 && code < 5) depth += 1
      else if (code === 11) depth -= 1
    }
    const end = at
    at = start
    put(end - start - ROOM)
    out.copyWithin(at, start + ROOM, end)
    at += end - start - ROOM
  }

  bytes(Kind.Frame, before)
  for (let count = 0; count < functions; count++) body()
  bytes(Kind.Frame, size - at)
  return out.subarray(0, size)
}

/** Four characters are three bytes: `#` to `b`, with two others for those that mean something. */
function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array((text.length / 4) * 3)
  let at = 0
  let bits = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    bits = (bits << 6) | (code === 99 ? 57 : code === 100 ? 25 : code - 35)
    if ((index & 3) < 3) continue
    bytes[at++] = bits >> 16
    bytes[at++] = bits >> 8
    bytes[at++] = bits
  }
  return bytes
}
