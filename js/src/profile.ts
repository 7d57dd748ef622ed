//! A profile of the user's own, as the core takes it: `crates/wasm/ABI.md`.
import { EvenkeelError } from './errors'

/** A limit of a broker. */
export interface ILimit {
  /** A number, `true` or `false`, a text, a list or a table: as the limit wants it. */
  value: unknown
  /** Where the value comes from. */
  source?: string
  confidence?: 'documented' | 'observed' | 'disputed' | 'unconfirmed'
  /** What the broker does if it is broken, such as `'disconnects'` or `{ rejects: 0x95 }`. */
  on_break?: string | Record<string, number>
  on_break_v3?: string | Record<string, number>
}

type Limits = Record<string, ILimit>

/** What a broker allows: what a profile's TOML file holds, parsed. */
export interface IProfile {
  name: string
  revised?: string
  /** The built-in profile that has the limits left out here. Default `'standard'`; `'none'` has none. */
  based_on?: string
  connection?: Limits
  publish?: Limits
  subscribe?: Limits
}

/** Kinds of values. */
const FALSE = 0
const TRUE = 1
const NUMBER = 2
const TEXT = 3
const LIST = 4
const TABLE = 5
/** A profile is not as deep; an object that holds itself is. */
const DEEPEST = 8

export function encodeProfile(profile: IProfile): Buffer {
  const parts: Buffer[] = []
  put(parts, profile, DEEPEST)
  return Buffer.concat(parts)
}

function put(parts: Buffer[], value: unknown, depth: number): void {
  if (depth === 0) throw invalid('is nested too deeply')
  if (typeof value === 'boolean') parts.push(u32(value ? TRUE : FALSE))
  else if (typeof value === 'number' || typeof value === 'bigint') {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleLE(Number(value))
    parts.push(u32(NUMBER), bytes)
  } else if (typeof value === 'string') parts.push(u32(TEXT), text(value))
  else if (Array.isArray(value)) {
    parts.push(u32(LIST), u32(value.length))
    for (const one of value) put(parts, one, depth - 1)
  } else if (typeof value === 'object' && value !== null) {
    const named = Object.entries(value).filter(([, one]) => one !== undefined)
    parts.push(u32(TABLE), u32(named.length))
    for (const [name, one] of named) {
      parts.push(text(name))
      put(parts, one, depth - 1)
    }
  } else throw invalid(`holds a value of type ${value === null ? 'null' : typeof value}`)
}

function invalid(what: string): EvenkeelError {
  return new EvenkeelError(`The profile ${what}: give what its TOML or JSON file holds`, 'INVALID_OPTION')
}

/** Padded to a multiple of four bytes. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  const padding = Buffer.alloc(-bytes.length & 3)
  return Buffer.concat([u32(bytes.length), bytes, padding])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
