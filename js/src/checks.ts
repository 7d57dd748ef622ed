//! Whether the options are what MQTT and this client can use: the core would name
//! its own settings, and JavaScript what it could not read.
import { EvenkeelError } from './errors'
import type { IClientOptions, ICredentials, IReconnectOptions } from './types'

type Check = (value: any) => boolean

/** A hundred years. */
const LONGEST_MS = 3.2e12

const TEXT = 'text of at most 65,535 bytes without U+0000'

/** Each kind of value, in words. */
const KINDS = {
  'a string': (value) => typeof value === 'string',
  [TEXT]: (value) =>
    typeof value === 'string' && !value.includes('\0') && Buffer.byteLength(value) <= 65_535,
  'a string or a Buffer': (value) => typeof value === 'string' || value instanceof Uint8Array,
  'a string or a Buffer of at most 65,535 bytes': (value) =>
    (typeof value === 'string' || value instanceof Uint8Array) && Buffer.byteLength(value) <= 65_535,
  'an object': (value) => typeof value === 'object' && !Array.isArray(value),
  'a list of objects': (value) => Array.isArray(value) && value.every((one) => one && typeof one === 'object'),
  'milliseconds, 0 or more': (value) => typeof value === 'number' && value >= 0 && value <= LONGEST_MS,
  'a whole number, 0 or more': (value) => Number.isInteger(value) && value >= 0,
  'a whole number from 0 to 65,535': (value) => Number.isInteger(value) && value >= 0 && value <= 65_535,
  'a whole number from 1 to 65,535': (value) => Number.isInteger(value) && value >= 1 && value <= 65_535,
  'a port, at most 65,535': (value) => Number.isInteger(Number(value)) && value >= 0 && value <= 65_535,
  'a whole number from 0 to 4,294,967,295': (value) =>
    Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff,
  'a whole number from 1 to 268,435,455': (value) =>
    Number.isInteger(value) && value >= 1 && value <= 0x0fff_ffff,
  '0, 1 or 2': (value) => value === 0 || value === 1 || value === 2,
  '3 (MQTT 3.1), 4 (3.1.1) or 5': (value) => value === 3 || value === 4 || value === 5,
  "'MQTT' or 'MQIsdp'": (value) => value === 'MQTT' || value === 'MQIsdp',
  'a store: put, get, del, createStream and close': hasAll('put', 'get', 'del', 'createStream', 'close'),
  'a session: open, append, replace and close': hasAll('open', 'append', 'replace', 'close'),
  'a provider of identifiers: allocate, register, deallocate and clear': hasAll(
    ...['allocate', 'getLastAllocated', 'register', 'deallocate', 'clear'],
  ),
  "'auto', 'native', 'worker', or set and clear": (value) =>
    typeof value === 'string' || hasAll('set', 'clear')(value),
  'a function': (value) => typeof value === 'function',
  "'halt-unless-proven', 'halt' or 'slow-lane'": (value) =>
    ['halt-unless-proven', 'halt', 'slow-lane'].includes(value),
  "'halt' or 'slow-lane'": (value) => ['halt', 'slow-lane'].includes(value),
} satisfies Record<string, Check>

type Kind = keyof typeof KINDS
type Kinds<Options> = { [Name in keyof Options]?: Kind }

const LOGIN: Kinds<ICredentials> = {
  username: TEXT,
  password: 'a string or a Buffer of at most 65,535 bytes',
}

const OPTIONS: Kinds<IClientOptions> = {
  ...LOGIN,
  protocolVersion: '3 (MQTT 3.1), 4 (3.1.1) or 5',
  protocolId: "'MQTT' or 'MQIsdp'",
  keepalive: 'a whole number from 0 to 65,535',
  reconnectPeriod: 'milliseconds, 0 or more',
  connectTimeout: 'milliseconds, 0 or more',
  port: 'a port, at most 65,535',
  will: 'an object',
  properties: 'an object',
  reconnect: 'an object',
  servers: 'a list of objects',
  subscribeBatchSize: 'a whole number, 0 or more',
  incomingStore: 'a store: put, get, del, createStream and close',
  outgoingStore: 'a store: put, get, del, createStream and close',
  session: 'a session: open, append, replace and close',
  messageIdProvider: 'a provider of identifiers: allocate, register, deallocate and clear',
  timerVariant: "'auto', 'native', 'worker', or set and clear",
  customHandleAcks: 'a function',
  transformWsUrl: 'a function',
  createWebsocket: 'a function',
  credentials: 'a function',
  log: 'a function',
}

const WILL: Kinds<NonNullable<IClientOptions['will']>> = {
  topic: TEXT,
  payload: 'a string or a Buffer',
  qos: '0, 1 or 2',
  properties: 'an object',
}

const PROPERTIES: Kinds<NonNullable<IClientOptions['properties']>> = {
  sessionExpiryInterval: 'a whole number from 0 to 4,294,967,295',
  receiveMaximum: 'a whole number from 1 to 65,535',
  maximumPacketSize: 'a whole number from 1 to 268,435,455',
  topicAliasMaximum: 'a whole number from 0 to 65,535',
  userProperties: 'an object',
  authenticationMethod: 'a string',
  authenticationData: 'a string or a Buffer',
}

const RECONNECT: Kinds<IReconnectOptions> = {
  base: 'milliseconds, 0 or more',
  cap: 'milliseconds, 0 or more',
  stableAfter: 'milliseconds, 0 or more',
  attempts: 'a whole number, 0 or more',
  budget: 'a whole number, 0 or more',
  budgetWindow: 'milliseconds, 0 or more',
  floor: 'milliseconds, 0 or more',
  refused: "'halt-unless-proven', 'halt' or 'slow-lane'",
  takenOver: "'halt' or 'slow-lane'",
}

/** Throws for the first option that is none. */
export function checkOptions(options: IClientOptions): void {
  check('', options, OPTIONS)
  const { clientId, will, properties, reconnect, session } = options
  if (session && (typeof clientId !== 'string' || clientId === '')) {
    throw new EvenkeelError('Invalid option session: it is a client\'s, so give clientId, too', 'INVALID_OPTION')
  }
  // Instead of what is no string an identifier is made, as in MQTT.js.
  if (typeof clientId === 'string') check('', { clientId }, { clientId: TEXT })
  if (will) check('will.', { ...will, topic: will.topic }, WILL, 'topic')
  if (properties && options.protocolVersion === 5) check('properties.', properties, PROPERTIES)
  if (reconnect) check('reconnect.', reconnect, RECONNECT)
}

/** Throws if it is no user name and password, which may both be missing. */
export function checkLogin(login: ICredentials | undefined | null): ICredentials | undefined {
  if (login === undefined || login === null) return undefined
  check('', { credentials: login }, { credentials: 'an object' })
  check('credentials.', login, LOGIN)
  return login
}

function check(prefix: string, options: object, kinds: Record<string, Kind>, needed?: string): void {
  for (const [name, value] of Object.entries(options)) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined
    if (kind === undefined) continue
    const isAbsent = value === undefined || value === null
    if (isAbsent ? name !== needed : KINDS[kind](value)) continue
    // The value may be a secret.
    throw new EvenkeelError(`Invalid option ${prefix}${name}: give ${kind}`, 'INVALID_OPTION')
  }
}

function hasAll(...methods: string[]): Check {
  return (value) => methods.every((method) => typeof value?.[method] === 'function')
}
