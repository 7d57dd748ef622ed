//! Payloads where there is no Node: bytes with the methods of Node's Buffer that people
//! use. They are not Node's, nor those of npm's `buffer`; `Buffer.isBuffer` of the latter
//! takes them for its own. The build puts this class in the place of the global `Buffer`.
import { encodingOf, isEncoding } from './encodings'

type Bytes = ArrayBufferView | ArrayBuffer | ArrayLike<number>

/** Kinds of numbers of a DataView, each with a little and a big end. */
const KINDS: ReadonlyArray<readonly [name: string, view: string, size: number]> = [
  ['Int8', 'Int8', 1],
  ['UInt8', 'Uint8', 1],
  ['Int16', 'Int16', 2],
  ['UInt16', 'Uint16', 2],
  ['Int32', 'Int32', 4],
  ['UInt32', 'Uint32', 4],
  ['Float', 'Float32', 4],
  ['Double', 'Float64', 8],
  ['BigInt64', 'BigInt64', 8],
  ['BigUInt64', 'BigUint64', 8],
]

function viewOf(bytes: Uint8Array): any {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

function makeBuffer() {
  class Buffer extends Uint8Array {
    /** By this npm's `buffer` knows its own. */
    declare readonly _isBuffer: true
    static poolSize = 0

    static override from(value: any, second?: any, third?: any): Buffer {
      if (typeof value === 'string') return ofText(value, second)
      if (isBuffer(value)) return new Buffer(value, second, third)
      if (value?.type === 'Buffer' && Array.isArray(value.data)) return ofBytes(value.data)
      const plain = value?.valueOf?.()
      if (plain != null && plain !== value) return Buffer.from(plain, second, third)
      if (typeof value?.length === 'number') return ofBytes(value)
      throw new TypeError('The first argument must be a string, bytes, or like a list of them')
    }

    static alloc(size: number, fill?: any, encoding?: string): Buffer {
      const made = new Buffer(sized(size))
      return fill === undefined ? made : made.fill(fill, encoding)
    }

    static allocUnsafe(size: number): Buffer {
      return new Buffer(sized(size))
    }

    static allocUnsafeSlow(size: number): Buffer {
      return new Buffer(sized(size))
    }

    static isBuffer(value: any): value is Buffer {
      return value?._isBuffer === true
    }

    static isEncoding(name: unknown): boolean {
      return isEncoding(name)
    }

    static byteLength(value: string | ArrayBufferView | ArrayBuffer, encoding?: string): number {
      if (typeof value !== 'string') return value.byteLength
      if (encoding === undefined) return encodingOf().length(value)
      return ofText(value, encoding).length
    }

    static compare(first: Uint8Array, second: Uint8Array): number {
      const least = Math.min(first.length, second.length)
      for (let at = 0; at < least; at++) {
        if (first[at] !== second[at]) return first[at]! < second[at]! ? -1 : 1
      }
      return Math.sign(first.length - second.length)
    }

    static concat(list: readonly Uint8Array[], total?: number): Buffer {
      const length = total ?? list.reduce((sum, { length }) => sum + length, 0)
      const whole = new Buffer(length)
      let at = 0
      for (const part of list) {
        const fits = part.length > length - at ? part.subarray(0, length - at) : part
        whole.set(fits, at)
        at += fits.length
      }
      return whole
    }

    override toString(encoding?: string, from = 0, to = this.length): string {
      const start = Math.max(0, from)
      const end = Math.min(this.length, to)
      return start >= end ? '' : encodingOf(encoding).text(this, start, end)
    }

    override toLocaleString(encoding?: any): string {
      return this.toString(encoding)
    }

    toJSON(): { type: 'Buffer'; data: number[] } {
      return { type: 'Buffer', data: [...this] }
    }

    equals(other: Uint8Array): boolean {
      return Buffer.compare(this, other) === 0
    }

    compare(other: Uint8Array, from = 0, to = other.length, start = 0, end = this.length): number {
      return Buffer.compare(this.subarray(start, end), other.subarray(from, to))
    }

    /** The same bytes, not a copy: as of Node's Buffer. */
    override slice(from?: number, to?: number): any {
      return this.subarray(from, to)
    }

    override subarray(from?: number, to?: number): any {
      return super.subarray(from, to)
    }

    copy(target: Uint8Array, at = 0, from = 0, to = this.length): number {
      const part = this.subarray(from, Math.min(to, from + Math.max(0, target.length - at)))
      target.set(part, at)
      return part.length
    }

    /** `write(text, at?, most?, encoding?)`, where each may be left out. */
    write(text: string, ...given: any[]): number {
      const encoding = given.find((one) => typeof one === 'string')
      const [at = 0, most = this.length] = given.filter((one) => typeof one === 'number')
      if (at > this.length) throw new RangeError('The value of "offset" is out of range')
      return encodingOf(encoding).write(text, this, at, Math.min(this.length, at + most))
    }

    override fill(value: any, ...given: any[]): this {
      if (typeof value === 'number') return super.fill(value, ...given.filter((one) => typeof one === 'number'))
      const [from = 0, to = this.length] = given.filter((one) => typeof one === 'number')
      const pattern = typeof value === 'string' ? ofText(value, given.find((one) => typeof one === 'string')) : value
      for (let at = from; at < to; at++) this[at] = pattern.length === 0 ? 0 : pattern[(at - from) % pattern.length]
      return this
    }

    override indexOf(value: any, from: any = 0, encoding?: string): number {
      if (typeof value === 'number') return super.indexOf(value & 255, from)
      const wanted = typeof value === 'string' ? ofText(value, typeof from === 'string' ? from : encoding) : value
      const first = typeof from !== 'number' ? 0 : from < 0 ? Math.max(0, this.length + from) : from
      for (let at = first; at + wanted.length <= this.length; at++) {
        if (isAt(this, wanted, at)) return at
      }
      return -1
    }

    override lastIndexOf(value: any, from: any = this.length, encoding?: string): number {
      if (typeof value === 'number') return super.lastIndexOf(value & 255, from)
      const wanted = typeof value === 'string' ? ofText(value, typeof from === 'string' ? from : encoding) : value
      const last = typeof from !== 'number' ? this.length : from < 0 ? this.length + from : from
      for (let at = Math.min(last, this.length - wanted.length); at >= 0; at--) {
        if (isAt(this, wanted, at)) return at
      }
      return -1
    }

    override includes(value: any, from?: any, encoding?: string): boolean {
      return this.indexOf(value, from, encoding) >= 0
    }

    readUIntBE(at: number, size: number): number {
      let value = 0
      for (let index = 0; index < size; index++) value = value * 256 + this[at + index]!
      return value
    }

    readUIntLE(at: number, size: number): number {
      let value = 0
      for (let index = size - 1; index >= 0; index--) value = value * 256 + this[at + index]!
      return value
    }
  }

  function ofText(text: string, encoding?: string): Buffer {
    const { length, write } = encodingOf(encoding)
    const bytes = new Buffer(length(text))
    const written = write(text, bytes, 0, bytes.length)
    return written < bytes.length ? bytes.subarray(0, written) : bytes
  }

  function ofBytes(bytes: Bytes): Buffer {
    const made = new Buffer((bytes as ArrayLike<number>).length)
    made.set(bytes as ArrayLike<number>)
    return made
  }

  const methods = Buffer.prototype as any
  const define = (name: string, value: unknown): void => {
    Object.defineProperty(methods, name, { value, writable: true, configurable: true })
    // Both spellings are Node's.
    if (name.includes('UInt')) {
      const other = name.replace('UInt', 'Uint')
      Object.defineProperty(methods, other, { value, writable: true, configurable: true })
    }
  }
  define('_isBuffer', true)
  Object.defineProperty(Buffer, 'name', { value: 'Buffer' })
  for (const [name, kind, size] of KINDS) {
    for (const end of size === 1 ? [''] : ['LE', 'BE']) {
      define(`read${name}${end}`, function (this: Uint8Array, at = 0) {
        return viewOf(this)[`get${kind}`](at, end === 'LE')
      })
      define(`write${name}${end}`, function (this: Uint8Array, value: number | bigint, at = 0) {
        viewOf(this)[`set${kind}`](at, value, end === 'LE')
        return at + size
      })
    }
  }
  define('readUIntBE', methods.readUIntBE)
  define('readUIntLE', methods.readUIntLE)
  return Buffer
}

function isAt(bytes: Uint8Array, wanted: Uint8Array, at: number): boolean {
  for (let index = 0; index < wanted.length; index++) {
    if (bytes[at + index] !== wanted[index]) return false
  }
  return true
}

function sized(size: unknown): number {
  if (typeof size === 'number' && size >= 0) return size
  throw new TypeError('The argument "size" must be a number, 0 or more')
}

/** Also one of another window or test environment, which has its own classes. */
function isBuffer(value: unknown): value is ArrayBuffer {
  return /^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(value))
}

/** Nothing of it is left where it is not used. */
export const Buffer = /* @__PURE__ */ makeBuffer()
