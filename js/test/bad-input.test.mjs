// What is wrong in URLs, options, topics and payloads: the error that comes of it, and where.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import theirs from 'mqtt'

import { mqtt, serve } from './harness.mjs'

/** What comes of `act`: thrown, called back, told by 'error', or nothing wrong. */
async function outcome(act, client) {
  let settle
  const first = new Promise((resolve) => (settle = resolve))
  client?.on('error', (error) => settle(['event', error]))
  try {
    act((error) => settle(error ? ['callback', error] : ['taken']))
  } catch (error) {
    settle(['thrown', error])
  }
  return first
}

/** What MQTT.js does, too. */
const SAME = Symbol('same')
const LONG = 'x'.repeat(65_536)
const connecting = (...given) => (library) => library.connect(...given)
const withOptions = (options) => connecting('mqtt://127.0.0.1:1', options)

const CONNECTING = [
  ['no scheme', connecting('broker.example'), SAME],
  ['no scheme, with a port', connecting('localhost:1883'), 'thrown', 'Unknown protocol "localhost": use mqtt, mqtts, ws or wss, with +unix for a unix socket'],
  ['nothing', connecting(''), 'thrown', 'Missing protocol'],
  ['a path alone', connecting('/mqtt'), SAME],
  ['a scheme of others', connecting('http://h'), 'thrown', 'Unknown protocol "http": use mqtt, mqtts, ws or wss, with +unix for a unix socket'],
  ['a port beyond 65535', connecting('mqtt://h:99999'), 'thrown', 'Invalid URL of the server: give one such as mqtt://host:1883'],
  ['brackets left open', connecting('mqtt://[::1'), 'thrown', 'Invalid URL of the server: give one such as mqtt://host:1883'],
  ['a user name with a lone percent sign', connecting('mqtt://u%zz@h'), 'thrown', 'Invalid URL of the server: write % as %25 in its user name and password'],
  ['a port that is no number', withOptions({ port: 'x' }), 'thrown INVALID_OPTION', 'Invalid option port: give a port, at most 65,535'],
  ['a port out of range', withOptions({ port: 70_000 }), 'thrown INVALID_OPTION', 'Invalid option port: give a port, at most 65,535'],
  ['a negative port', withOptions({ port: -1 }), 'thrown INVALID_OPTION', 'Invalid option port: give a port, at most 65,535'],
  ['an unclean client without identifier', withOptions({ clean: false }), SAME],
  ['an identifier that is too long', withOptions({ clientId: LONG }), 'thrown INVALID_OPTION', 'Invalid option clientId: give text of at most 65,535 bytes without U+0000'],
  ['an identifier that is a number', withOptions({ clientId: 5 }), SAME],
  ['an identifier with U+0000', withOptions({ clientId: 'a\0b' }), 'thrown INVALID_OPTION', 'Invalid option clientId: give text of at most 65,535 bytes without U+0000'],
  ['a keepalive that is no number', withOptions({ keepalive: 'x' }), 'thrown INVALID_OPTION', 'Invalid option keepalive: give a whole number from 0 to 65,535'],
  ['a keepalive of NaN', withOptions({ keepalive: Number.NaN }), 'thrown INVALID_OPTION', 'Invalid option keepalive: give a whole number from 0 to 65,535'],
  ['a keepalive with a fraction', withOptions({ keepalive: 1.5 }), 'thrown INVALID_OPTION', 'Invalid option keepalive: give a whole number from 0 to 65,535'],
  ['a negative keepalive', withOptions({ keepalive: -1 }), 'thrown INVALID_OPTION', 'Invalid option keepalive: give a whole number from 0 to 65,535'],
  ['a keepalive in milliseconds', withOptions({ keepalive: 65_536 }), 'thrown INVALID_OPTION', 'Invalid option keepalive: give a whole number from 0 to 65,535'],
  ['a version there is not', withOptions({ protocolVersion: 6 }), 'thrown INVALID_OPTION', 'Invalid option protocolVersion: give 3 (MQTT 3.1), 4 (3.1.1) or 5'],
  ['a version in words', withOptions({ protocolVersion: 'x' }), 'thrown INVALID_OPTION', 'Invalid option protocolVersion: give 3 (MQTT 3.1), 4 (3.1.1) or 5'],
  ['a protocol identifier there is not', withOptions({ protocolId: 'x' }), 'thrown INVALID_OPTION', "Invalid option protocolId: give 'MQTT' or 'MQIsdp'"],
  ['a negative reconnectPeriod', withOptions({ reconnectPeriod: -1 }), 'thrown INVALID_OPTION', 'Invalid option reconnectPeriod: give milliseconds, 0 or more'],
  ['a reconnectPeriod that is no number', withOptions({ reconnectPeriod: 'x' }), 'thrown INVALID_OPTION', 'Invalid option reconnectPeriod: give milliseconds, 0 or more'],
  ['a connectTimeout that is no number', withOptions({ connectTimeout: 'x' }), 'thrown INVALID_OPTION', 'Invalid option connectTimeout: give milliseconds, 0 or more'],
  ['a user name that is a number', withOptions({ username: 5 }), 'thrown INVALID_OPTION', 'Invalid option username: give text of at most 65,535 bytes without U+0000'],
  ['a password that is an object', withOptions({ username: 'u', password: {} }), 'thrown INVALID_OPTION', 'Invalid option password: give a string or a Buffer'],
  ['a will without a topic', withOptions({ will: { payload: 'x' } }), 'thrown INVALID_OPTION', 'Invalid option will.topic: give text of at most 65,535 bytes without U+0000'],
  ['a will with a wildcard', withOptions({ will: { topic: 'a/#', payload: 'x' } }), 'thrown INVALID_TOPIC', 'topic name holds a wildcard, + or #, which only filters may'],
  ['a will of QoS 3', withOptions({ will: { topic: 'a', payload: 'x', qos: 3 } }), 'thrown INVALID_OPTION', 'Invalid option will.qos: give 0, 1 or 2'],
  ['a will whose payload is an object', withOptions({ will: { topic: 'a', payload: {} } }), 'thrown INVALID_OPTION', 'Invalid option will.payload: give a string or a Buffer'],
  ['a will that is no object', withOptions({ will: 'x' }), 'thrown INVALID_OPTION', 'Invalid option will: give an object'],
  ['receiveMaximum 0', withOptions({ protocolVersion: 5, properties: { receiveMaximum: 0 } }), 'thrown INVALID_OPTION', 'Invalid option properties.receiveMaximum: give a whole number from 1 to 65,535'],
  ['a receiveMaximum out of range', withOptions({ protocolVersion: 5, properties: { receiveMaximum: 65_536 } }), 'thrown INVALID_OPTION', 'Invalid option properties.receiveMaximum: give a whole number from 1 to 65,535'],
  ['a negative sessionExpiryInterval', withOptions({ protocolVersion: 5, properties: { sessionExpiryInterval: -1 } }), 'thrown INVALID_OPTION', 'Invalid option properties.sessionExpiryInterval: give a whole number from 0 to 4,294,967,295'],
  ['properties that are no object', withOptions({ protocolVersion: 5, properties: 'x' }), 'thrown INVALID_OPTION', 'Invalid option properties: give an object'],
  ['a server without a host', withOptions({ servers: [{ port: 1 }] }), SAME],
  ['servers that are no list', withOptions({ servers: 'x' }), 'thrown INVALID_OPTION', 'Invalid option servers: give a list of objects'],
  ['a server of an unknown protocol', withOptions({ servers: [{ host: 'h', port: 1, protocol: 'x' }] }), 'thrown', 'Unknown protocol "x": use mqtt, mqtts, ws or wss, with +unix for a unix socket'],
  ['a certificate that is none', connecting('mqtts://127.0.0.1:1', { cert: 'x', key: 'y' }), 'event ERR_OSSL_PEM_NO_START_LINE', 'error:0480006C:PEM routines::no start line'],
  ['a unix socket without a path', withOptions({ protocol: 'mqtt+unix' }), 'event', 'Missing path of the unix socket'],
  ['a proxy that is no URL', withOptions({ socksProxy: 'x' }), 'event', 'The URL of the SOCKS proxy is not one: give socks5h://host:port'],
  ['a proxy of an unknown kind', withOptions({ socksProxy: 'http://h' }), 'event', 'Unknown SOCKS protocol "http:": use socks4, socks4a, socks5 or socks5h'],
  ['no URL and no options', connecting(), SAME],
  ['null', connecting(null), SAME],
  ['a number for a URL', connecting(5), SAME],
  ['options that are null', connecting('mqtt://127.0.0.1:1', null), SAME],
  ['a subscribeBatchSize of 0', withOptions({ subscribeBatchSize: 0 }), SAME],
  ['a negative subscribeBatchSize', withOptions({ subscribeBatchSize: -1 }), 'thrown INVALID_OPTION', 'Invalid option subscribeBatchSize: give a whole number, 0 or more'],
  ['a store that is none', withOptions({ outgoingStore: {} }), 'thrown INVALID_OPTION', 'Invalid option outgoingStore: give a store: put, get, del, createStream and close'],
  ['a log that is no function', withOptions({ log: 5 }), 'thrown INVALID_OPTION', 'Invalid option log: give a function'],
  ['a profile there is not', withOptions({ profile: 'nobody' }), 'thrown UNKNOWN_PROFILE', 'there is no such profile'],
  ['a reconnect.base that is no number', withOptions({ reconnect: { base: 'x' } }), 'thrown INVALID_OPTION', 'Invalid option reconnect.base: give milliseconds, 0 or more'],
  ['a reconnect.refused there is not', withOptions({ reconnect: { refused: 'x' } }), 'thrown INVALID_OPTION', "Invalid option reconnect.refused: give 'halt-unless-proven', 'halt' or 'slow-lane'"],
  ['a timerVariant that is none', withOptions({ timerVariant: {} }), 'thrown INVALID_OPTION', "Invalid option timerVariant: give 'auto', 'native', 'worker', or set and clear"],
]

const publishing = (topic, payload = 'x', options = {}) => (client, done) => client.publish(topic, payload, options, done)
const subscribing = (topics, options = {}) => (client, done) => client.subscribe(topics, options, done)
const unsubscribing = (topics) => (client, done) => client.unsubscribe(topics, done)

const ONLINE = [
  ['publish: no topic', publishing(undefined), 'callback INVALID_TOPIC', 'Invalid topic: give a string'],
  ['publish: null', publishing(null), 'callback INVALID_TOPIC', 'Invalid topic: give a string'],
  ['publish: a number for a topic', publishing(5), 'callback INVALID_TOPIC', 'Invalid topic: give a string'],
  ['publish: an empty topic', publishing(''), 'callback NOT_ALLOWED', 'PUBLISH has an empty topic and no topic alias; it needs one of them'],
  ['publish: a wildcard', publishing('a/#'), 'callback INVALID_TOPIC', 'topic name holds a wildcard, + or #, which only filters may'],
  ['publish: a plus', publishing('a/+/b'), 'callback INVALID_TOPIC', 'topic name holds a wildcard, + or #, which only filters may'],
  ['publish: U+0000', publishing('a\0b'), 'callback INVALID_TEXT', 'string holds the null character U+0000'],
  ['publish: a lone surrogate', publishing('a\ud800'), SAME],
  ['publish: a topic that is too long', publishing(LONG), 'callback INVALID_TEXT', 'string of 65536 bytes is longer than the 65535 MQTT allows'],
  ['publish: an object for a payload', publishing('a', {}), 'callback', 'Invalid payload: give a string or a Buffer'],
  ['publish: a number for a payload', publishing('a', 5), 'callback', 'Invalid payload: give a string or a Buffer'],
  ['publish: null for a payload', publishing('a', null), SAME],
  ['publish: QoS 3', publishing('a', 'x', { qos: 3 }), 'callback INVALID_ARGUMENT', 'QoS is 0, 1 or 2'],
  ['publish: QoS -1', publishing('a', 'x', { qos: -1 }), 'callback INVALID_ARGUMENT', 'QoS is 0, 1 or 2'],
  ['publish: a topic alias of 0', publishing('a', 'x', { properties: { topicAlias: 0 } }), 'callback', 'Sending Topic Alias out of range'],
  ['publish: a topic alias that the server does not take', publishing('a', 'x', { properties: { topicAlias: 9 } }), SAME],
  ['publish: a negative expiry', publishing('a', 'x', { properties: { messageExpiryInterval: -1 } }), 'callback', 'Invalid value for property messageExpiryInterval (number)'],
  ['publish: a response topic with a wildcard', publishing('a', 'x', { properties: { responseTopic: 'a/#' } }), 'callback INVALID_PROPERTIES', 'properties: the Response Topic is no topic name'],
  ['subscribe: an empty filter', subscribing(''), 'callback INVALID_FILTER', 'topic is empty'],
  ['subscribe: a hash in the middle', subscribing('a/#/b'), SAME],
  ['subscribe: a hash beside a letter', subscribing('a#'), SAME],
  ['subscribe: a plus beside a letter', subscribing('a+/b'), SAME],
  ['subscribe: U+0000', subscribing('a\0b'), 'callback INVALID_TEXT', 'string holds the null character U+0000'],
  ['subscribe: a filter that is too long', subscribing(LONG), 'callback INVALID_TEXT', 'string of 65536 bytes is longer than the 65535 MQTT allows'],
  ['subscribe: an empty list', subscribing([]), SAME],
  ['subscribe: an empty map', subscribing({}), SAME],
  ['subscribe: nothing', subscribing(undefined), 'callback', 'Invalid topic undefined'],
  ['subscribe: null', subscribing(null), 'callback', 'Invalid topic null'],
  ['subscribe: a number', subscribing(5), 'callback', 'Invalid topic 5'],
  ['subscribe: a number in a list', subscribing(['a', 5]), 'callback', 'Invalid topic 5'],
  ['subscribe: a map of null', subscribing({ a: null }), SAME],
  ['subscribe: QoS 3', subscribing('a', { qos: 3 }), 'callback INVALID_ARGUMENT', 'QoS is 0, 1 or 2'],
  ['subscribe: a retain handling of 3', subscribing('a', { qos: 0, rh: 3 }), 'callback INVALID_ARGUMENT', 'retain handling is 0, 1 or 2, in bits 4 and 5'],
  ['subscribe: no local on a shared one', subscribing('$share/g/a', { qos: 0, nl: true }), 'callback NOT_ALLOWED', 'a shared subscription must not have the No Local option'],
  ['subscribe: a shared one without a group', subscribing('$share//a'), 'callback INVALID_FILTER', 'shared filter must be $share/NAME/FILTER, with no wildcard in NAME and a FILTER'],
  ['subscribe: a subscription identifier of 0', subscribing('a', { qos: 0, properties: { subscriptionIdentifier: 0 } }), 'callback INVALID_PROPERTIES', 'properties: Subscription Identifier is 0; it must be 1 or more'],
  ['unsubscribe: an empty filter', unsubscribing(''), 'callback INVALID_FILTER', 'topic is empty'],
  ['unsubscribe: a hash in the middle', unsubscribing('a/#/b'), SAME],
  ['unsubscribe: an empty list', unsubscribing([]), SAME],
  ['unsubscribe: nothing', unsubscribing(undefined), 'callback', 'Invalid topic undefined'],
  ['unsubscribe: a number', unsubscribing(5), 'callback', 'Invalid topic 5'],
  ['end: a reason code there is not', (client, done) => client.end(false, { reasonCode: 999 }, done), 'event INVALID_ARGUMENT', 'a reason code is 0 to 255'],
  ['end: null for all', (client, done) => client.end(null, null, done), SAME],
  ['removeOutgoingMessage: one there is not', (client, done) => done(void client.removeOutgoingMessage(9)), SAME],
]

/** A client of this library that does not get far, and what comes of the call. */
async function connected(t, library, act) {
  let client
  const found = await outcome((done) => {
    client = act(library)
    client.on('error', done)
  })
  if (client !== undefined) await new Promise((resolve) => client.end(true, resolve))
  return found[0] === 'callback' ? ['event', found[1]] : found
}

async function online(t, library, act) {
  const server = await serve(t)
  const client = library.connect(server.url, { protocolVersion: 5, reconnectPeriod: 0 })
  t.after(() => client.end(true))
  await new Promise((resolve) => client.once('connect', resolve))
  return outcome((done) => act(client, done), client)
}

for (const [when, rows, run] of [['connecting', CONNECTING, connected], ['online', ONLINE, online]]) {
  describe(when, { concurrency: 4 }, () => {
    for (const [what, act, where, text] of rows) {
      test(what, async (t) => {
        const [found, error] = await run(t, mqtt, act)
        if (where === SAME) {
          const [theirFound, theirError] = await run(t, theirs, act)
          assert.deepEqual([found, error?.message, error?.code], [theirFound, theirError?.message, theirError?.code])
          return
        }
        assert.equal(`${found} ${error?.code ?? ''}`.trim(), where)
        assert.ok(error.message.startsWith(text), error.message)
      })
    }
  })
}
