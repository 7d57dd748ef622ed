//! A WebSocket of a mini program with the methods of a browser's. One message at a time is
//! given to the host; what is written meanwhile goes in the next one.
import { nextTick } from '../../platform'
import type { Failure, Message, Sent, SocketTask } from '../../platform/mini/api'

const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3]
/** How long the last bytes may take to go out. */
const CLOSE_LIMIT_MS = 1_000

/** How bytes are given to the host. */
type Form = (bytes: Uint8Array) => Pick<Sent, 'data' | 'isBuffer'>

const asBuffer: Form = (bytes) => ({ data: bytes.buffer as ArrayBuffer })

/** The form that all versions of Alipay know. */
export const base64: Form = ({ buffer }) => ({ data: Buffer.from(buffer as ArrayBuffer).toString('base64'), isBuffer: true })

export class TaskSocket {
  binaryType = 'arraybuffer'
  readyState = CONNECTING
  /** Not yet taken by the host. */
  bufferedAmount = 0
  onopen: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event?: { code?: number; reason?: string }) => void) | null = null
  onerror: ((event: { error: Error }) => void) | null = null
  private readonly task: SocketTask
  private waiting: Uint8Array[] = []
  private sending = false
  private closeCode: number | undefined

  constructor(
    private readonly url: string,
    open: (fail: (failure?: Failure) => void) => SocketTask,
    private readonly form: Form = asBuffer,
  ) {
    // Hosts that fail at once do it before anybody listens.
    this.task = open((failure) => nextTick(() => this.failed(failure)))
    this.task.onOpen(() => this.opened())
    this.task.onMessage((message) => this.onmessage?.({ data: dataOf(message) }))
    this.task.onError((failure) => this.failed(failure))
    this.task.onClose((event) => {
      this.readyState = CLOSED
      this.onclose?.(event)
    })
  }

  private opened(): void {
    // It could not be closed before.
    if (this.readyState !== CONNECTING) return this.leave()
    this.readyState = OPEN
    this.onopen?.()
  }

  send(bytes: Uint8Array): void {
    // What is behind it may be used again meanwhile; and hosts send whole buffers.
    this.waiting.push(new Uint8Array(bytes))
    this.bufferedAmount += bytes.length
    this.sendNext()
  }

  private sendNext(): void {
    if (this.sending) return
    if (this.waiting.length === 0) {
      if (this.readyState === CLOSING) this.leave()
      return
    }
    const bytes = joined(this.waiting)
    this.waiting = []
    this.sending = true
    this.task.send({
      ...this.form(bytes),
      success: () => {
        if (!this.sending) return
        this.sending = false
        this.bufferedAmount -= bytes.length
        this.sendNext()
      },
      fail: (failure) => this.failed(failure),
    })
  }

  /** What waits is sent first. */
  close(code?: number): void {
    const wasOpen = this.readyState === OPEN
    this.closeCode = code
    this.readyState = CLOSING
    if (!wasOpen || this.bufferedAmount === 0) return this.leave()
    globalThis.setTimeout(() => this.leave(), CLOSE_LIMIT_MS)
  }

  private leave(): void {
    if (this.readyState === CLOSED) return
    // The host closes what is there: whether there was something, `onClose` tells.
    this.task.close({ code: this.closeCode ?? 1000, success() {}, fail() {} })
  }

  private failed(failure: Failure | undefined): void {
    if (this.readyState === CLOSED) return
    this.onerror?.({ error: new Error(textOf(failure, this.url)) })
  }
}

function joined(pieces: Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

/** Bytes, or the text of a text frame. Some versions of Alipay have the message in `data`. */
function dataOf(message: Message): unknown {
  const inner = message.data as Message | undefined
  const { data, isBuffer } = typeof inner === 'object' && inner !== null && 'isBuffer' in inner ? inner : message
  return isBuffer && typeof data === 'string' ? Buffer.from(data, 'base64') : data
}

/** What the host says, without the URL, which may have a signature. */
function textOf(failure: Failure | undefined, url: string): string {
  const said = failure?.errMsg ?? failure?.errorMessage
  const number = failure?.error === undefined ? '' : ` (error ${failure.error})`
  if (typeof said !== 'string' || said === '') return `WebSocket error${number}`
  const text = `${said.split(url).join('the URL')}${number}`
  return /domain list/i.test(text) ? `${text}; hint: add the server to the socket domains of the mini program` : text
}
