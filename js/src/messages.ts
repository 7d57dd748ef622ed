//! `for await (const message of client.messages('a/+'))`.
import type { MqttClient } from './client'
import type { IPublishPacket, QoS } from './packets'
import { matches } from './topics'

export interface IMessage {
  topic: string
  payload: Buffer
  packet: IPublishPacket
}

export interface IMessagesOptions {
  /** Of the subscription. Default 0. */
  qos?: QoS
  /** Ends the loop. */
  signal?: AbortSignal
  /** Messages that may wait; with more of them the server is held back. Default 1000. */
  waiting?: number
}

/** The messages of one subscription, in order; ends with the client. */
export class Messages implements AsyncIterableIterator<IMessage> {
  private readonly held: IMessage[] = []
  private wake: (() => void) | undefined
  private over = false
  private holds = false
  private failure: Error | undefined
  private blocking = false
  private readonly most: number

  constructor(
    private readonly client: MqttClient,
    private readonly filter: string,
    private readonly options: IMessagesOptions,
  ) {
    this.most = options.waiting ?? 1000
    client.on('message', this.onMessage)
    client.once('end', this.onEnd)
    const { signal } = options
    if (signal?.aborted) {
      this.finish()
      return
    }
    signal?.addEventListener('abort', this.onEnd, { once: true })
    client._hold(filter, true)
    this.holds = true
    client.subscribe(filter, { qos: options.qos ?? 0 }, (error) => {
      if (error) this.finish(error)
    })
  }

  private readonly onMessage = (topic: string, payload: Buffer, packet: IPublishPacket): void => {
    if (!matches(this.filter, topic)) return
    this.held.push({ topic, payload, packet })
    this.block(this.held.length >= this.most)
    this.wake?.()
  }

  private readonly onEnd = (): void => this.finish()

  private finish(failure?: Error): void {
    if (this.over) return
    this.over = true
    this.failure = failure
    this.client.off('message', this.onMessage)
    this.client.off('end', this.onEnd)
    this.options.signal?.removeEventListener('abort', this.onEnd)
    this.block(false)
    this.leave(failure !== undefined)
    this.wake?.()
  }

  /** The subscription ends with its last loop. */
  private leave(refused: boolean): void {
    if (!this.holds) return
    this.holds = false
    const isLast = this.client._hold(this.filter, false)
    if (isLast && !refused && !this.client.disconnecting) this.client.unsubscribe(this.filter, () => {})
  }

  private block(wanted: boolean): void {
    if (wanted === this.blocking) return
    this.blocking = wanted
    this.client._block(wanted)
  }

  async next(): Promise<IteratorResult<IMessage>> {
    for (;;) {
      const value = this.held.shift()
      if (value !== undefined) {
        if (this.held.length < this.most) this.block(false)
        return { done: false, value }
      }
      if (this.failure !== undefined) {
        const failure = this.failure
        this.failure = undefined
        throw failure
      }
      if (this.over) return { done: true, value: undefined }
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
      this.wake = undefined
    }
  }

  /** The loop was left. */
  async return(): Promise<IteratorResult<IMessage>> {
    this.finish()
    this.held.length = 0
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
