//! Text for bytes, and bytes for text, by the encodings of Node's Buffer.
import { unknownEncoding } from './buffer-errors'
import { decodeUtf8, encodeUtf8, utf8Length } from './utf8'

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
/** Arguments that one call of a function takes everywhere. */
const AT_ONCE = 4096

interface Encoding {
  /** At most so many bytes does this text take. */
  length(text: string): number
  write(text: string, bytes: Uint8Array, from: number, to: number): number
  text(bytes: Uint8Array, from: number, to: number): string
}

function charactersOf(bytes: Uint8Array, from: number, to: number, mask = 255): string {
  let text = ''
  for (let at = from; at < to; at += AT_ONCE) {
    const part = bytes.subarray(at, Math.min(to, at + AT_ONCE))
    text += String.fromCharCode(...(mask === 255 ? part : part.map((byte) => byte & mask)))
  }
  return text
}

/** One byte for each character. */
const latin1: Encoding = {
  length: (text) => text.length,
  write(text, bytes, from, to) {
    const length = Math.min(text.length, to - from)
    for (let index = 0; index < length; index++) bytes[from + index] = text.charCodeAt(index)
    return length
  },
  text: charactersOf,
}

const utf8: Encoding = { length: utf8Length, write: encodeUtf8, text: decodeUtf8 }

const hex: Encoding = {
  length: (text) => text.length >>> 1,
  write(text, bytes, from, to) {
    let at = from
    for (let index = 0; index + 1 < text.length && at < to; index += 2) {
      const pair = text.slice(index, index + 2)
      if (!/^[0-9a-f]{2}$/i.test(pair)) break
      bytes[at++] = Number.parseInt(pair, 16)
    }
    return at - from
  },
  text(bytes, from, to) {
    let text = ''
    for (let at = from; at < to; at++) text += bytes[at]!.toString(16).padStart(2, '0')
    return text
  },
}

const utf16le: Encoding = {
  length: (text) => text.length * 2,
  write(text, bytes, from, to) {
    const count = Math.min(text.length, (to - from) >> 1)
    for (let index = 0; index < count; index++) {
      const code = text.charCodeAt(index)
      bytes[from + index * 2] = code
      bytes[from + index * 2 + 1] = code >> 8
    }
    return count * 2
  },
  text(bytes, from, to) {
    let text = ''
    for (let at = from; at + 1 < to; at += 2) text += String.fromCharCode(bytes[at]! | (bytes[at + 1]! << 8))
    return text
  },
}

/** Reads both alphabets, as Node does, and passes over what is in neither. */
function writeBase64(text: string, bytes: Uint8Array, from: number, to: number): number {
  let at = from
  let bits = 0
  let count = 0
  for (const character of text) {
    if (character === '=') break
    const value = BASE64.indexOf(character === '-' ? '+' : character === '_' ? '/' : character)
    if (value < 0) continue
    bits = ((bits << 6) | value) & 0xffff
    count += 6
    if (count < 8) continue
    if (at >= to) break
    count -= 8
    bytes[at++] = bits >> count
  }
  return at - from
}

function base64Of(bytes: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let at = from; at < to; at += 3) {
    const left = to - at
    const bits = (bytes[at]! << 16) | ((left > 1 ? bytes[at + 1]! : 0) << 8) | (left > 2 ? bytes[at + 2]! : 0)
    text += BASE64[bits >> 18]! + BASE64[(bits >> 12) & 63]!
    text += left > 1 ? BASE64[(bits >> 6) & 63]! : '='
    text += left > 2 ? BASE64[bits & 63]! : '='
  }
  return text
}

const base64: Encoding = {
  length: (text) => Math.ceil((text.length * 3) / 4),
  write: writeBase64,
  text: base64Of,
}

const ENCODINGS: Record<string, Encoding> = {
  utf8,
  'utf-8': utf8,
  hex,
  base64,
  base64url: {
    ...base64,
    text: (bytes, from, to) =>
      base64Of(bytes, from, to).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, ''),
  },
  latin1,
  binary: latin1,
  ascii: { ...latin1, text: (bytes, from, to) => charactersOf(bytes, from, to, 127) },
  utf16le,
  'utf-16le': utf16le,
  ucs2: utf16le,
  'ucs-2': utf16le,
}

export function isEncoding(name: unknown): boolean {
  return typeof name === 'string' && Object.hasOwn(ENCODINGS, name.toLowerCase())
}

export function encodingOf(name = 'utf8'): Encoding {
  if (!isEncoding(name)) throw unknownEncoding(name)
  return ENCODINGS[name.toLowerCase()]!
}
