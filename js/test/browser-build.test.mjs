// The tests of behaviour once more, with the bundles for browsers and for React Native over
// the WebSocket of the package `ws`, which has the same methods as theirs.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))

const BROWSER = [
  ...['connecting', 'differences', 'end', 'gather', 'hostile', 'keepalive', 'large', 'many', 'ours'],
  ...['publish', 'receive', 'scars', 'stores', 'subscribe', 'websocket'],
]

/** The module in JavaScript: its memory grows in another way. */
const REACT_NATIVE = ['end', 'gather', 'hostile', 'large', 'subscribe', 'websocket']

const RUNS = [
  ...BROWSER.map((name) => ['browser', name]),
  ...REACT_NATIVE.map((name) => ['react-native', name]),
]

describe('with the bundle for', { concurrency: 2 }, () => {
  for (const [condition, name] of RUNS) {
    test(`${condition}: ${name}`, async () => {
      const args = [`--conditions=${condition}`, '--test', '--test-timeout=120000', join(here, `${name}.test.mjs`)]
      // As of a shell: a test of a test would report to this one.
      const { NODE_TEST_CONTEXT: _, ...env } = process.env
      const { code, out } = await new Promise((resolve) => {
        execFile(process.execPath, args, { env, maxBuffer: 1 << 26 }, (error, out) => resolve({ code: error?.code ?? 0, out }))
      })
      const failed = out.split('\n').filter((line) => /^ *not ok|^ +error: /.test(line)).join('\n')
      assert.equal(code, 0, failed)
      assert.ok(Number(/^# pass (\d+)/m.exec(out)[1]) > 1, out)
    })
  }
})
