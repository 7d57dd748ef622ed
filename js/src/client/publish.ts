//! A message on its way out: into the outgoing store, to the core, to its outcome.
import type { Failed } from '../core'
import type { Driver } from '../driver'
import { failureError, refusalError } from '../outcomes'
import type { IPublishPacket } from '../packets'
import type { PendingPublish } from '../pending'
import { encodeProperties } from '../properties'
import type { IClientPublishOptions, PacketCallback } from '../types'
import { EMPTY, hasAny } from './common'
import type { Parts } from './parts'

/** What is to be published. */
export interface Request {
  topic: string
  payload: string | Buffer
  qos: 0 | 1 | 2
  retain: boolean
  properties: IPublishPacket['properties']
}

export class Publishing {
  /** Those that the user has removed, by token, until their outcome. */
  private readonly removed = new Set<number>()
  /** Topic aliases that this connection knows. */
  private readonly aliases = new Set<number>()

  constructor(private readonly parts: Parts) {}

  publish(
    topic: string,
    payload: string | Buffer,
    options: IClientPublishOptions,
    done: PacketCallback | undefined,
  ): void {
    const { ending, replay } = this.parts
    if (ending.refuses(done)) return
    const { qos, retain, properties, cbStorePut } = options
    const request: Request = { topic, payload, qos: qos ?? 0, retain: retain === true, properties }
    const refused = this.refusal(request)
    if (refused !== undefined) done?.(refused)
    else replay.after(() => this.submit(request, done, cbStorePut))
  }

  /** What is wrong with it at this moment. */
  private refusal({ topic, qos, properties }: Request): Error | undefined {
    const { client, connection, isV5 } = this.parts
    if (qos === 0 && !client.connected && !client.queueQoSZero) {
      return new Error('No connection to broker')
    }
    const alias = isV5 ? properties?.topicAlias : undefined
    if (alias === undefined || !client.connected) return undefined
    if (alias < 1 || alias > (connection.server?.topicAliasMaximum ?? 0)) {
      return new Error('Sending Topic Alias out of range')
    }
    if (topic !== '') this.aliases.add(alias)
    else if (!this.aliases.has(alias)) return new Error('Unregistered Topic Alias')
    return undefined
  }

  /** There is a new connection. */
  forgetAliases(): void {
    this.aliases.clear()
  }

  submit(
    { topic, payload, qos, retain, properties }: Request,
    done: PacketCallback | undefined,
    onStored: (() => void) | undefined,
  ): void {
    const { events, isV5, overflow } = this.parts
    const packet: IPublishPacket = {
      cmd: 'publish',
      topic,
      payload,
      qos,
      retain,
      messageId: 0,
      dup: false,
    }
    if (isV5) packet.properties = properties
    else if (hasAny(properties)) events.dropped()
    overflow.take({
      submit: () => this.accept(packet, done, onStored),
      fail: (error) => done?.(refusalError(error), packet),
      bytes: payload?.length ?? 0,
    })
  }

  /** Hands it to the core; throws if that does not take it. */
  private accept(
    packet: IPublishPacket,
    done: PacketCallback | undefined,
    onStored: (() => void) | undefined,
  ): void {
    const { driver, pending } = this.parts
    if (driver === undefined) throw new Error('client disconnecting')
    const { topic, payload, qos, retain, properties } = packet
    const one: PendingPublish = {
      kind: 'publish',
      packet,
      stored: false,
      done: done as PendingPublish['done'],
    }
    const token = pending.add(one)
    try {
      const wire = properties === undefined ? EMPTY : encodeProperties(properties)
      packet.messageId = driver.core.publish(token, topic, bytesOf(payload), qos, retain, wire)
    } catch (error) {
      pending.take(token)
      throw error
    }
    driver.schedule()
    if (qos > 0) this.keep(driver, token, one, onStored)
  }

  /** Nothing is written until the store has it. */
  private keep(
    driver: Driver,
    token: number,
    one: PendingPublish,
    onStored: (() => void) | undefined,
  ): void {
    const { parts } = this
    const id = one.packet.messageId!
    parts.lastId = id
    parts.client.messageIdProvider.register(id)
    one.stored = true
    let told = false
    driver.holdWrites()
    parts.client.outgoingStore.put(one.packet, (error) => {
      if (told) return
      told = true
      driver.releaseWrites()
      if (!error) return onStored?.()
      one.stored = false
      if (parts.pending.get(token) !== one) return
      const { done } = one
      one.done = undefined
      this.removed.add(token)
      this.abandon(id)
      done?.(error)
    })
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
    const removed = this.removed.delete(token)
    const { packet, done } = one
    if (packet.qos === 0) {
      if (failed === undefined) done?.()
      else done?.(failureError(failed))
      return
    }
    client.messageIdProvider.deallocate(packet.messageId!)
    const error = failed === undefined ? null : failureError(failed, removed)
    const tell = (): void => {
      done?.(error, packet)
      events.tellEmpty()
    }
    if (!one.stored) return tell()
    client.outgoingStore.del(packet, tell)
  }
}

function bytesOf(payload: unknown): string | Uint8Array {
  if (typeof payload === 'string' || payload instanceof Uint8Array) return payload
  if (payload === undefined || payload === null) return EMPTY
  throw new TypeError('Invalid payload: give a string or a Buffer')
}
