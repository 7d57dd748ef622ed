//! UTF-8: short text by hand, which takes less time; longer text by the engine.

const SHORT = 32
const REPLACEMENT = '\ufffd'

/** What engines with Web APIs have; some engines for phones have not. */
interface Coders {
  decode(bytes: Uint8Array): string
  encodeInto(text: string, bytes: Uint8Array): { written: number }
}

let coders: Coders | null | undefined

function engine(): Coders | undefined {
  if (coders === undefined) {
    const { TextDecoder, TextEncoder } = globalThis
    if (TextDecoder === undefined || TextEncoder === undefined) coders = null
    else {
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
      const encoder = new TextEncoder()
      coders = {
        decode: (bytes) => decoder.decode(bytes),
        encodeInto: (text, bytes) => encoder.encodeInto(text, bytes),
      }
    }
  }
  return coders ?? undefined
}

/** The text in these bytes; what is no UTF-8 becomes U+FFFD. */
export function decodeUtf8(bytes: Uint8Array, from: number, to: number): string {
  if (to - from <= SHORT) {
    let text = ''
    let at = from
    for (; at < to && bytes[at]! < 128; at++) text += String.fromCharCode(bytes[at]!)
    if (at === to) return text
  }
  return engine()?.decode(bytes.subarray(from, to)) ?? decodeByHand(bytes, from, to)
}

/** Writes as much as there is room for, and no part of a character: how many bytes. */
export function encodeUtf8(text: string, bytes: Uint8Array, from: number, to: number): number {
  let at = from
  if (text.length <= SHORT) {
    let index = 0
    for (; index < text.length && at < to; index++) {
      const code = text.charCodeAt(index)
      if (code >= 128) break
      bytes[at++] = code
    }
    if (index === text.length || at === to) return at - from
    at = from
  }
  return engine()?.encodeInto(text, bytes.subarray(from, to)).written ?? encodeByHand(text, bytes, from, to)
}

/** How many bytes this text takes. */
export function utf8Length(text: string): number {
  let length = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 0x80) length += 1
    else if (code < 0x800) length += 2
    else if (isHigh(code) && isLow(text.charCodeAt(index + 1))) {
      length += 4
      index += 1
    } else length += 3
  }
  return length
}

const isHigh = (code: number): boolean => code >= 0xd800 && code < 0xdc00
const isLow = (code: number): boolean => code >= 0xdc00 && code < 0xe000

export function encodeByHand(text: string, bytes: Uint8Array, from: number, to: number): number {
  let at = from
  for (const character of text) {
    let code = character.codePointAt(0)!
    if (code >= 0xd800 && code < 0xe000) code = 0xfffd
    const length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
    if (at + length > to) break
    if (length === 1) bytes[at++] = code
    else {
      bytes[at++] = [0xc0, 0xe0, 0xf0][length - 2]! | (code >> (6 * (length - 1)))
      for (let left = length - 2; left >= 0; left--) bytes[at++] = 0x80 | ((code >> (6 * left)) & 0x3f)
    }
  }
  return at - from
}

export function decodeByHand(bytes: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let at = from; at < to; ) {
    const first = bytes[at++]!
    if (first < 0x80) {
      text += String.fromCharCode(first)
      continue
    }
    let more = first >= 0xc2 && first < 0xe0 ? 1 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xf0 && first < 0xf5 ? 3 : 0
    let code = first & (0x3f >> more)
    // The second byte alone says whether the form is the shortest one, and no surrogate.
    let least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
    let most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
    if (more === 0) code = -1
    for (; more > 0; more--) {
      const next = at < to ? bytes[at]! : 0
      if (next < least || next > most) {
        code = -1
        break
      }
      code = (code << 6) | (next & 0x3f)
      at += 1
      least = 0x80
      most = 0xbf
    }
    text += code < 0 ? REPLACEMENT : String.fromCodePoint(code)
  }
  return text
}
