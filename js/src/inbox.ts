//! Messages on their way to the application, one after the other: what
//! `handleMessage` and `customHandleAcks` hold up is not acknowledged.
import type { MqttClient } from './client'
import type { Message } from './core'
import { decodeProperties } from './properties'
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
const PUBLISH_WITH_ID = 2

export class Inbox {
  private readonly held: Message[] = []
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

  take(message: Message): void {
    if (this.busy || this.blocks > 0 || this.held.length > 0) this.held.push(message)
    else this.deliver(message)
  }

  /** The client is over: nothing is delivered any more. */
  clear(): void {
    this.held.length = 0
    this.busy = false
  }

  private next(): void {
    while (!this.busy && this.blocks === 0) {
      const message = this.held.shift()
      if (message === undefined) return this.owner.wake()
      this.deliver(message)
    }
  }

  private deliver(message: Message): void {
    const packet = packetOf(message, this.client.options.protocolVersion === 5)
    const choose = chooserOf(this.client.options)
    if (choose !== undefined && message.qos > 0) {
      this.busy = true
      choose(message.topic, message.payload, packet, (first, second) => {
        this.chosen(message, packet, first, second)
      })
      return
    }
    this.emit(message, packet)
    this.handle(message, packet, 0)
  }

  private chosen(message: Message, packet: IPublishPacket, first: Error | number, second?: number): void {
    const isError = first instanceof Error
    const code = (isError ? second : (second ?? first)) as number
    if (isError || !ACK_CODES.has(code)) {
      const name = message.qos === 1 ? 'puback' : 'pubrec'
      this.owner.giveBack(message.ack)
      this.client.emit('error', isError ? first : new Error(`Wrong reason code for ${name}`))
      this.finish()
      return
    }
    if (code === 0) this.emit(message, packet)
    this.handle(message, packet, code)
  }

  private emit(message: Message, packet: IPublishPacket): void {
    this.client.emit('message', message.topic, message.payload, packet)
  }

  private handle(message: Message, packet: IPublishPacket, code: number): void {
    if (!this.isOverridden()) {
      this.owner.acknowledge(message.ack, code)
      if (this.busy) this.finish()
      return
    }
    this.busy = true
    let told = false
    this.client.handleMessage(packet, (error) => {
      if (told) return
      told = true
      if (error) this.owner.giveBack(message.ack)
      else this.owner.acknowledge(message.ack, code)
      this.finish()
    })
  }

  private finish(): void {
    this.busy = false
    this.next()
  }
}

function packetOf(message: Message, v5: boolean): IPublishPacket {
  const { topic, payload, qos } = message
  const packet: IPublishPacket & { length: number } = {
    cmd: 'publish',
    retain: message.retain,
    qos,
    dup: message.dup,
    length: remainingLength(message, v5),
    topic,
    payload,
  }
  if (qos > 0) packet.messageId = message.packetId
  if (message.properties.length > 0) {
    packet.properties = decodeProperties(message.properties) as IPublishPacket['properties']
  }
  return packet
}

/** Of the packet as it was on the wire, if its topic had no alias. */
function remainingLength(message: Message, v5: boolean): number {
  const properties = message.properties.length
  const propertiesLength = v5 ? properties + (properties < 128 ? 1 : properties < 16_384 ? 2 : 3) : 0
  const id = message.qos > 0 ? PUBLISH_WITH_ID : 0
  return 2 + Buffer.byteLength(message.topic) + id + propertiesLength + message.payload.length
}

/** Who chooses the codes of acknowledgements, if anybody does. */
function chooserOf({ customHandleAcks, protocolVersion }: IClientOptions): AckHandler | undefined {
  return protocolVersion === 5 && customHandleAcks !== acceptAll ? customHandleAcks : undefined
}
