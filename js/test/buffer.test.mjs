// The Buffer of the bundles without Node, beside Node's own.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { before, describe, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { build } from 'esbuild'

import { random } from './random.mjs'

const home = join(dirname(fileURLToPath(import.meta.url)), '..')

describe('the Buffer for browsers is as that of Node', () => {
  let Ours
  let utf8
  before(async () => {
    const outdir = join(home, '.cache/buffer')
    mkdirSync(outdir, { recursive: true })
    const at = (name) => join(home, 'src/platform/browser', `${name}.ts`)
    await build({ entryPoints: [at('buffer'), at('utf8')], outdir, bundle: true, format: 'esm', outExtension: { '.js': '.mjs' } })
    Ours = (await import(pathToFileURL(join(outdir, 'buffer.mjs')).href)).Buffer
    utf8 = await import(pathToFileURL(join(outdir, 'utf8.mjs')).href)
  })

  const ENCODINGS = ['utf8', 'utf-8', 'UTF8', 'hex', 'base64', 'base64url', 'latin1', 'binary', 'ascii', 'utf16le', 'ucs2']
  const TEXTS = ['', 'a', 'grün', '\u20ac\u{1f600}', '\ud800', 'a'.repeat(100), 'ü'.repeat(40), '00ff7g', 'YWJj', 'YW Jj-_', '=', '\ufeffx']
  const SAMPLES = [[], [0], [255], [0xc3, 0xbc], [0xe2, 0x82], [0xf0, 0x9f, 0x98, 0x80], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf4, 0x90, 0x80, 0x80], [...Array(50).keys()]]

  /** The same bytes for both. */
  const both = (bytes) => [Ours.from(bytes), Buffer.from(bytes)]
  const plain = (value) => (value instanceof Uint8Array ? [...value] : value)

  test('text to bytes and back', () => {
    for (const encoding of ENCODINGS) {
      for (const text of TEXTS) {
        assert.deepEqual([...Ours.from(text, encoding)], [...Buffer.from(text, encoding)], `${encoding} ${JSON.stringify(text)}`)
        assert.equal(Ours.byteLength(text), Buffer.byteLength(text))
      }
      for (const bytes of SAMPLES) {
        const [ours, theirs] = both(bytes)
        assert.equal(ours.toString(encoding), theirs.toString(encoding), `${encoding} ${bytes}`)
      }
      assert.ok(Ours.isEncoding(encoding))
    }
    assert.throws(() => Ours.from('a', 'rot13'), /Unknown encoding/)
  })

  test('random bytes, also where the engine has no coders', () => {
    const numbers = random(7)
    const next = () => Math.floor(numbers() * 2 ** 31)
    for (let round = 0; round < 3_000; round++) {
      const bytes = Uint8Array.from({ length: next() % 9 }, () => [0x41, 0xc3, 0xbc, 0xe2, 0x82, 0xac, 0xed, 0xa0, 0xf0, 0x9f, 0xf4, 0x8f, 0xff][next() % 13])
      const text = Buffer.from(bytes).toString()
      assert.equal(Ours.from(bytes).toString(), text, String(bytes))
      assert.equal(utf8.decodeByHand(bytes, 0, bytes.length), text, String(bytes))
      const room = new Uint8Array(64)
      const length = utf8.encodeByHand(text, room, 0, 64)
      assert.deepEqual([...room.subarray(0, length)], [...Buffer.from(text)])
    }
  })

  const CALLS = {
    'toString(utf8, 1, 3)': (one) => one.toString('utf8', 1, 3),
    'toString of more than there is': (one) => one.toString('latin1', -5, 100),
    'JSON.stringify': (one) => JSON.stringify(one),
    String: (one) => String(one),
    slice: (one) => one.slice(1, -1),
    subarray: (one) => one.subarray(2),
    equals: (one) => [one.equals(Uint8Array.from(one)), one.equals(new Uint8Array(3))],
    compare: (one) => [one.compare(new Uint8Array([1, 2])), one.compare(new Uint8Array([9])), one.compare(Uint8Array.from(one))],
    'indexOf a text': (one) => [one.indexOf('\u0003\u0004'), one.indexOf('no'), one.indexOf(3), one.indexOf(new Uint8Array([4]), -4)],
    lastIndexOf: (one) => [one.lastIndexOf(3), one.lastIndexOf('\u0003'), one.lastIndexOf('no')],
    includes: (one) => [one.includes(3), one.includes('no'), one.includes(Uint8Array.of(1, 2))],
    fill: (one) => [...one.fill('ab'), ...one.fill(7, 1, 3)],
    write: (one) => [one.write('grün', 1), one.write('ff00', 'hex'), one.write('xyz', 6), ...one],
    copy: (one) => {
      const target = new Uint8Array(4)
      return [one.copy(target, 1, 2), ...target]
    },
    'shares its memory': (one) => {
      one.slice(1)[0] = 99
      return [...one]
    },
  }
  for (const [name, call] of Object.entries(CALLS)) {
    test(name, () => {
      const [ours, theirs] = both([1, 2, 3, 4, 5, 6, 7, 8])
      assert.deepEqual(plain(call(ours)), plain(call(theirs)))
    })
  }

  const NUMBERS = Object.getOwnPropertyNames(Buffer.prototype).filter((name) => /^(read|write)[A-Z]/.test(name))
  const SIZED = /U?[Ii]nt[LB]E$/

  /** What a call gives, or the name and code of what it throws; and the bytes then. */
  function outcome(one, call) {
    let result
    try {
      result = plain(call(one))
    } catch ({ name, code }) {
      result = [name, code]
    }
    return [result, [...one]]
  }

  /** Both do the same. */
  function same(what, bytes, call) {
    const [ours, theirs] = both(bytes)
    const [mine, expected] = [outcome(ours, call), outcome(theirs, call)]
    // As there are tens of thousands.
    if (String(mine) !== String(expected)) assert.deepEqual(mine, expected, what)
  }

  const BYTES = [0x81, 2, 0x83, 4, 5, 6, 7, 0x88, 9]
  const PLACES = [undefined, 0, 1, 3, 5, 8, 9, 10, -1, 1.5, Number.NaN, '1', null]
  const VALUES = [0, 1, -1, 1.7, 127, 128, 255, 256, -128, -129, 65_535, 65_536, -32_769, 2 ** 31, 2 ** 32, 2 ** 32 - 1, 2 ** 47, 2 ** 48, -(2 ** 47), -(2 ** 47) - 1, Number.NaN, 'x', undefined, 5n, -5n, 2n ** 63n, 2n ** 64n]

  test('numbers, wherever they are read and written', () => {
    assert.ok(NUMBERS.length >= 56)
    for (const name of NUMBERS) {
      const sizes = SIZED.test(name) && !/\d/.test(name) ? [1, 2, 3, 4, 5, 6, 0, 7, 2.5, undefined, '2'] : [undefined]
      const values = name.startsWith('write') ? VALUES : [undefined]
      for (const at of PLACES) {
        for (const size of sizes) {
          for (const value of values) {
            const given = name.startsWith('write') ? [value, at, size] : [at, size]
            for (const bytes of [BYTES, []]) same(`${name}(${given.map(String)}) of ${bytes.length}`, bytes, (one) => one[name](...given))
          }
        }
      }
    }
  })

  test('what is out of range or of a wrong type is refused by the same error', () => {
    const target = () => new Uint8Array(4)
    const calls = {
      copy: PLACES.flatMap((at) => PLACES.flatMap((from) => PLACES.map((to) => (one) => one.copy(target(), at, from, to)))),
      'copy into nothing': [undefined, 'x', []].map((into) => (one) => one.copy(into)),
      compare: PLACES.flatMap((at) => [0, 1, 2, 3].map((which) => (one) => one.compare(target(), ...[0, 4, 0, 9].map((usual, index) => (index === which && at !== null ? at : usual))))),
      equals: [undefined, 'x', [1]].map((other) => (one) => one.equals(other)),
      write: [0, 5, 9, 10, -1, 1.5].flatMap((at) => [undefined, 0, 3, 9, 10, -1].map((most) => (one) => one.write('abcdef', at, most))),
      'write no text': [undefined, 5, null].map((text) => (one) => one.write(text)),
      fill: [0, 5, 9, 10, -1, 1.5].flatMap((from) => [undefined, 0, 5, 9, 10, -1].flatMap((to) => ['ab', 7].map((value) => (one) => one.fill(value, from, to)))),
      toString: [(one) => one.toString('rot13'), (one) => one.write('a', 'rot13')],
    }
    for (const [name, list] of Object.entries(calls)) {
      for (const [index, call] of list.entries()) same(`${name} ${index}`, BYTES, call)
    }
    const made = [
      (Kind) => Kind.alloc(-1), (Kind) => Kind.alloc('1'), (Kind) => Kind.alloc(Number.NaN), (Kind) => Kind.allocUnsafe(-1),
      (Kind) => Kind.from(undefined), (Kind) => Kind.from(null), (Kind) => Kind.from(5), (Kind) => Kind.from('a', 'rot13'),
      (Kind) => Kind.concat('x'), (Kind) => Kind.concat(['x']), (Kind) => Kind.concat([], -1), (Kind) => Kind.concat([], '1'),
      (Kind) => Kind.byteLength(5), (Kind) => Kind.byteLength(undefined), (Kind) => Kind.compare('a', Buffer.alloc(1)), (Kind) => Kind.compare(Buffer.alloc(1), 5),
    ]
    const error = (act) => {
      try {
        return act()
      } catch ({ name, code }) {
        return [name, code]
      }
    }
    for (const make of made) assert.deepEqual(plain(error(() => make(Ours))), plain(error(() => make(Buffer))), String(make))
  })

  test('made in every way', () => {
    const list = (Kind) => [
      Kind.alloc(3), Kind.alloc(3, 'ab'), Kind.alloc(2, 1), Kind.from(new Uint8Array([1, 300])), Kind.from([1, 257]),
      Kind.from(new Uint8Array([1, 2, 3]).buffer, 1, 1), Kind.from({ type: 'Buffer', data: [1, 2] }), Kind.from(new String('ab')),
      Kind.concat([Kind.from('ab'), new Uint8Array([1])]), Kind.concat([Kind.from('abc')], 2), Kind.concat([Kind.from('a')], 3), Kind.concat([]),
    ]
    assert.deepEqual(list(Ours).map(plain), list(Buffer).map(plain))
    for (const wrong of [undefined, null, 5, {}]) assert.throws(() => Ours.from(wrong), TypeError)
    assert.throws(() => Ours.alloc(-1), RangeError)
    assert.deepEqual([Ours.isBuffer(Ours.alloc(0)), Ours.isBuffer(new Uint8Array(1)), Ours.isBuffer(null)], [true, false, false])
  })
})
