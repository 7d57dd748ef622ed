//! Operations whose outcome is to come, by their token.
import type { IPublishPacket, ISubackPacket, IUnsubackPacket } from './packets'
import type { ISubscriptionRequest } from './types'

export interface PendingPublish {
  kind: 'publish'
  packet: IPublishPacket
  /** Put into the outgoing store. */
  stored: boolean
  done: ((error?: Error | null, packet?: any) => void) | undefined
}

export interface PendingFilters {
  kind: 'subscribe' | 'unsubscribe'
  topics: string[]
  requests: ISubscriptionRequest[]
  /** The identifiers it was sent with, since the last connect. */
  ids: number[]
  answer: ISubackPacket | IUnsubackPacket | undefined
  done: ((error: Error | null, codes?: number[], packet?: any) => void) | undefined
}

export type Pending = PendingPublish | PendingFilters

/** Tokens are small numbers, used again. */
export class PendingTable {
  private readonly slots: (Pending | undefined)[] = []
  private readonly free: number[] = []
  /** Publishes of QoS 1 and 2, SUBSCRIBEs and UNSUBSCRIBEs. */
  outstanding = 0
  /** SUBSCRIBEs and UNSUBSCRIBEs. */
  filters = 0

  add(pending: Pending): number {
    this.count(pending, 1)
    const token = this.free.pop()
    if (token === undefined) return this.slots.push(pending) - 1
    this.slots[token] = pending
    return token
  }

  get(token: number): Pending | undefined {
    return this.slots[token]
  }

  take(token: number): Pending | undefined {
    const pending = this.slots[token]
    if (pending === undefined) return undefined
    this.slots[token] = undefined
    this.free.push(token)
    this.count(pending, -1)
    return pending
  }

  /** In the order of their slots; may be changed meanwhile. */
  all(): [token: number, pending: Pending][] {
    const all: [number, Pending][] = []
    this.slots.forEach((pending, token) => {
      if (pending !== undefined) all.push([token, pending])
    })
    return all
  }

  private count(pending: Pending, by: number): void {
    if (pending.kind !== 'publish') this.filters += by
    else if (pending.packet.qos === 0) return
    this.outstanding += by
  }
}
