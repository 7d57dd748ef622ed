//! Messages on their way to the application, one after the other: what
//! `handleMessage` and `customHandleAcks` hold up is not acknowledged.
import type { MqttClient } from './client'
import { acceptAll } from './options'
import type { IPublishPacket } from './packets'
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

  constructor(
    private readonly client: MqttClient,
    private readonly owner: InboxOwner,
    private readonly isOverridden: () => boolean,
  ) {}

  /** How many messages may be taken from the core now. */
  most(): number {
    if (this.busy || this.blocks > 0 || this.held.length > 0) return 0
    return this.isOverridden() || chooserOf(this.client.options) ? 1 : MOST
  }

  block(wanted: boolean): void {
    this.blocks += wanted ? 1 : -1
    if (this.blocks === 0) this.next()
  }

  take(packet: IPublishPacket, ack: number): void {
    if (this.busy || this.blocks > 0 || this.held.length > 0) this.held.push({ packet, ack })
    else this.deliver(packet, ack)
  }

  /** The client is over: nothing is delivered any more. */
  clear(): void {
    this.held.length = 0
    this.busy = false
  }

  private next(): void {
    while (!this.busy && this.blocks === 0) {
      const next = this.held.shift()
      if (next === undefined) return this.owner.wake()
      this.deliver(next.packet, next.ack)
    }
  }

  private deliver(packet: IPublishPacket, ack: number): void {
    const choose = packet.qos === 0 ? undefined : chooserOf(this.client.options)
    if (choose === undefined) {
      this.emit(packet)
      this.handle(packet, ack, 0)
      return
    }
    this.busy = true
    choose(packet.topic, packet.payload as Buffer, packet, (first, second) => {
      this.chosen(packet, ack, first, second)
    })
  }

  private chosen(packet: IPublishPacket, ack: number, first: Error | number, second?: number): void {
    const isError = first instanceof Error
    const code = (isError ? second : (second ?? first)) as number
    if (isError || !ACK_CODES.has(code)) {
      const name = packet.qos === 1 ? 'puback' : 'pubrec'
      this.owner.giveBack(ack)
      this.client.emit('error', isError ? first : new Error(`Wrong reason code for ${name}`))
      this.finish()
      return
    }
    if (code === 0) this.emit(packet)
    this.handle(packet, ack, code)
  }

  private emit(packet: IPublishPacket): void {
    this.client.emit('message', packet.topic, packet.payload as Buffer, packet)
  }

  private handle(packet: IPublishPacket, ack: number, code: number): void {
    if (!this.isOverridden()) {
      this.owner.acknowledge(ack, code)
      if (this.busy) this.finish()
      return
    }
    this.busy = true
    let told = false
    this.client.handleMessage(packet, (error) => {
      if (told) return
      told = true
      if (error) this.owner.giveBack(ack)
      else this.owner.acknowledge(ack, code)
      this.finish()
    })
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
