// The programs mqtt, mqtt_pub and mqtt_sub, by what they send, print and return.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { certificate } from './certificate.mjs'
import { serve, until, write } from './harness.mjs'

const bin = join(dirname(fileURLToPath(import.meta.url)), '../bin')
const { parseFlags } = createRequire(import.meta.url)('../bin/flags.js')

/** Starts a program; `ended` is its exit status and what it has said. */
function start(t, name, args, input) {
  const child = spawn(process.execPath, [join(bin, `${name}.js`), ...args.map(String)])
  t.after(() => child.kill())
  const run = { child, out: '', err: '' }
  child.stdout.on('data', (chunk) => (run.out += chunk))
  child.stderr.on('data', (chunk) => (run.err += chunk))
  if (input !== undefined) child.stdin.end(input)
  run.ended = new Promise((resolve) => child.on('close', (status) => resolve({ status, ...run })))
  return run
}

const at = ({ port }) => ['-h', '127.0.0.1', '-p', port]
const sent = (server) => server.all('publish').map(({ topic, payload, qos, retain }) => [topic, payload.toString(), qos, retain])

test('a message is published by words or by flags, at every QoS', async (t) => {
  const server = await serve(t)
  for (const [name, args] of [
    ['pub', ['a/b', 'x']],
    ['pub', ['-t', 'a/b', '-m', '5', '-q1', '-r']],
    ['mqtt', ['pub', '--topic=a/b', '--message', 'y', '--qos', '2']],
    ['mqtt', ['publish', '-rq', '1', '7', '8']],
  ]) {
    const { status, err } = await start(t, name, [...args, ...at(server)]).ended
    assert.deepEqual([status, err], [0, ''])
  }
  assert.deepEqual(sent(server), [['a/b', 'x', 0, false], ['a/b', '5', 1, true], ['a/b', 'y', 2, false], ['7', '8', 1, true]])
  assert.equal(server.all('disconnect').length, 4)
})

test('stdin is one message, or one for each line', async (t) => {
  const server = await serve(t)
  assert.equal((await start(t, 'pub', ['a', '-s', ...at(server)], 'x\ny\n').ended).status, 0)
  assert.equal((await start(t, 'pub', ['a', '-sM', '-q', 1, ...at(server)], 'x\n y \n').ended).status, 0)
  assert.deepEqual(sent(server).map(([, payload]) => payload), ['x\ny\n', 'x', 'y'])
})

test('CONNECT says who it is, and the will', async (t) => {
  const server = await serve(t)
  const args = ['-i', '7', '-u', 'me', '-P', '123', '--will-topic', 'w', '--will-message', 'gone', '--will-qos', 1, '--will-retain']
  await start(t, 'pub', ['a', 'x', ...args, '--protocolVersion', 5, '--keepalive', 9, ...at(server)]).ended
  const [connect] = server.all('connect')
  assert.equal(connect.clientId, '7')
  assert.equal(connect.username, 'me')
  assert.equal(connect.password.toString(), '123')
  assert.equal(connect.keepalive, 9)
  assert.equal(server.last.v5, true)
  assert.deepEqual([connect.will.topic, connect.will.payload.toString(), connect.will.qos, connect.will.retain], ['w', 'gone', 1, true])
})

test('TLS: files of certificates, and --insecure', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-bin-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const { key, cert } = certificate(folder)
  const server = await serve(t, {}, { tls: { key, cert, ca: cert, requestCert: true, rejectUnauthorized: false } })
  const [keyFile, certFile] = ['key.pem', 'cert.pem'].map((name) => join(folder, name))
  const pub = (...args) => start(t, 'pub', ['a', 'x', '-q', 1, ...args, ...at(server)]).ended
  assert.equal((await pub('-C', 'mqtts', '--cafile', certFile)).status, 0)
  assert.equal((await pub('-l', 'mqtts', '--insecure')).status, 0)
  // Both files: the protocol is mqtts then.
  assert.equal((await pub('--key', keyFile, '--cert', certFile, '--ca', certFile)).status, 0)
  assert.equal(server.last.socket.authorized, true)
  const { status, err } = await pub('-C', 'mqtts')
  assert.match(err, /self.signed certificate/)
  assert.equal(status, 1)
  assert.equal(server.all('publish').length, 3)
})

test('messages are printed, with their topics if wanted', async (t) => {
  const server = await serve(t)
  const hello = (topic) => write.publish({ topic, payload: 'hello' })
  const plain = start(t, 'sub', ['-t', 'a', '-t', 'b/+', '-q', 1, '--no-clean', '-i', 'c', ...at(server)])
  const [{ filters }] = await server.count('subscribe', 1)
  assert.deepEqual(filters.map(({ topic, options }) => [topic, options & 3]), [['a', 1], ['b/+', 1]])
  assert.equal(server.all('connect')[0].clean, false)
  server.last.send(hello('a'))
  await until(() => plain.out === 'hello\n', 'the message')
  const verbose = start(t, 'mqtt', ['sub', '-v', 'b/+', ...at(server)])
  await server.count('subscribe', 2)
  server.last.send(hello('b/c'))
  await until(() => verbose.out === 'b/c hello\n', 'the message with its topic')
})

test('what fails is said, and the exit status is 1', async (t) => {
  const refusing = await serve(t, {
    connect: (_, peer) => peer.send(write.connack({ code: 5 })),
  })
  const negating = await serve(t, {
    subscribe: (packet, peer) => peer.send(write.suback(packet.id, [0x80])),
  })
  const gone = await serve(t)
  gone.close()
  for (const [name, args, server, said] of [
    ['pub', ['a', 'x'], refusing, /^Connection refused: Not authorized\n$/],
    ['pub', ['a', '-s'], refusing, /^Connection refused: Not authorized\n$/],
    ['sub', ['a'], refusing, /^Connection refused: Not authorized\n$/],
    ['sub', ['a'], negating, /^Subscribe error: Unspecified error\n$/],
    ['sub', ['a/#/b'], gone, /ECONNREFUSED/],
    ['sub', ['a', '--no-clean'], gone, /^Missing clientId for unclean clients\n$/],
    ['pub', ['a', 'x', '--ca', '/nothing'], gone, /^ca: ENOENT/],
  ]) {
    const { status, err } = await start(t, name, [...args, ...at(server)]).ended
    assert.match(err, said)
    assert.equal(status, 1, err)
  }
})

test('wrong usage is answered with the help of the command', async (t) => {
  for (const [name, args, said, usage] of [
    ['pub', [], /^missing topic\n$/, /^Usage: mqtt publish/],
    ['sub', ['-v'], /^missing topic\n$/, /^Usage: mqtt subscribe/],
    ['pub', ['a', 'x', '-p', 'b'], /^port: a number is expected, not 'b'\n$/, /^Usage: mqtt publish/],
    ['sub', ['a', '-q', 3], /^qos: 0, 1 or 2 is expected, not '3'\n$/, /^Usage: mqtt subscribe/],
    ['pub', ['-t', 'a', '-t', 'b', '-m', 'x'], /^topic: one is expected\n$/, /^Usage: mqtt publish/],
    ['mqtt', ['nothing'], /^No such command: nothing\n$/, /^Usage: mqtt <command>/],
  ]) {
    const { status, err, out } = await start(t, name, args).ended
    assert.match(err, said)
    assert.match(out, usage)
    assert.equal(status, 1)
  }
})

test('help and version', async (t) => {
  for (const [name, args, said] of [
    ['mqtt', [], /^Usage: mqtt <command>/],
    ['mqtt', ['help', 'sub'], /^Usage: mqtt subscribe/],
    ['mqtt', ['pub', '-H'], /^Usage: mqtt publish/],
    ['mqtt', ['version'], /^evenkeel version: \d+\.\d+\.\d+\n$/],
  ]) {
    const { status, out, err } = await start(t, name, args).ended
    assert.match(out, said)
    assert.deepEqual([status, err], [0, ''])
  }
})

test('flags', () => {
  const options = { strings: ['s'], booleans: ['b'], lists: ['s'], aliases: { x: 's' } }
  const flags = (...args) => {
    const { flags: found, rest } = parseFlags(args, options)
    return JSON.parse(JSON.stringify({ ...found, ...(rest.length > 0 ? { rest } : {}) }))
  }
  assert.deepEqual(flags('-s', '1', '-n', '1'), { s: '1', n: 1 })
  assert.deepEqual(flags('-bn7', 'r'), { b: true, n: 7, rest: ['r'] })
  assert.deepEqual(flags('-b', 'r', '--b', 'false'), { b: false, rest: ['r'] })
  assert.deepEqual(flags('-x', 'a', '-s', 'b'), { s: ['a', 'b'] })
  assert.deepEqual(flags('--n', '1', '--n', '2'), { n: 2 })
  assert.deepEqual(flags('--no-n', '--w.h.a=b=c', '--w.h.d', '-1'), { n: false, w: { h: { a: 'b=c', d: -1 } } })
  assert.deepEqual(flags('--f', '--', '-b', '--g'), { f: true, rest: ['-b', '--g'] })
  assert.deepEqual(flags('--constructor', '1', '-', '-s'), { constructor: 1, s: '', rest: ['-'] })
  flags('--__proto__.evil', '1')
  assert.equal({}.evil, undefined)
})
