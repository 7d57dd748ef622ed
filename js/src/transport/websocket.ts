//! WebSocket: the package `ws`, a native one, or one that the caller makes.
import { createRequire } from 'node:module'
import { connect as connectTcp } from 'node:net'
import { Duplex } from 'node:stream'

import type { MqttClient } from '../client'
import type { IClientOptions } from '../types'
import { tunnelOf, type Tunnel } from './proxy'
import { hostOf, secured, tlsOptions, unixPath } from './sockets'
import { connectTls } from './tls'
import { closeText, subProtocols, textFrame } from './websocket-common'

/** What a WebSocket of any kind has. */
interface Socket {
  binaryType: string
  readyState: number
  bufferedAmount?: number
  onopen: unknown
  onmessage: unknown
  onclose: unknown
  onerror: unknown
  send(data: Uint8Array, options?: object, done?: (error?: Error) => void): void
  close(code?: number): void
  terminate?(): void
  pause?(): void
  resume?(): void
  on?(event: string, listener: (...args: any[]) => void): unknown
}

const OPEN = 1
/** How long a close may take before the socket is cut. */
const CLOSE_LIMIT_MS = 1_000

/** HTTP refused the upgrade. */
export interface UpgradeRefused extends Error {
  status: number
  retryAfter: string | undefined
}

export class WebSocketStream extends Duplex {
  connecting = true
  /** The socket underneath. */
  socket: Socket | undefined
  /** How the server has closed it, in words. */
  closeText: string | undefined
  url: string

  constructor(
    url: string,
    make: (stream: WebSocketStream) => Promise<Socket> | Socket,
  ) {
    super({ allowHalfOpen: false })
    this.url = url
    let made
    try {
      made = make(this)
    } catch (error) {
      process.nextTick(() => this.destroy(error as Error))
      return
    }
    if (made instanceof Promise) {
      made
        .then((socket) => this.attach(socket))
        .catch((error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))))
    } else this.attach(made)
  }

  private attach(socket: Socket): void {
    if (typeof socket?.send !== 'function') throw new Error('createWebsocket gave no WebSocket')
    this.socket = socket
    const isPackage = typeof socket.on === 'function'
    socket.binaryType = isPackage ? 'nodebuffer' : 'arraybuffer'
    socket.onopen = () => {
      this.connecting = false
      this.emit('connect')
      this.emit('open')
    }
    socket.onmessage = ({ data }: { data: Buffer | ArrayBuffer | string }) => {
      if (typeof data === 'string') this.destroy(textFrame())
      else if (!this.push(bufferOf(data))) socket.pause?.()
    }
    socket.onclose = (event?: { code?: number; reason?: unknown }) => {
      this.closeText = closeText(event?.code, event?.reason)
      this.destroy()
    }
    socket.onerror = ({ error }: { error?: Error }) => {
      this.destroy(error ?? new Error('WebSocket error'))
    }
    if (isPackage) socket.on!('unexpected-response', (request, response) => this.refused(request, response))
    if (this.destroyed) cut(socket)
    else if (socket.readyState === OPEN) (socket.onopen as () => void)()
  }

  private refused(request: { destroy(): void }, response: any): void {
    const status = response.statusCode as number
    const error = new Error(`Unexpected server response: ${status}`) as UpgradeRefused
    error.status = status
    error.retryAfter = response.headers['retry-after']
    this.destroy(error)
    request.destroy()
  }

  override _read(): void {
    this.socket?.resume?.()
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const socket = this.socket
    if (socket === undefined || socket.readyState !== OPEN) {
      const retry = (): void => this._write(chunk, _encoding, done)
      if (this.connecting) this.once('open', retry)
      else done(new Error('WebSocket is not open'))
      return
    }
    if (typeof socket.on === 'function') socket.send(chunk, { binary: true }, done)
    else {
      // A native one says nothing when it has written.
      socket.send(chunk)
      done()
    }
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'buffer', done)
  }

  override _final(done: () => void): void {
    if (this.socket !== undefined && this.socket.readyState === OPEN) this.socket.close(1000)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.socket !== undefined) cut(this.socket)
    done(error)
  }
}

/** Closes, and ends what does not close; errors from here on concern nobody. */
function cut(socket: Socket): void {
  socket.onopen = null
  socket.onmessage = null
  socket.onclose = null
  socket.onerror = null
  if (typeof socket.on === 'function') socket.on('error', () => {})
  if (socket.readyState > OPEN && socket.terminate === undefined) return
  if (socket.terminate === undefined || socket.readyState === OPEN) socket.close()
  if (socket.terminate === undefined) return
  if (socket.readyState < OPEN) socket.terminate()
  else setTimeout(() => socket.terminate?.(), CLOSE_LIMIT_MS).unref()
}

function bufferOf(data: Buffer | ArrayBuffer | Buffer[]): Buffer {
  if (Buffer.isBuffer(data)) return data
  if (Array.isArray(data)) return Buffer.concat(data)
  return Buffer.from(data)
}

export function openWebSocket(options: IClientOptions, client: MqttClient): Duplex {
  const url = urlOf(options)
  const transformed = options.transformWsUrl?.(url, options, client) ?? url
  const protocols = subProtocols(options)
  if (typeof transformed === 'string') {
    return new WebSocketStream(transformed, () => makeSocket(transformed, protocols, options))
  }
  return new WebSocketStream(url, async (stream) => {
    stream.url = await transformed
    return makeSocket(stream.url, protocols, options)
  })
}

function urlOf(options: IClientOptions): string {
  const isSecure = options.protocol === 'wss'
  const scheme = isSecure ? 'wss' : 'ws'
  if (options.unixSocket) {
    const path = unixPath(options)
    return `${scheme}+unix:${path}${path.includes(':') ? '' : ':/'}`
  }
  const host = hostOf(options)
  const port = options.port ?? (isSecure ? 443 : 80)
  const name = host.includes(':') ? `[${host}]` : host
  return `${scheme}://${name}:${port}${options.path ?? '/'}`
}

function makeSocket(
  url: string,
  protocols: string[],
  options: IClientOptions,
): Socket | Promise<Socket> {
  if (options.createWebsocket !== undefined) return options.createWebsocket(url, protocols, options)
  // Others would repeat it in their errors, with the signature that it may have.
  if (!URL.canParse(url)) throw new Error('transformWsUrl gave no valid URL')
  const native = (globalThis as { WebSocket?: new (url: string, protocols: string[]) => Socket }).WebSocket
  const Package = options.forceNativeWebSocket ? undefined : packageOf()
  if (Package === undefined) {
    if (native === undefined) {
      throw new Error('WebSocket needs the package ws on this version of Node: npm install ws')
    }
    if (UNIX_URL.test(url)) {
      throw new Error('WebSocket over a unix socket needs the package ws: npm install ws')
    }
    return new native(url, protocols)
  }
  if (UNIX_URL.test(url)) return overUnix(Package, url, protocols, options)
  const tunnel = tunnelOf(options)
  if (tunnel !== undefined) return tunnelled(Package, url, protocols, options, tunnel)
  return new Package(url, protocols, socketOptions(url, options))
}

/** TLS options go to `ws` with its own, as they do to `tls.connect`. */
function socketOptions(url: string, options: IClientOptions): object {
  const common = { perMessageDeflate: false, ...options.wsOptions }
  if (!url.startsWith('wss:')) return common
  const given: Record<string, unknown> = {}
  for (const name of TLS_OPTIONS) {
    const value = (options as Record<string, unknown>)[name]
    if (value !== undefined) given[name] = value
  }
  return { rejectUnauthorized: options.rejectUnauthorized !== false, ...given, ...common }
}

const TLS_OPTIONS = [
  'ca',
  'cert',
  'key',
  'pfx',
  'passphrase',
  'servername',
  'ciphers',
  'minVersion',
  'maxVersion',
  'checkServerIdentity',
  'secureContext',
]

/** Scheme, path of the socket, and path of the request. */
const UNIX_URL = /^(wss?)\+unix:(?:\/\/)?([^:]*)(?::(\/.*))?$/

function overUnix(
  Package: Constructor,
  url: string,
  protocols: string[],
  options: IClientOptions,
): Socket {
  const [, scheme, path, request = '/'] = UNIX_URL.exec(url)!
  const own = `${scheme}://localhost${request}`
  return new Package(own, protocols, {
    ...socketOptions(own, options),
    createConnection: () =>
      scheme === 'wss'
        ? connectTls({ ...tlsOptions(options, 'localhost', 443), path: path! })
        : connectTcp({ path: path! }),
  })
}

type Constructor = new (url: string, protocols: string[], options?: object) => Socket

async function tunnelled(
  Package: Constructor,
  url: string,
  protocols: string[],
  options: IClientOptions,
  tunnel: Tunnel,
): Promise<Socket> {
  const { protocol, hostname, port } = new URL(url)
  const isSecure = protocol === 'wss:'
  const number = port === '' ? (isSecure ? 443 : 80) : Number(port)
  const host = hostname.replace(/^\[|\]$/g, '')
  const never = new AbortController().signal
  let socket = await tunnel(host, number, never)
  if (isSecure) socket = await secured(connectTls({ ...tlsOptions(options, host, number), socket }))
  return new Package(url, protocols, {
    ...socketOptions(url, options),
    createConnection: () => {
      // The proxy's answer was read with the socket paused.
      setImmediate(() => socket.resume())
      return socket
    },
  })
}

let found: Constructor | null | undefined

/** The package `ws`, if it is installed. */
function packageOf(): Constructor | undefined {
  if (found === undefined) {
    try {
      found = createRequire(__filename)('ws') as Constructor
    } catch {
      found = null
    }
  }
  return found ?? undefined
}
