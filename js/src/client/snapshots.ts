//! What waits, in the forms in which MQTT.js's users read it. To be read only.
import type { Packet } from '../packets'
import type { Pending, PendingTable } from '../pending'
import type { PacketCallback, PendingCommand } from '../types'
import { noop } from './common'

export type Outgoing = Record<
  number,
  { volatile: boolean; cmd: PendingCommand; cb: (error: Error, packet?: Packet) => void }
>

/** What waits for an acknowledgement, by packet identifier. */
export function outgoingOf(pending: PendingTable): Outgoing {
  const outgoing: Outgoing = {}
  for (const [, one] of pending.all()) {
    const cb = (one.done ?? noop) as (error: Error, packet?: Packet) => void
    if (one.kind !== 'publish') {
      for (const id of one.ids) outgoing[id] = { volatile: true, cmd: one.kind, cb }
    } else if (one.packet.qos > 0) {
      outgoing[one.packet.messageId!] = { volatile: false, cmd: 'publish', cb }
    }
  }
  return outgoing
}

export interface Queued {
  packet: Packet
  cb: PacketCallback
}

/** What waits for a connection and is not in the outgoing store. */
export function queueOf(pending: PendingTable): Queued[] {
  const waiting = pending.all().filter(([, one]) => one.kind !== 'publish' || one.packet.qos === 0)
  return waiting.map(([, one]) => ({ packet: packetOf(one), cb: (one.done ?? noop) as PacketCallback }))
}

/** The filters of each SUBSCRIBE that waits for its answer. */
export function topicsOf(pending: PendingTable): Record<number, string[]> {
  const topics: Record<number, string[]> = {}
  for (const [, one] of pending.all()) {
    if (one.kind !== 'subscribe') continue
    for (const id of one.ids) topics[id] = one.topics
  }
  return topics
}

function packetOf(one: Pending): Packet {
  if (one.kind === 'publish') return one.packet
  const messageId = one.ids[0]
  if (one.kind === 'unsubscribe') {
    return { cmd: 'unsubscribe', unsubscriptions: one.topics, messageId } as Packet
  }
  return { cmd: 'subscribe', subscriptions: one.requests, messageId } as Packet
}
