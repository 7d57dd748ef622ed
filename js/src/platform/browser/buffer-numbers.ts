//! Numbers in a Buffer: `readUInt16BE`, `writeDoubleLE`, `readIntBE(at, size)` and so on.
import { checkNumber, checkPlace, outOfRange, wrongType } from './buffer-errors'

type Kind = readonly [name: string, view: string, size: number, least?: number | bigint, most?: number | bigint]

/** Kinds of numbers of a DataView, with what integers may be. */
const KINDS: readonly Kind[] = [
  ['Int8', 'Int8', 1, -0x80, 0x7f],
  ['UInt8', 'Uint8', 1, 0, 0xff],
  ['Int16', 'Int16', 2, -0x8000, 0x7fff],
  ['UInt16', 'Uint16', 2, 0, 0xffff],
  ['Int32', 'Int32', 4, -0x8000_0000, 0x7fff_ffff],
  ['UInt32', 'Uint32', 4, 0, 0xffff_ffff],
  ['Float', 'Float32', 4],
  ['Double', 'Float64', 8],
]
/** Some engines have none. */
const BIG_KINDS = (): readonly Kind[] => [
  ['BigInt64', 'BigInt64', 8, -(BigInt(2) ** BigInt(63)), BigInt(2) ** BigInt(63) - BigInt(1)],
  ['BigUInt64', 'BigUint64', 8, BigInt(0), BigInt(2) ** BigInt(64) - BigInt(1)],
]
/** Integers of any size, up to so many bytes. */
const MOST_BYTES = 6

type Define = (name: string, value: unknown) => void

export function defineNumbers(define: Define): void {
  for (const kind of [...KINDS, ...(typeof BigInt === 'function' ? BIG_KINDS() : [])]) {
    for (const end of kind[2] === 1 ? [''] : ['LE', 'BE']) defineKind(define, kind, end)
  }
  for (const sign of ['Int', 'UInt']) {
    for (const end of ['LE', 'BE']) defineSized(define, sign, end)
  }
}

/** Of one byte Node looks at the place first. */
function checkType(at: unknown): void {
  if (typeof at !== 'number') throw wrongType('offset', 'of type number')
}

function viewOf(bytes: Uint8Array): any {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

function defineKind(define: Define, [name, view, size, least, most]: Kind, end: string): void {
  define(`read${name}${end}`, function (this: Uint8Array, at: number = 0) {
    checkPlace(at, size, this.length)
    return viewOf(this)[`get${view}`](at, end === 'LE')
  })
  define(`write${name}${end}`, function (this: Uint8Array, value: any, at: number = 0) {
    const isBig = view.startsWith('Big')
    const number = isBig ? value : +value
    if (size === 1) checkType(at)
    if (least !== undefined && (number < least || number > most!)) throw outOfRange('value', least, most)
    checkPlace(at, size, this.length)
    if (isBig && typeof value !== 'bigint') throw new TypeError('Cannot mix BigInt and other types')
    viewOf(this)[`set${view}`](at, number, end === 'LE')
    return at + size
  })
}

function defineSized(define: Define, sign: string, end: string): void {
  const places = (size: number): number[] => {
    const all = [...Array(size).keys()]
    return end === 'BE' ? all : all.reverse()
  }
  const check = (at: number | undefined, size: number): void => {
    if (at === undefined) checkType(at)
    checkNumber(size, 'byteLength', 1, MOST_BYTES)
  }
  define(`read${sign}${end}`, function (this: Uint8Array, at: number, size: number) {
    check(at, size)
    checkPlace(at, size, this.length)
    let value = 0
    for (const place of places(size)) value = value * 256 + this[at + place]!
    const limit = 2 ** (8 * size)
    return sign === 'Int' && value >= limit / 2 ? value - limit : value
  })
  define(`write${sign}${end}`, function (this: Uint8Array, given: number, at: number, size: number) {
    checkNumber(size, 'byteLength', 1, MOST_BYTES)
    const limit = 2 ** (8 * size)
    const [least, most] = sign === 'Int' ? [-limit / 2, limit / 2 - 1] : [0, limit - 1]
    const value = +given
    if (size === 1) checkType(at)
    if (value < least || value > most) throw outOfRange('value', least, most)
    checkPlace(at, size, this.length)
    let rest = Math.trunc(value || 0)
    if (rest < 0) rest += limit
    for (const place of places(size).reverse()) {
      this[at + place] = rest % 256
      rest = Math.floor(rest / 256)
    }
    return at + size
  })
}
