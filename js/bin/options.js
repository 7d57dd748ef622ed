// From flags to the options of the client; both programs have these.
'use strict'

const { readFileSync } = require('node:fs')

const { parseFlags } = require('./flags')

/** What the user did wrong, in words. */
class UsageError extends Error {}

const ALIASES = {
  h: 'hostname', host: 'hostname',
  p: 'port',
  t: 'topic',
  q: 'qos',
  i: 'clientId', id: 'clientId', 'client-id': 'clientId',
  u: 'username',
  P: 'password',
  C: 'protocol', l: 'protocol',
  cafile: 'ca',
  H: 'help',
  'will-payload': 'will-message',
}
const STRINGS = ['hostname', 'username', 'password', 'key', 'cert', 'ca', 'clientId', 'topic', 'will-topic', 'will-message']
const BOOLEANS = ['help', 'insecure', 'will-retain']

/** `own` are the flags that one of the programs alone has. */
function parse(args, own) {
  const { flags, rest } = parseFlags(args, {
    strings: [...STRINGS, ...(own.strings ?? [])],
    booleans: [...BOOLEANS, ...own.booleans],
    lists: ['topic'],
    aliases: { ...ALIASES, ...own.aliases },
  })
  return { flags: { qos: 0, ...flags }, rest }
}

function connectOptions({ hostname, port, qos, key, cert, ca, insecure, ...others }) {
  if (port !== undefined && typeof port !== 'number') {
    throw new UsageError(`port: a number is expected, not '${port}'`)
  }
  if (![0, 1, 2].includes(qos)) throw new UsageError(`qos: 0, 1 or 2 is expected, not '${qos}'`)
  const options = { ...others, host: hostname ?? 'localhost' }
  if (port !== undefined) options.port = port
  for (const [name, path] of Object.entries({ key, cert, ca })) {
    if (path !== undefined) options[name] = read(name, path)
  }
  if (key && cert) options.protocol ??= 'mqtts'
  if (insecure) options.rejectUnauthorized = false
  const will = willOf(others)
  if (will !== undefined) options.will = will
  return options
}

function willOf(flags) {
  const { 'will-topic': topic, 'will-message': payload, 'will-qos': qos, 'will-retain': retain } = flags
  if (!topic) return undefined
  if (![undefined, 0, 1, 2].includes(qos)) {
    throw new UsageError(`will-qos: 0, 1 or 2 is expected, not '${qos}'`)
  }
  return { topic, payload: payload ?? '', qos: qos ?? 0, retain: retain === true }
}

function read(name, path) {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new UsageError(`${name}: ${error.message}`)
  }
}

module.exports = { connectOptions, parse, UsageError }
