//! Messages on their way to the application, one after the other: what
//! `handleMessage` and `customHandleAcks` hold up is not acknowledged.
import type { MqttClient } from './client'
import { acceptAll } from './options'
import type { IPublishPacket } from './packets'
import { nextTick } from './platform'
import type { AckHandler, IClientOptions } from './types'

export interface InboxOwner {
  acknowledge(ack: number, reason: number): void
  /** The application will not finish this message. */
  giveBack(ack: number): void
  /** There is room for more. */
  wake(): void
}

const MOST = 1024
/** Codes that PUBACK and PUBREC have. */
const ACK_CODES = new Set([0, 16, 128, 131, 135, 144, 145, 151, 153])

export class Inbox {
  /** Messages that wait, and what acknowledges each. */
  private readonly held: { packet: IPublishPacket; ack: number }[] = []
  private busy = false
  /** Somebody does not want messages now. */
  private blocks = 0
  /** Answers count for the run alone in which they were asked for. */
  private run = 0
  /** The client ends, and wants no more. */
  private isClosed = false

  constructor(
    private readonly client: MqttClient,
    private readonly owner: InboxOwner,
    private readonly isOverridden: () => boolean,
  ) {}

  /** How many messages may be taken from the core now. */
  most(): number {
    if (this.holds) return 0
    return this.isOverridden() || chooserOf(this.client.options) ? 1 : MOST
  }

  block(wanted: boolean): void {
    this.blocks += wanted ? 1 : -1
    if (this.blocks === 0) this.next()
  }

  take(packet: IPublishPacket, ack: number): void {
    if (this.holds) this.held.push({ packet, ack })
    else this.deliver(packet, ack)
  }

  private get holds(): boolean {
    return this.isClosed || this.busy || this.blocks > 0 || this.held.length > 0
  }

  /** Nothing is delivered any more, until the client is over. */
  close(): void {
    this.isClosed = true
  }

  /** The client is over: nothing is delivered any more. */
  clear(): void {
    this.held.length = 0
    this.busy = false
    this.isClosed = false
    this.run += 1
  }

  private next(): void {
    while (!this.isClosed && !this.busy && this.blocks === 0) {
      const next = this.held.shift()
      if (next === undefined) return this.owner.wake()
      this.deliver(next.packet, next.ack)
    }
  }

  private deliver(packet: IPublishPacket, ack: number): void {
    const choose = packet.qos === 0 ? undefined : chooserOf(this.client.options)
    if (choose === undefined) {
      this.emit(packet, ack)
      this.handle(packet, ack, 0)
      return
    }
    this.ask<[first: Error | number, second?: number]>(
      ack,
      (answer) => choose(packet.topic, packet.payload as Buffer, packet, answer),
      (first, second) => this.chosen(packet, ack, first, second),
    )
  }

  /** Nothing else is delivered until the application has answered; the first answer counts. */
  private ask<Answer extends unknown[]>(
    ack: number,
    act: (answer: (...given: Answer) => void) => void,
    answered: (...given: Answer) => void,
  ): void {
    let isAnswered = false
    const { run } = this
    this.busy = true
    try {
      act((...given) => {
        if (isAnswered || run !== this.run) return
        isAnswered = true
        answered(...given)
      })
    } catch (error) {
      if (!isAnswered && run === this.run) this.fail(ack)
      isAnswered = true
      throw error
    }
  }

  private chosen(packet: IPublishPacket, ack: number, first: Error | number, second?: number): void {
    const isError = first instanceof Error
    const code = (isError ? second : (second ?? first)) as number
    if (isError || !ACK_CODES.has(code)) {
      const name = packet.qos === 1 ? 'puback' : 'pubrec'
      this.fail(ack)
      this.client.emit('error', isError ? first : new Error(`Wrong reason code for ${name}`))
      return
    }
    if (code === 0) this.emit(packet, ack)
    this.handle(packet, ack, code)
  }

  private emit(packet: IPublishPacket, ack: number): void {
    try {
      this.client.emit('message', packet.topic, packet.payload as Buffer, packet)
    } catch (error) {
      this.fail(ack)
      throw error
    }
  }

  private handle(packet: IPublishPacket, ack: number, code: number): void {
    if (!this.isOverridden()) {
      this.owner.acknowledge(ack, code)
      if (this.busy) this.finish()
      return
    }
    this.ask<[error?: Error]>(
      ack,
      (answer) => this.client.handleMessage(packet, answer),
      (error) => {
        if (error) this.owner.giveBack(ack)
        else this.owner.acknowledge(ack, code)
        this.finish()
      },
    )
  }

  /** The others follow later, as the caller is about to throw. */
  private fail(ack: number): void {
    this.owner.giveBack(ack)
    this.busy = false
    nextTick(() => this.next())
  }

  private finish(): void {
    this.busy = false
    this.next()
  }
}

/** Who chooses the codes of acknowledgements, if anybody does. */
function chooserOf({ customHandleAcks, protocolVersion }: IClientOptions): AckHandler | undefined {
  return protocolVersion === 5 && customHandleAcks !== acceptAll ? customHandleAcks : undefined
}
