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

  test('numbers', () => {
    const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(Ours.from([]))).filter((name) => /^read/.test(name) && !/UIntBE|UIntLE|UintBE|UintLE/.test(name))
    assert.ok(methods.length >= 25)
    for (const name of methods) {
      const [ours, theirs] = both([0x81, 2, 0x83, 4, 5, 6, 7, 0x88, 9])
      assert.equal(ours[name](1), theirs[name](1), name)
      const value = ours[name](0)
      const write = name.replace('read', 'write')
      assert.equal(ours[write](value, 1), theirs[write](value, 1), write)
      assert.deepEqual([...ours], [...theirs], write)
      assert.throws(() => ours[name](9), RangeError)
    }
  })

  test('made in every way', () => {
    const list = (Kind) => [
      Kind.alloc(3), Kind.alloc(3, 'ab'), Kind.alloc(2, 1), Kind.from(new Uint8Array([1, 300])), Kind.from([1, 257]),
      Kind.from(new Uint8Array([1, 2, 3]).buffer, 1, 1), Kind.from({ type: 'Buffer', data: [1, 2] }), Kind.from(new String('ab')),
      Kind.concat([Kind.from('ab'), new Uint8Array([1])]), Kind.concat([Kind.from('abc')], 2), Kind.concat([Kind.from('a')], 3), Kind.concat([]),
    ]
    assert.deepEqual(list(Ours).map(plain), list(Buffer).map(plain))
    for (const wrong of [undefined, null, 5, {}]) assert.throws(() => Ours.from(wrong), TypeError)
    assert.throws(() => Ours.alloc(-1), TypeError)
    assert.deepEqual([Ours.isBuffer(Ours.alloc(0)), Ours.isBuffer(new Uint8Array(1)), Ours.isBuffer(null)], [true, false, false])
  })
})
