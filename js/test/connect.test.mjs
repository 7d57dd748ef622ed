// From URLs and options to what the client uses; nothing is connected.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import mqtt from 'evenkeel'

/** The options of a client that does not connect. */
function options(t, ...given) {
  const last = given.at(-1)
  if (typeof last === 'object') last.manualConnect = true
  else given.push({ manualConnect: true })
  const client = mqtt.connect(...given)
  t.after(() => client.end(true))
  return client.options
}

test('a URL gives protocol, host and port', (t) => {
  const { protocol, host, port } = options(t, 'mqtt://device.example:1234')
  assert.deepEqual({ protocol, host, port }, { protocol: 'mqtt', host: 'device.example', port: 1234 })
})

test('options win over the URL', (t) => {
  const { port, username } = options(t, 'mqtt://a@h:1', { port: 5, username: 'b' })
  assert.deepEqual([port, username], [5, 'b'])
})

test('user name and password are decoded', (t) => {
  const { username, password } = options(t, 'mqtt://u%40x:p%2f@h')
  assert.deepEqual([username, password], ['u@x', 'p/'])
})

test('a password may have colons', (t) => {
  const { username, password } = options(t, 'mqtt://u:p:w@h')
  assert.deepEqual([username, password], ['u', 'p:w'])
})

test('the option auth gives user name and password', (t) => {
  const { username, password } = options(t, 'mqtt://h', { auth: 'a:b:c' })
  assert.deepEqual([username, password], ['a', 'b:c'])
})

test('clientId may stand in the query', (t) => {
  assert.equal(options(t, 'mqtt://h?clientId=abc').clientId, 'abc')
})

test('the path counts for WebSocket alone', (t) => {
  assert.equal(options(t, 'ws://h/p?x=1').path, '/p?x=1')
  assert.equal(options(t, 'mqtt://h/p').path, undefined)
})

test('an address of IPv6 loses its brackets', (t) => {
  assert.equal(options(t, 'mqtt://[::1]:5').host, '::1')
})

test('+unix makes a unix socket', (t) => {
  const { protocol, unixSocket, path } = options(t, 'mqtt+unix:///run/mqtt.sock')
  assert.deepEqual([protocol, unixSocket, path], ['mqtt', true, '/run/mqtt.sock'])
})

for (const [plain, secure] of [
  ['mqtt', 'mqtts'],
  ['ws', 'wss'],
]) {
  test(`a certificate with its key makes ${secure} of ${plain}`, (t) => {
    assert.equal(options(t, `${plain}://h`, { cert: 'c', key: 'k' }).protocol, secure)
  })
}

for (const [what, text, ...given] of [
  ['no protocol', 'Missing protocol', '/mqtt'],
  ['an unclean client without identifier', 'Missing clientId for unclean clients', 'mqtt://h', { clean: false }],
  ['a certificate for http', 'Unknown protocol for secure connection: "http"!', { protocol: 'http', host: 'h', cert: 'c', key: 'k' }],
  ['a certificate without protocol', 'Missing secure protocol key', { host: 'h', cert: 'c', key: 'k' }],
]) {
  test(`${what} throws`, () => {
    assert.throws(() => mqtt.connect(...given), { message: text })
  })
}

test('an unknown protocol throws instead of going in the clear', () => {
  assert.throws(() => mqtt.connect('mqttss://h'), /Unknown protocol "mqttss"/)
  assert.throws(() => mqtt.connect('wx://h'), /not there: use mqtt/)
})

test('the options given are the ones used, with defaults and identifier', (t) => {
  const given = { manualConnect: true }
  const client = mqtt.connect('mqtt://h', given)
  t.after(() => client.end(true))
  assert.equal(client.options, given)
  const { keepalive, clean, protocolVersion, protocolId, connectTimeout, resubscribe } = given
  assert.deepEqual(
    { keepalive, clean, protocolVersion, protocolId, connectTimeout, resubscribe },
    { keepalive: 60, clean: true, protocolVersion: 4, protocolId: 'MQTT', connectTimeout: 30_000, resubscribe: true },
  )
  assert.equal(given.reconnectPeriod, 1000)
  assert.match(given.clientId, /^mqttjs_[0-9a-f]{8}$/)
})

test('two clients of one options object do not share an identifier', (t) => {
  const given = { manualConnect: true }
  const ids = [1, 2].map(() => {
    const client = mqtt.connect('mqtt://h', given)
    t.after(() => client.end(true))
    return client.options.clientId
  })
  assert.notEqual(ids[0], ids[1])
})

test('MQIsdp and version 3 belong together', (t) => {
  assert.equal(options(t, 'mqtt://h', { protocolVersion: 3, clientId: 'a' }).protocolId, 'MQIsdp')
  assert.equal(options(t, 'mqtt://h', { protocolId: 'MQIsdp', clientId: 'a' }).protocolVersion, 3)
})

test('a new client has connected nowhere', (t) => {
  const client = mqtt.connect('mqtt://h', { manualConnect: true })
  t.after(() => client.end(true))
  assert.deepEqual(
    [client.connected, client.reconnecting, client.disconnecting, client.disconnected],
    [false, false, false, false],
  )
  assert.deepEqual(client.queue, [])
  assert.deepEqual(client.outgoing, {})
  assert.equal(client.keepaliveManager, null)
})

test('an error nobody listens to ends no process', (t) => {
  const client = mqtt.connect('mqtt://h', { manualConnect: true })
  t.after(() => client.end(true))
  assert.doesNotThrow(() => client.emit('error', new Error('nobody listens')))
})

test('VERSION and defaultId are there', () => {
  assert.equal(mqtt.MqttClient.VERSION, mqtt.MQTTJS_VERSION)
  assert.match(mqtt.MqttClient.defaultId(), /^mqttjs_/)
})
