//! `connect`: from a URL and options to a client.
import { MqttClient } from './client'
import { openers, protocolHint, substitutes, usualProtocol, usualServer, variable, wholeUrl } from './platform'
import type { IClientOptions, IStream, MqttProtocol } from './types'

/** Connects in the background and returns at once. */
export function connect(brokerUrl: string): MqttClient
export function connect(opts: IClientOptions): MqttClient
export function connect(brokerUrl: string, opts?: IClientOptions): MqttClient
export function connect(url?: string | IClientOptions, given?: IClientOptions): MqttClient {
  const options = optionsOf(url, given)
  secure(options)
  choose(options)
  const client = new MqttClient((self) => open(placed(self, options), self), options)
  client.on('error', () => {})
  return client
}

/**
 * Waits for the first connection. With `allowRetries` false it gives up when
 * the first attempt fails.
 */
export function connectAsync(brokerUrl: string): Promise<MqttClient>
export function connectAsync(opts: IClientOptions): Promise<MqttClient>
export function connectAsync(brokerUrl: string, opts?: IClientOptions): Promise<MqttClient>
export function connectAsync(
  brokerUrl: string,
  opts: IClientOptions,
  allowRetries: boolean,
): Promise<MqttClient>
export function connectAsync(
  url: string | IClientOptions,
  given?: IClientOptions,
  allowRetries = true,
): Promise<MqttClient> {
  return new Promise((resolve, reject) => {
    const client = connect(url as string, given)
    const { signal } = client.options
    const settle = (act: () => void): void => {
      client.off('connect', onConnect)
      client.off('end', onEnd)
      client.off('error', onError)
      client.off('close', onClose)
      signal?.removeEventListener('abort', onAbort)
      act()
    }
    const onConnect = (): void => settle(() => resolve(client))
    const onEnd = (): void => settle(() => resolve(client))
    const onError = (error: Error): void => {
      settle(() => {
        client.end()
        reject(error)
      })
    }
    const onClose = (): void => {
      if (!allowRetries) onError(new Error("Couldn't connect to server"))
    }
    client.on('connect', onConnect)
    client.on('end', onEnd)
    client.on('error', onError)
    client.on('close', onClose)
    const onAbort = (): void => onError(abortedBy(signal!))
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
  })
}

function abortedBy(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('Aborted')
}

/** The caller's own object, with what the URL says where the caller says nothing. */
function optionsOf(url?: string | IClientOptions, given?: IClientOptions): IClientOptions {
  if (typeof url === 'object' && url !== null) return withLogin(url)
  const options = given ?? {}
  if (typeof url === 'string') fillFrom(options, url)
  return withLogin(options)
}

const UNIX = '+unix'
/** Their connections begin with a request, which has a path. */
const IN_HTTP = ['ws', 'wss', 'wx', 'wxs', 'ali', 'alis']

function fillFrom(options: IClientOptions, url: string): void {
  const parsed = parse(wholeUrl(url))
  const scheme = parsed.protocol.replace(/:$/, '')
  const isUnix = scheme.endsWith(UNIX)
  const protocol = isUnix ? scheme.slice(0, -UNIX.length) : scheme
  // `mqtt:host` has its host where the path would be.
  const host = parsed.hostname || (isUnix || parsed.pathname.startsWith('/') ? '' : parsed.pathname)
  const login = [parsed.username, parsed.password].filter((part) => part !== '')
  const fill = <Name extends keyof IClientOptions>(name: Name, value: IClientOptions[Name]): void => {
    if (options[name] === undefined && value !== undefined) options[name] = value
  }
  fill('port', parsed.port === '' ? undefined : Number(parsed.port))
  fill('host', host.replace(/^\[|\]$/g, ''))
  fill('query', Object.assign(Object.create(null), Object.fromEntries(parsed.searchParams)))
  if (login.length > 0) {
    fill('username', decoded(parsed.username))
    if (parsed.password !== '') fill('password', decoded(parsed.password))
  }
  fill('auth', (login.length > 0 ? login.map(decoded).join(':') : null) as string)
  fill('protocol', protocol as MqttProtocol)
  fill('unixSocket', isUnix)
  if (isUnix) fill('path', socketPath(parsed, protocol))
  else if (IN_HTTP.includes(protocol)) {
    fill('path', (parsed.pathname || '/') + parsed.search)
  }
  const id = options.query?.clientId
  if (typeof id === 'string') fill('clientId', id)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Error('Invalid URL of the server: write % as %25 in its user name and password')
  }
}

/** Of the socket; for WebSocket the path of the request may follow it, with a colon between. */
function socketPath({ pathname, search }: URL, protocol: string): string {
  if (protocol !== 'ws' && protocol !== 'wss') return decoded(pathname)
  const [, socket = '', request = ''] = /^([^:]*)(.*)$/.exec(pathname) ?? []
  return decoded(socket) + (request || ':/') + search
}

function parse(url: string): URL {
  try {
    return new URL(url)
  } catch {
    if (!/^[a-z][a-z0-9+.-]*:/i.test(url)) throw new Error('Missing protocol')
    throw new Error('Invalid URL of the server: give one such as mqtt://host:1883')
  }
}

/** `auth` is `user:password`; the password may have colons. */
function withLogin(options: IClientOptions): IClientOptions {
  if (typeof options.auth === 'string' && options.username === undefined) {
    const colon = options.auth.indexOf(':')
    options.username = colon < 0 ? options.auth : options.auth.slice(0, colon)
    if (colon >= 0 && options.password === undefined) options.password = options.auth.slice(colon + 1)
  }
  if (options.clean === false && !options.clientId) {
    throw new Error('Missing clientId for unclean clients')
  }
  if (options.protocol?.endsWith(UNIX)) {
    options.protocol = options.protocol.slice(0, -UNIX.length) as MqttProtocol
    options.unixSocket = true
  }
  options.socksProxy ??= variable('MQTTJS_SOCKS_PROXY')
  return options
}

const SECURED: Record<string, MqttProtocol> = { mqtt: 'mqtts', tcp: 'mqtts', ws: 'wss', wx: 'wxs', ali: 'alis' }
const SECURE = ['mqtts', 'ssl', 'tls', 'wss', 'wxs', 'alis']

/** A certificate with its key asks for TLS. */
function secure(options: IClientOptions): void {
  if (!options.cert || !options.key) return
  const protocol = options.protocol
  if (protocol === undefined) throw new Error('Missing secure protocol key')
  if (SECURE.includes(protocol)) return
  const secured = SECURED[protocol]
  if (secured === undefined) {
    throw new Error(`Unknown protocol for secure connection: "${protocol}"!`)
  }
  options.protocol = secured
}

const MINI = ['wx', 'wxs', 'ali', 'alis']

function choose(options: IClientOptions): void {
  const asked = options.protocol ?? options.defaultProtocol ?? usualProtocol()
  const protocol = (options.protocol = here(asked))
  options.defaultProtocol = here(options.defaultProtocol ?? protocol)
  // What is no list of servers is refused when the client is made.
  const servers = Array.isArray(options.servers) ? options.servers : []
  const all = [protocol, ...servers.map((server) => server?.protocol ?? protocol)]
  for (const one of all) {
    if (Object.hasOwn(openers, here(one))) continue
    if (MINI.includes(one)) throw new Error(`Protocol "${one}" is not there: ${protocolHint}, or in mini programs evenkeel/dist/mini`)
    throw new Error(`Unknown protocol "${one}": ${protocolHint}`)
  }
}

/** The protocol that stands for this one here. */
function here(protocol: MqttProtocol): MqttProtocol {
  return Object.hasOwn(substitutes, protocol) ? substitutes[protocol as never] : protocol
}

function open(options: IClientOptions, client: MqttClient): IStream {
  const opener = openers[options.protocol ?? usualProtocol()]
  if (opener === undefined) throw new Error(`Unknown protocol "${options.protocol}": ${protocolHint}`)
  return opener(options, client)
}

const PORTS: Record<string, number> = {
  mqtt: 1883,
  tcp: 1883,
  mqtts: 8883,
  ssl: 8883,
  tls: 8883,
  ws: 80,
  wss: 443,
  wx: 80,
  wxs: 443,
  ali: 80,
  alis: 443,
}

/** The options with the server whose turn it is. */
function placed(client: MqttClient, options: IClientOptions): IClientOptions {
  const target = client._target
  if (target !== undefined) {
    options.host = target.host
    options.hostname = target.host
    options.port = target.port
    options.protocol = here(target.protocol ?? options.defaultProtocol ?? usualProtocol())
  } else {
    if (!options.hostname && !options.host && !options.unixSocket) {
      const { host, port } = usualServer()
      options.hostname = host
      options.port ||= port
    }
    options.hostname ||= options.host
    options.port ||= PORTS[options.protocol ?? usualProtocol()]
  }
  return options
}
