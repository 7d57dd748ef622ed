//! Payloads where there is no Node: bytes with the methods of Node's Buffer that people
//! use. They are not Node's, nor those of npm's `buffer`; `Buffer.isBuffer` of the latter
//! takes them for its own. The build puts this class in the place of the global `Buffer`.
import { checkBytes, checkNumber, outOfRange, wrongType } from './buffer-errors'
import { defineNumbers } from './buffer-numbers'
import { encodingOf, isEncoding } from './encodings'

type Bytes = ArrayBufferView | ArrayBuffer | ArrayLike<number>

/** Engines take less. */
const MOST = 2 ** 32

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
      throw wrongType('first', 'a string, bytes, or like a list of them')
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
      if (typeof value !== 'string') {
        if (!ArrayBuffer.isView(value) && !isBuffer(value)) throw wrongType('string', 'a string or bytes')
        return value.byteLength
      }
      if (encoding === undefined) return encodingOf().length(value)
      return ofText(value, encoding).length
    }

    static compare(first: Uint8Array, second: Uint8Array): number {
      checkBytes(first, 'buf1')
      checkBytes(second, 'buf2')
      const least = Math.min(first.length, second.length)
      for (let at = 0; at < least; at++) {
        if (first[at] !== second[at]) return first[at]! < second[at]! ? -1 : 1
      }
      return Math.sign(first.length - second.length)
    }

    static concat(list: readonly Uint8Array[], total?: number): Buffer {
      if (!Array.isArray(list)) throw wrongType('list', 'a list of bytes')
      if (list.length === 0) return new Buffer(0)
      list.forEach((part, index) => checkBytes(part, `list[${index}]`))
      if (total !== undefined) checkNumber(total, 'length', 0, Number.MAX_SAFE_INTEGER)
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
      checkBytes(other, 'otherBuffer')
      return Buffer.compare(this, other) === 0
    }

    compare(other: Uint8Array, from = 0, to = other?.length, start = 0, end = this.length): number {
      checkBytes(other, 'target')
      checkNumber(from, 'targetStart', 0, Number.MAX_SAFE_INTEGER)
      checkNumber(to, 'targetEnd', 0, other.length)
      checkNumber(start, 'sourceStart', 0, Number.MAX_SAFE_INTEGER)
      checkNumber(end, 'sourceEnd', 0, this.length)
      const part = (bytes: Uint8Array, first: number, last: number) => bytes.subarray(first, Math.max(first, last))
      return Buffer.compare(part(this, start, end), part(other, from, to))
    }

    /** The same bytes, not a copy: as of Node's Buffer. */
    override slice(from?: number, to?: number): any {
      return this.subarray(from, to)
    }

    override subarray(from?: number, to?: number): any {
      return super.subarray(from, to)
    }

    copy(target: Uint8Array, atGiven: any = 0, fromGiven: any = 0, toGiven: any = this.length): number {
      checkBytes(target, 'target')
      const [at, from, to] = [atGiven, fromGiven, toGiven].map((one) => Math.trunc(+one || 0)) as [number, number, number]
      if (at < 0) throw outOfRange('targetStart', 0, target.length)
      if (from < 0 || from > this.length) throw outOfRange('sourceStart', 0, this.length)
      if (to < 0) throw outOfRange('sourceEnd', 0, this.length)
      if (at >= target.length || from >= to) return 0
      const part = this.subarray(from, Math.min(to, from + Math.max(0, target.length - at)))
      target.set(part, at)
      return part.length
    }

    /** `write(text, at?, most?, encoding?)`, where each may be left out. */
    write(text: string, ...given: any[]): number {
      if (typeof text !== 'string') throw wrongType('argument', 'a string')
      const encoding = given.find((one) => typeof one === 'string')
      const [at = 0, most = this.length - at] = given.filter((one) => typeof one !== 'string' && one !== undefined)
      checkNumber(at, 'offset', 0, this.length)
      checkNumber(most, 'length', 0, this.length)
      return encodingOf(encoding).write(text, this, at, Math.min(this.length, at + most))
    }

    override fill(value: any, ...given: any[]): this {
      const [from = 0, to = this.length] = given.filter((one) => typeof one !== 'string' && one !== undefined)
      checkNumber(from, 'offset', 0, Number.MAX_SAFE_INTEGER)
      checkNumber(to, 'end', 0, this.length)
      if (typeof value === 'number') return super.fill(value, from, to)
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
  defineNumbers(define)
  return Buffer
}

function isAt(bytes: Uint8Array, wanted: Uint8Array, at: number): boolean {
  for (let index = 0; index < wanted.length; index++) {
    if (bytes[at + index] !== wanted[index]) return false
  }
  return true
}

function sized(size: unknown): number {
  if (typeof size !== 'number') throw wrongType('size', 'of type number')
  if (!(size >= 0 && size <= MOST)) throw outOfRange('size', 0, MOST)
  return size
}

/** Also one of another window or test environment, which has its own classes. */
function isBuffer(value: unknown): value is ArrayBuffer {
  return /^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(value))
}

/** Nothing of it is left where it is not used. */
export const Buffer = /* @__PURE__ */ makeBuffer()
