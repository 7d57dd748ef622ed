// The examples run.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'

import { createWebSocketStream, WebSocketServer } from 'ws'

import { connect, sign } from '../examples/aws-signed-url.mjs'
import { next, Server } from './harness.mjs'

const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'to/ken' }

test('a signature depends on its time, its keys and its host, and on nothing else', () => {
  const now = new Date('2026-11-30T10:20:30.456Z')
  const url = (...changes) => new URL(sign('wss://h/mqtt', { ...keys, ...changes[1] }, 'eu', changes[0] ?? now))
  const first = url()
  assert.equal(first.searchParams.get('X-Amz-Date'), '20261130T102030Z')
  assert.equal(first.searchParams.get('X-Amz-Credential'), 'AKIDEXAMPLE/20261130/eu/iotdevicegateway/aws4_request')
  assert.equal(first.searchParams.get('X-Amz-Security-Token'), 'to/ken')
  const signature = (one) => one.searchParams.get('X-Amz-Signature')
  assert.match(signature(first), /^[0-9a-f]{64}$/)
  assert.equal(signature(url()), signature(first))
  assert.equal(signature(url(now, { sessionToken: 'other' })), signature(first))
  assert.notEqual(signature(url(new Date('2026-11-30T10:20:31Z'))), signature(first))
  assert.notEqual(signature(url(now, { secretAccessKey: 'other' })), signature(first))
})

test('the URL is signed anew, with new keys, before every attempt', async (t) => {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  const server = new Server({}, sockets)
  const urls = []
  sockets.on('connection', (socket, { url }) => {
    urls.push(new URL(url, 'ws://h'))
    server.accept(createWebSocketStream(socket))
  })
  await once(sockets, 'listening')
  t.after(() => server.close())
  let asked = 0
  const provider = async () => ({ ...keys, accessKeyId: `KEY${(asked += 1)}` })
  const client = connect(`ws://127.0.0.1:${sockets.address().port}`, 'eu', provider, {
    reconnectPeriod: 10,
    profile: undefined, // AWS's floor between two connects would take its time
  })
  t.after(() => client.end(true))
  await next(client, 'connect')
  server.last.drop()
  await next(client, 'connect')
  assert.deepEqual(
    urls.map(({ searchParams }) => searchParams.get('X-Amz-Credential').split('/')[0]),
    ['KEY1', 'KEY2'],
  )
  assert.ok(urls.every(({ pathname }) => pathname === '/mqtt'))
})
