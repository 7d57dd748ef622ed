// Sessions that outlive the process: what was accepted is delivered by the next client, and
// a file keeps what it was given, whatever happens meanwhile.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs, { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { build } from 'esbuild'

import { mqtt, serve, until } from './harness.mjs'
import { BEHAVIOURS, code } from './session-contract.mjs'

const { DurableSession } = mqtt
const built = fileURLToPath(new URL('../dist/evenkeel.cjs', import.meta.url))
const program = fileURLToPath(new URL('programs/keeps.mjs', import.meta.url))

function place(t) {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-session-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'sub', 'session')
}

for (const [name, act] of Object.entries(BEHAVIOURS)) {
  test(`in a file: ${name}`, async (t) => {
    const path = place(t)
    const opened = []
    t.after(() => Promise.all(opened.map((session) => session.close())))
    const make = () => {
      const session = new DurableSession(path)
      opened.push(session)
      return session
    }
    await act({ make, code, equal: assert.equal })
  })
}

test('a session is its owner\'s alone, and its lock goes with it', async (t) => {
  const path = place(t)
  const session = new DurableSession(path)
  await session.open()
  await session.append(Buffer.from('x'))
  for (const name of [path, `${path}.lock`]) assert.equal(statSync(name).mode & 0o777, 0o600)
  await session.replace(Buffer.from('y'))
  assert.equal(statSync(path).mode & 0o777, 0o600)
  await session.close()
  assert.throws(() => statSync(`${path}.lock`), { code: 'ENOENT' })
})

test('a lock of a process that is gone does not count, one of a living one does', async (t) => {
  const path = place(t)
  const session = new DurableSession(path)
  await session.open()
  const mine = JSON.parse(readFileSync(`${path}.lock`, 'utf8'))
  await session.close()
  const write = (owner) => writeFileSync(`${path}.lock`, JSON.stringify(owner))
  // No process has this number: the largest is 4,194,304. Another one had ours before us.
  for (const gone of [{ ...mine, pid: 4_999_999 }, { ...mine, started: 'at another time' }]) {
    write(gone)
    await session.open()
    await session.close()
  }
  const child = spawn(process.execPath, [program, path, '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  await assert.rejects(session.open(), { code: 'SESSION_HELD' })
  child.kill('SIGKILL')
  await once(child, 'close')
  await session.open()
  await session.close()
})

test('a lock that says nothing counts until it is old', async (t) => {
  const path = place(t)
  const session = new DurableSession(path)
  await session.open()
  await session.close()
  writeFileSync(`${path}.lock`, '')
  await assert.rejects(session.open(), { code: 'SESSION_HELD' })
  utimesSync(`${path}.lock`, 1, 1)
  await session.open()
  await session.close()
})

test('a process that ends by itself leaves no lock', async (t) => {
  const path = place(t)
  const code = `new (require(${JSON.stringify(built)}).DurableSession)(${JSON.stringify(path)}).open().then(() => process.exit())`
  await once(spawn(process.execPath, ['-e', code], { stdio: 'inherit' }), 'close')
  assert.equal(existsSync(`${path}.lock`), false)
})

test('what is accepted as a client ends is told the truth', async (t) => {
  const path = place(t)
  const options = () => ({ clientId: 'c', clean: false, session: new DurableSession(path) })
  const first = mqtt.connect('mqtt://127.0.0.1:9', options())
  first.on('error', () => {})
  await new Promise((resolve) => first.once('state', resolve))
  const outcomes = ['one', 'two'].map((payload) => first.publishAsync('a', payload, { qos: 1 }).catch((error) => error.code))
  await first.endAsync(true)
  const kept = await Promise.all(outcomes)
  const server = await serve(t)
  const second = mqtt.connect(server.url, options())
  t.after(() => second.endAsync(true))
  await once(second, 'connect')
  await second.publishAsync('a', 'last', { qos: 1 })
  const sent = server.all('publish').map(({ payload }) => payload.toString())
  const expected = ['one', 'two'].filter((_, index) => kept[index] === 'STILL_KEPT')
  assert.deepEqual(sent, [...expected, 'last'])
  assert.ok(kept.every((code) => ['STILL_KEPT', 'NOT_KEPT'].includes(code)), kept.join())
})

test('an end while the session is opened gives it back', async (t) => {
  const path = place(t)
  const server = await serve(t)
  const session = new DurableSession(path)
  const client = mqtt.connect(server.url, { clientId: 'c', clean: false, session })
  t.after(() => client.endAsync(true))
  await client.endAsync(true)
  client.reconnect()
  await once(client, 'connect')
  await client.publishAsync('a', 'x', { qos: 1 })
})

const never = () => new Promise(() => {})

describe('side by side, as they wait', { concurrency: true }, () => {
  for (const [what, force] of [['append', true], ['append', false], ['close', true], ['replace', true], ['open', true]]) {
    test(`a place that never answers ${what} holds end(${force}) for a bounded time, with an error`, async (t) => {
      const server = await serve(t)
      const session = { open: async () => new Uint8Array(0), append: async () => {}, replace: async () => {}, close: async () => {} }
      if (what === 'open' || what === 'replace') session[what] = never
      const client = mqtt.connect(server.url, { clientId: 'c', clean: false, session })
      client.on('error', () => {})
      const outcomes = []
      if (session[what] !== never) await once(client, 'connect')
      session[what] = never
      client.publish('a', 'x', { qos: 1 }, (error) => outcomes.push(error))
      await new Promise((resolve) => setImmediate(resolve))
      await assert.rejects(client.endAsync(force), { name: 'EvenkeelError', code: 'SESSION_TIMED_OUT' })
      assert.equal(outcomes.length, 1)
      if (what === 'append') assert.ok(outcomes[0] instanceof Error)
    })
  }
})

test('a file that another program looks at is replaced a moment later, and not for ever', async () => {
  const outfile = join(fileURLToPath(new URL('../.cache/rename', import.meta.url)), 'rename.mjs')
  await build({ entryPoints: [fileURLToPath(new URL('../src/session/rename.ts', import.meta.url))], outfile, bundle: true, platform: 'node', format: 'esm' })
  const { renameFile } = await import(pathToFileURL(outfile).href)
  for (const code of ['EPERM', 'EACCES', 'EBUSY', 'ENOENT']) {
    for (const failures of [0, 2, 9]) {
      let calls = 0
      const act = async () => {
        if (calls++ < failures) throw Object.assign(new Error(code), { code })
      }
      const done = renameFile('a', 'b', act, [0, 0, 0])
      const passes = failures === 0 || (failures === 2 && code !== 'ENOENT')
      if (passes) await done
      else await assert.rejects(done, { code })
      assert.equal(calls, passes ? failures + 1 : code === 'ENOENT' ? 1 : 4)
    }
  }
})

test('no file is open while one takes the place of the other', async (t) => {
  const path = place(t)
  const session = new DurableSession(path)
  await session.open()
  const opened = () => readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(path)
    } catch {
      return false
    }
  })
  let during
  const { rename } = fs.promises
  t.mock.method(fs.promises, 'rename', (...given) => {
    during = opened()
    return rename(...given)
  })
  await session.replace(Buffer.from('new'))
  if (process.platform === 'linux') assert.deepEqual(during, [])
  await session.append(Buffer.from('er'))
  await session.close()
  assert.equal(readFileSync(path, 'utf8'), 'newer')
})

test('what cannot be a session is refused, and left as it is', async (t) => {
  for (const given of [undefined, '', 5]) {
    assert.throws(() => new DurableSession(given), { code: 'INVALID_OPTION' })
  }
  const connect = (options) => mqtt.connect('mqtt://127.0.0.1:9', options)
  assert.throws(() => connect({ clientId: 'c', session: {} }), { code: 'INVALID_OPTION' })
  const session = new DurableSession(place(t))
  assert.throws(() => connect({ session }), { code: 'INVALID_OPTION', message: /clientId/ })

  const path = place(t)
  const made = new DurableSession(path)
  await made.open()
  await made.close()
  writeFileSync(path, 'a letter to somebody')
  const client = connect({ clientId: 'c', session: new DurableSession(path) })
  const [error] = await once(client, 'error')
  assert.equal(error.code, 'SESSION_UNREADABLE')
  assert.match(error.message, /no session of Evenkeel/)
  await client.endAsync()
  assert.equal(readFileSync(path, 'utf8'), 'a letter to somebody')
})

test('the next client delivers what the last one had accepted', async (t) => {
  const path = place(t)
  const options = { clientId: 'c', clean: false, protocolVersion: 5, properties: { sessionExpiryInterval: 3600 } }
  const first = mqtt.connect('mqtt://127.0.0.1:9', { ...options, session: new DurableSession(path) })
  first.on('error', () => {})
  const outcomes = ['one', 'two'].map((payload) => first.publishAsync('a/b', payload, { qos: 1 }).catch((error) => error))
  await kept(path, 'two')
  await first.endAsync(true)
  for (const error of await Promise.all(outcomes)) assert.equal(error.code, 'STILL_KEPT')

  const server = await serve(t)
  const second = mqtt.connect(server.url, { ...options, session: new DurableSession(path) })
  t.after(() => second.endAsync(true))
  await server.count('publish', 2)
  assert.deepEqual(server.all('publish').map(({ payload }) => payload.toString()), ['one', 'two'])
  await second.endAsync()

  const third = mqtt.connect(server.url, { ...options, session: new DurableSession(path) })
  await once(third, 'connect')
  await third.publishAsync('a/b', 'three', { qos: 1 })
  await third.endAsync()
  assert.deepEqual(server.all('publish').map(({ payload }) => payload.toString()), ['one', 'two', 'three'])
})

test('a process that is killed loses nothing that was kept', async (t) => {
  const path = place(t)
  const server = await serve(t)
  let least = 0
  for (let kill = 0; kill < 5; kill++) {
    const child = spawn(process.execPath, [program, path, String(least)], { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += chunk
      if (said.split('\n').length > 8 + kill) child.kill('SIGKILL')
    })
    await once(child, 'close')
    least = Number(said.trimEnd().split('\n').at(-1)) + 1
  }
  const client = mqtt.connect(server.url, { clientId: 'c', clean: false, session: new DurableSession(path) })
  t.after(() => client.endAsync(true))
  await server.count('publish', least)
  const numbers = server.all('publish').map(({ payload }) => Number(payload.toString()))
  // One more may have been kept before its process could say so.
  assert.deepEqual([...new Set(numbers)].slice(0, least), Array.from({ length: least }, (_, index) => index))
})

test('a session is of one client identifier', async (t) => {
  const path = place(t)
  const server = await serve(t)
  const first = await mqtt.connectAsync(server.url, { clientId: 'c', clean: false, session: new DurableSession(path) })
  await first.endAsync()
  const other = mqtt.connect(server.url, { clientId: 'd', clean: false, session: new DurableSession(path) })
  const [error] = await once(other, 'error')
  assert.equal(error.code, 'SESSION_OF_ANOTHER_CLIENT')
  await other.endAsync()
})

test('a full disk fails what it cannot keep, and nothing else', async (t) => {
  const server = await serve(t)
  const session = memory()
  const client = await mqtt.connectAsync(server.url, { clientId: 'c', clean: false, session })
  t.after(() => client.endAsync(true))
  client.on('error', () => {})
  session.failure = Object.assign(new Error('no space left'), { code: 'ENOSPC' })
  await assert.rejects(client.publishAsync('a', 'lost', { qos: 1 }), { code: 'NOT_KEPT' })
  session.failure = undefined
  // A second later the core tries the place again; it refuses messages until then.
  await until(() => client.publishAsync('a', 'kept', { qos: 1 }).catch((error) => error.code !== 'NOT_KEPT'))
  assert.deepEqual(server.all('publish').map(({ payload }) => payload.toString()), ['kept'])
})

test('a log does not grow with what is over', async (t) => {
  const server = await serve(t)
  const session = memory()
  const client = await mqtt.connectAsync(server.url, { clientId: 'c', clean: false, session })
  const payload = Buffer.alloc(64 * 1024, 'x')
  for (let number = 0; number < 40; number++) await client.publishAsync('a', payload, { qos: 1 })
  assert.ok(session.bytes.length < 800_000, `${session.bytes.length} bytes`)
  await client.endAsync()
  assert.ok(session.isClosed)
})

/** A session of the test's own. */
function memory() {
  return {
    bytes: Buffer.alloc(0),
    failure: undefined,
    isClosed: true,
    async open() {
      this.isClosed = false
      return this.bytes
    },
    async append(bytes) {
      if (this.failure) throw this.failure
      this.bytes = Buffer.concat([this.bytes, bytes])
    },
    async replace(bytes) {
      if (this.failure) throw this.failure
      this.bytes = Buffer.from(bytes)
    },
    async close() {
      this.isClosed = true
    },
  }
}

/** Until the file has this text. */
async function kept(path, text) {
  for (;;) {
    try {
      if (readFileSync(path).includes(text)) return
    } catch {
      // It is not there yet.
    }
    // The file is written on another thread, which says nothing here.
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
