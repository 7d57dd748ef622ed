//! WebSocket of pages, workers and phones. It cannot be told to stop reading, so what
//! nobody wants yet is held here, up to a limit.
import type { MqttClient } from '../client'
import { EvenkeelError } from '../errors'
import { nextTick } from '../platform'
import { EventEmitter } from '../platform/browser/events'
import { waiterFor } from '../platform/browser/timers'
import type { IClientOptions, IStream } from '../types'
import { closeText, subProtocols, textFrame } from './websocket-common'

/** What a WebSocket has that comes from the engine, or is made by the caller. */
export interface Socket {
  binaryType: string
  readyState: number
  bufferedAmount?: number
  onopen: unknown
  onmessage: unknown
  onclose: unknown
  onerror: unknown
  send(data: Uint8Array): void
  close(code?: number): void
  on?(event: string, listener: () => void): unknown
}

const OPEN = 1
/** More than this waits in the engine to be sent: the next write waits. */
const MOST_BUFFERED = 512 * 1024
/** How long until it is looked at again; no event says that it was sent. */
const LOOK_AGAIN_MS = 20
/** Received, and nobody wants it yet: with more of it the connection ends. */
export const MOST_HELD = 64 * 1024 * 1024

type Done = (error?: Error | null) => void

/** As much of Node's Duplex as connections need. */
export class WebSocketStream extends EventEmitter {
  connecting = true
  destroyed = false
  closed = false
  writableEnded = false
  /** The socket underneath. */
  socket: Socket | undefined
  /** How the server has closed it, in words. */
  closeText: string | undefined
  private paused = false
  private held: Buffer[] = []
  private heldBytes = 0
  private corked: [Uint8Array, Done | undefined][] | undefined
  /** Writes that are to follow; the first one waits for the engine. */
  private early: (() => void)[] = []

  constructor(
    public url: string,
    make: (stream: WebSocketStream) => Promise<Socket> | Socket,
    private readonly mostBuffered = MOST_BUFFERED,
  ) {
    super()
    try {
      const made = make(this)
      if (!(made instanceof Promise)) this.attach(made)
      else made.then((socket) => this.attach(socket)).catch((error) => this.destroy(asError(error)))
    } catch (error) {
      // Whoever makes the stream listens by then.
      nextTick(() => this.destroy(asError(error)))
    }
  }

  private attach(socket: Socket): void {
    if (typeof socket?.send !== 'function') throw new Error('createWebsocket gave no WebSocket')
    this.socket = socket
    if (this.destroyed) return this.cut()
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => this.opened()
    socket.onmessage = ({ data }: { data: unknown }) => this.received(data)
    socket.onclose = (event?: { code?: number; reason?: string }) => {
      this.closeText = closeText(event?.code, event?.reason)
      this.destroy()
    }
    // Engines keep to themselves what has happened.
    socket.onerror = (event?: { error?: Error }) => this.destroy(event?.error ?? new Error('WebSocket error'))
    if (socket.readyState === OPEN) this.opened()
  }

  private opened(): void {
    this.connecting = false
    this.emit('connect')
    this.emit('open')
    for (const act of this.early.splice(0)) act()
  }

  private received(data: unknown): void {
    if (typeof data === 'string') return void this.destroy(textFrame())
    const isBytes = ArrayBuffer.isView(data) || Object.prototype.toString.call(data) === '[object ArrayBuffer]'
    if (!isBytes) return void this.destroy(new Error('The WebSocket gave no ArrayBuffer: let binaryType be arraybuffer'))
    const view = data as Uint8Array
    const chunk = ArrayBuffer.isView(data)
      ? Buffer.from(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength)
      : Buffer.from(data as ArrayBuffer)
    if (!this.paused && this.held.length === 0) return void this.emit('data', chunk)
    this.held.push(chunk)
    this.heldBytes += chunk.length
    if (this.heldBytes <= MOST_HELD) return
    const text = 'The server sends more than is taken, and a WebSocket cannot hold it back'
    this.destroy(new EvenkeelError(text, 'RECEIVE_BUFFER_FULL'))
  }

  isPaused(): boolean {
    return this.paused
  }

  pause(): this {
    this.paused = true
    return this
  }

  resume(): this {
    if (!this.paused) return this
    this.paused = false
    nextTick(() => this.giveHeld())
    return this
  }

  private giveHeld(): void {
    while (!this.paused && !this.destroyed) {
      const chunk = this.held.shift()
      if (chunk === undefined) return
      this.heldBytes -= chunk.length
      this.emit('data', chunk)
    }
  }

  cork(): void {
    this.corked ??= []
  }

  /** What was written since `cork` is one frame. */
  uncork(): void {
    const { corked = [] } = this
    this.corked = undefined
    if (corked.length === 0) return
    this.write(Buffer.concat(corked.map(([piece]) => piece)), (error) => {
      for (const [, done] of corked) done?.(error)
    })
  }

  write(piece: Uint8Array | string, done?: Done): boolean {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece
    if (this.corked !== undefined) this.corked.push([bytes, done])
    else if (this.connecting && !this.destroyed) this.early.push(() => this.send(bytes, done))
    else this.send(bytes, done)
    return true
  }

  private send(bytes: Uint8Array, done: Done | undefined): void {
    const { socket } = this
    if (this.destroyed || socket?.readyState !== OPEN) {
      nextTick(() => done?.(new Error('WebSocket is not open')))
      return
    }
    try {
      socket.send(bytes)
    } catch (error) {
      this.destroy(asError(error))
      return
    }
    this.whenSent(() => done?.())
  }

  /** Calls once little enough waits in the engine. */
  private whenSent(act: () => void): void {
    if (this.destroyed) return
    if ((this.socket?.bufferedAmount ?? 0) <= this.mostBuffered) return nextTick(act)
    // The background holds up the page's own timers.
    waiterFor('auto').start(() => this.whenSent(act), LOOK_AGAIN_MS)
  }

  /** The engine sends what waits before it closes. */
  end(done?: () => void): this {
    this.writableEnded = true
    const close = (): void => {
      if (this.socket?.readyState === OPEN) this.socket.close(1000)
      done?.()
    }
    if (this.connecting && !this.destroyed) this.early.push(close)
    else close()
    return this
  }

  destroy(error?: Error): this {
    if (this.destroyed) return this
    this.destroyed = this.closed = true
    this.connecting = false
    this.early = []
    this.held = []
    this.cut()
    nextTick(() => {
      if (error !== undefined) this.emit('error', error)
      this.emit('close')
    })
    return this
  }

  /** What it says from here on concerns nobody. */
  private cut(): void {
    const { socket } = this
    if (socket === undefined) return
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null
    // One of the package `ws` throws what nobody hears.
    socket.on?.('error', () => {})
    if (socket.readyState <= OPEN) socket.close()
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

export function openWebSocket(options: IClientOptions, client: MqttClient): IStream {
  return openAt(urlOf(options), makeSocket, options, client)
}

type Make = (url: string, options: IClientOptions) => Socket | Promise<Socket>

/** At this URL, or at what `transformWsUrl` makes of it. */
export function openAt(url: string, make: Make, options: IClientOptions, client: MqttClient): IStream {
  if (options.unixSocket) throw new Error('There are no unix sockets here')
  const transformed = options.transformWsUrl?.(url, options, client) ?? url
  const most = options.browserBufferSize
  const stream =
    typeof transformed === 'string'
      ? new WebSocketStream(transformed, () => make(transformed, options), most)
      : new WebSocketStream(
          url,
          async (stream) => {
            stream.url = await transformed
            return make(stream.url, options)
          },
          most,
        )
  return stream as unknown as IStream
}

function urlOf({ protocol, hostname, port, path }: IClientOptions): string {
  const host = hostname ?? 'localhost'
  return `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}${path || '/'}`
}

function makeSocket(url: string, options: IClientOptions): Socket | Promise<Socket> {
  const protocols = subProtocols(options)
  if (options.createWebsocket !== undefined) return options.createWebsocket(url, protocols, options)
  // Engines would repeat it in their errors, with the signature that it may have.
  if (!isUrl(url)) throw new Error('transformWsUrl gave no valid URL')
  const { WebSocket } = globalThis as { WebSocket?: new (url: string, protocols: string[]) => Socket }
  if (WebSocket === undefined) throw new Error('There is no WebSocket here: give createWebsocket')
  return new WebSocket(url, protocols)
}

function isUrl(url: unknown): boolean {
  try {
    return typeof url === 'string' && new URL(url) !== undefined
  } catch {
    return false
  }
}
