//! A message on its way out: into the outgoing store, to the core, to its outcome.
import type { Failed } from '../core'
import type { Driver } from '../driver'
import { EvenkeelError } from '../errors'
import { failureError, refusalError, RemovedError } from '../outcomes'
import type { Waiting } from '../overflow'
import type { IPublishPacket } from '../packets'
import type { PendingPublish } from '../pending'
import { encodeProperties } from '../properties'
import type { IClientPublishOptions, PacketCallback } from '../types'
import { Aliases } from './aliases'
import { EMPTY, hasAny } from './common'
import type { Parts } from './parts'
import { store, type Storing, unstore } from './storing'

const NO_CARE: Storing = {}

/** A message from `publish()` to its outcome. */
class Submission implements PendingPublish, Waiting {
  readonly kind = 'publish'
  stored = false

  constructor(
    private readonly publishing: Publishing,
    readonly packet: IPublishPacket,
    public done: PendingPublish['done'],
    readonly storing: Storing,
  ) {}

  get bytes(): number {
    return this.packet.payload?.length ?? 0
  }

  submit(): void {
    this.publishing.accept(this)
  }

  fail(error: unknown): void {
    this.done?.(refusalError(error), this.packet)
  }
}

export class Publishing {
  /** Those that the user has removed, by token, until their outcome. */
  private readonly removed = new Set<number>()
  /** Callbacks of those that are not to be handed to the core any more. */
  private readonly withdrawn = new WeakSet<object>()
  private readonly aliases = new Aliases()

  constructor(private readonly parts: Parts) {}

  publish(
    topic: string,
    payload: string | Buffer,
    options: IClientPublishOptions,
    done: PacketCallback | undefined,
  ): void {
    const { ending, replay } = this.parts
    if (ending.refuses(done)) return
    const packet = this.packetOf(topic, payload, options)
    const refused = this.refusal(packet)
    const { cbStorePut } = options
    const storing = cbStorePut === undefined ? NO_CARE : { onStored: cbStorePut }
    if (refused !== undefined) done?.(refused)
    else if (replay.isReading) replay.after(() => this.submit(packet, done, storing), done)
    else this.submit(packet, done, storing)
  }

  /** What is wrong with it at this moment. */
  private refusal(packet: IPublishPacket): Error | undefined {
    const { client, connection, isV5 } = this.parts
    const { topic, qos, properties } = packet
    if (typeof topic !== 'string') return new EvenkeelError('Invalid topic: give a string', 'INVALID_TOPIC')
    if (!(qos >= 0 && qos <= 2)) return new EvenkeelError('QoS is 0, 1 or 2', 'INVALID_ARGUMENT')
    if (qos === 0 && !client.connected && !client.queueQoSZero) {
      return new Error('No connection to broker')
    }
    const alias = isV5 ? properties?.topicAlias : undefined
    if (alias === undefined || !client.connected) return undefined
    return this.aliases.refusal(alias, packet, connection.server?.topicAliasMaximum ?? 0)
  }

  /** There is a new connection. */
  forgetAliases(): void {
    this.aliases.forget()
  }

  packetOf(
    topic: string,
    payload: string | Buffer,
    { qos, retain, properties }: IClientPublishOptions,
  ): IPublishPacket {
    const packet: IPublishPacket = {
      cmd: 'publish',
      topic,
      payload,
      qos: qos ?? 0,
      retain: retain === true,
      messageId: 0,
      dup: false,
    }
    if (!hasAny(properties)) return packet
    if (this.parts.isV5) packet.properties = properties
    else this.parts.events.dropped()
    return packet
  }

  submit(
    packet: IPublishPacket,
    done: PacketCallback | undefined,
    storing: Storing,
  ): void {
    this.parts.overflow.take(new Submission(this, packet, done as PendingPublish['done'], storing))
  }

  /** Hands it to the core; throws if that does not take it. */
  accept(one: Submission): void {
    const { driver, pending } = this.parts
    if (driver === undefined) throw new Error('client disconnecting')
    const { packet, done } = one
    if (done !== undefined && this.withdrawn.has(done)) throw new RemovedError()
    const { topic, payload, qos, retain, properties } = packet
    const token = pending.add(one)
    try {
      const wire = properties === undefined ? EMPTY : encodeProperties(properties)
      packet.messageId = driver.core.publish(token, topic, bytesOf(payload), qos, retain, wire)
    } catch (error) {
      pending.take(token)
      throw error
    }
    driver.schedule()
    if (qos > 0) this.keep(driver, token, one)
  }

  /** Nothing is written until the store has it. */
  private keep(driver: Driver, token: number, one: Submission): void {
    const { client, pending } = this.parts
    const id = one.packet.messageId!
    this.parts.lastId = id
    client.messageIdProvider.register(id)
    const waits = (): boolean => pending.get(token) === one
    store(client, driver, one, waits, (error) => {
      const { done } = one
      one.done = undefined
      this.removed.add(token)
      this.abandon(id)
      done?.(error)
    })
  }

  /** Removes the message that calls this back; one of QoS 0 that the core has goes on. */
  withdraw(done: object): void {
    this.withdrawn.add(done)
    for (const [, one] of this.parts.pending.all()) {
      if (one.kind === 'publish' && one.done === done && one.packet.qos > 0) this.remove(one.packet.messageId!)
    }
  }

  private abandon(id: number): void {
    const { driver } = this.parts
    try {
      driver?.core.abandon(id)
      driver?.schedule()
    } catch {
      // It has its outcome already, which is on its way.
    }
  }

  /** Its callback will hear 'Message removed'. */
  remove(messageId: number): void {
    for (const [token, one] of this.parts.pending.all()) {
      if (one.kind !== 'publish' || one.packet.messageId !== messageId) continue
      if (one.packet.qos === 0) continue
      this.removed.add(token)
      this.abandon(messageId)
    }
  }

  onPublished(token: number, failed: Failed | undefined): void {
    const { client, events, pending } = this.parts
    const one = pending.take(token) as PendingPublish | undefined
    if (one === undefined) return
    const { packet, done } = one
    if (packet.qos === 0) {
      if (failed === undefined) done?.()
      else done?.(failureError(failed))
      return
    }
    const removed = this.removed.delete(token)
    client.messageIdProvider.deallocate(packet.messageId!)
    const error = failed === undefined ? null : failureError(failed, removed)
    const tell = (): void => {
      done?.(error, packet)
      events.tellEmpty()
    }
    unstore(client, one, failed, tell)
  }
}

function bytesOf(payload: unknown): string | Uint8Array {
  if (typeof payload === 'string' || payload instanceof Uint8Array) return payload
  if (payload === undefined || payload === null) return EMPTY
  throw new TypeError('Invalid payload: give a string or a Buffer')
}
