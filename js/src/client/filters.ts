//! SUBSCRIBE and UNSUBSCRIBE on their way: asked of the core, sent with which
//! identifiers, and how they were answered.
import type { Failed } from '../core'
import { ErrorWithSubackPacket } from '../errors'
import { failureError, refusalError } from '../outcomes'
import type { ISubackPacket, IUnsubackPacket, Packet } from '../packets'
import type { PendingFilters } from '../pending'
import { nextTick } from '../platform'
import { decodeProperties, encodeProperties } from '../properties'
import { ReasonCodes } from '../reason-codes'
import { optionsByte } from '../topics'
import type { ISubscriptionRequest } from '../types'
import { hasAny } from './common'
import type { Parts } from './parts'

const SUBACK = 9
/** From here on a reason code is a refusal. */
const REFUSED = 0x80

export class Filters {
  constructor(private readonly parts: Parts) {}

  ask(
    kind: 'subscribe' | 'unsubscribe',
    requests: ISubscriptionRequest[],
    properties: object | undefined,
    done: NonNullable<PendingFilters['done']>,
  ): void {
    const { events, isV5, pending, subscriptions } = this.parts
    if (!isV5 && hasAny(properties)) events.dropped()
    const topics = requests.map(({ topic }) => topic)
    const token = pending.add({ kind, topics, requests, ids: [], answer: undefined, done })
    try {
      this.submit(token, kind, requests, properties ?? requests[0]?.properties)
    } catch (error) {
      pending.take(token)
      if (kind === 'subscribe') subscriptions.forget(topics)
      const refused = refusalError(error)
      nextTick(() => done(refused))
    }
  }

  /** Throws what the core says. */
  private submit(
    token: number,
    kind: 'subscribe' | 'unsubscribe',
    requests: ISubscriptionRequest[],
    properties: object | undefined,
  ): void {
    const { driver, isV5, trace } = this.parts
    if (driver === undefined) throw new Error('client disconnecting')
    const wire = encodeProperties(isV5 ? properties : undefined)
    // The identifiers of its packets are seen by the trace alone.
    trace.update()
    if (kind === 'unsubscribe') {
      driver.core.unsubscribe(token, requests.map(({ topic }) => topic), wire)
    } else {
      const filters = requests.map((request) => [request.topic, optionsByte(request)] as const)
      driver.core.subscribe(token, filters, wire)
    }
    driver.schedule()
  }

  onDone(token: number, failed: Failed | undefined, codes: number[]): void {
    const { events, pending, subscriptions } = this.parts
    const one = pending.take(token) as PendingFilters | undefined
    if (one === undefined) return
    const { kind, topics, done } = one
    const packet = answerOf(one, codes)
    const refusal = kind === 'subscribe' ? codes.find((code) => code >= REFUSED) : undefined
    if (kind === 'subscribe') {
      const isGone = (index: number): boolean => failed !== undefined || (codes[index] ?? 0) >= REFUSED
      subscriptions.forget(topics.filter((_, index) => isGone(index)))
    }
    if (failed !== undefined) {
      done?.(failureError(failed), undefined, undefined)
    } else if (refusal !== undefined) {
      const text = `Subscribe error: ${ReasonCodes[refusal] ?? refusal}`
      done?.(new ErrorWithSubackPacket(text, packet as ISubackPacket), codes, packet)
    } else done?.(null, codes, packet)
    events.tellEmpty()
  }

  onAnswered(token: number, type: number, id: number, properties: Buffer): void {
    const one = this.parts.pending.get(token)
    if (one === undefined || one.kind === 'publish' || type < SUBACK) return
    const cmd = one.kind === 'subscribe' ? 'suback' : 'unsuback'
    const said = decodeProperties(properties)
    one.answer ??= { cmd, messageId: id, granted: [], properties: said } as ISubackPacket
  }

  /** Which identifiers the SUBSCRIBEs and UNSUBSCRIBEs that wait have. */
  follow(packet: Packet): void {
    if (packet.cmd === 'subscribe') {
      this.sent('subscribe', packet.messageId!, packet.subscriptions[0]!.topic)
    } else if (packet.cmd === 'unsubscribe') {
      this.sent('unsubscribe', packet.messageId!, packet.unsubscriptions[0]!)
    } else if (packet.cmd === 'suback') this.answered('subscribe', packet)
    else if (packet.cmd === 'unsuback') this.answered('unsubscribe', packet)
  }

  private sent(kind: PendingFilters['kind'], id: number, topic: string): void {
    for (const [, one] of this.parts.pending.all()) {
      if (one.kind !== kind || !one.topics.includes(topic)) continue
      one.ids.push(id)
      this.parts.lastId = id
      return
    }
  }

  private answered(kind: PendingFilters['kind'], packet: ISubackPacket | IUnsubackPacket): void {
    for (const [, one] of this.parts.pending.all()) {
      if (one.kind !== kind || !one.ids.includes(packet.messageId!)) continue
      one.answer = packet
      return
    }
  }

  /** Their callers learn that the connection is lost; the core asks again all the same. */
  failAll(): void {
    for (const [, one] of this.parts.pending.all()) {
      if (one.kind === 'publish') continue
      one.ids = []
      const { done } = one
      one.done = undefined
      if (one.kind === 'unsubscribe') done?.(new Error('Connection closed'))
      else done?.(new ErrorWithSubackPacket('Connection closed', undefined as unknown as ISubackPacket))
    }
  }
}

/** The packet that answered, or one like it if it was in parts or unseen. */
function answerOf(one: PendingFilters, codes: number[]): ISubackPacket | IUnsubackPacket {
  const { answer, ids, kind } = one
  if (answer !== undefined && ids.length <= 1) return answer
  const cmd = kind === 'subscribe' ? 'suback' : 'unsuback'
  return { ...(answer ?? {}), cmd, messageId: ids[0], granted: codes } as ISubackPacket
}
