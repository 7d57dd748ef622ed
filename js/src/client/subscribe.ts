//! The subscriptions that the client holds: made, given up, and made again.
import type { Driver } from '../driver'
import type { PendingFilters } from '../pending'
import { later } from '../platform'
import { encodeProperties } from '../properties'
import { optionsByte, type Requested, requestsOf } from '../topics'
import type {
  ClientSubscribeCallback,
  IClientSubscribeOptions,
  IClientUnsubscribeProperties,
  ISubscriptionGrant,
  ISubscriptionRequest,
  PacketCallback,
} from '../types'
import { validateTopics } from '../validations'
import { noop } from './common'
import type { Parts } from './parts'

type Answered = NonNullable<PendingFilters['done']>

/** The token of whoever asks for no outcome. */
const NOBODY = 0xffff_ffff

export class Subscriptions {
  /** What is to be subscribed again. */
  private readonly held = new Map<string, ISubscriptionRequest>()
  /** Loops over a filter; `own` if its subscription is theirs. */
  private readonly holds = new Map<string, { count: number; own: boolean }>()

  constructor(private readonly parts: Parts) {}

  subscribe(
    topics: Requested,
    options: Partial<IClientSubscribeOptions>,
    callback: ClientSubscribeCallback | undefined,
  ): void {
    const { client, ending, filters, isV5, replay } = this.parts
    const done = callback ?? noop
    const { requests, again } = requestsOf(topics, options, isV5)
    if (isInvalid(requests.map(({ topic }) => topic), done)) return
    if (ending.refuses(callback)) return
    const wanted = requests.filter(({ topic, qos }) => {
      const held = this.held.get(topic)
      return again || held === undefined || held.qos < qos
    })
    if (wanted.length === 0) return done(null, [])
    if (client.options.resubscribe !== false) {
      for (const request of wanted) this.held.set(request.topic, { ...request })
    }
    const answered: Answered = (error, codes, packet) => {
      const granted = wanted.map((request, index) => ({
        ...request,
        qos: (codes?.[index] ?? request.qos) as ISubscriptionGrant['qos'],
      }))
      done(error, granted, packet)
    }
    replay.after(() => filters.ask('subscribe', wanted, options.properties, answered), answered)
  }

  unsubscribe(
    topic: string | string[],
    options: IClientUnsubscribeProperties,
    callback: PacketCallback | undefined,
  ): void {
    const { ending, filters, replay } = this.parts
    const done = callback ?? noop
    const topics = Array.isArray(topic) ? topic : [topic]
    if (isInvalid(topics, done)) return
    if (ending.refuses(callback)) return
    this.forget(topics)
    const requests = topics.map((one) => ({ topic: one, qos: 0 as const }))
    const answered: Answered = (error, _codes, packet) => done(error as Error, packet)
    replay.after(() => filters.ask('unsubscribe', requests, options.properties, answered), answered)
  }

  /** Those of these filters that the client does not hold yet. */
  notHeld(topics: Requested): string[] {
    const asked = requestsOf(topics, {}, false).requests.map(({ topic }) => topic)
    return asked.filter((topic) => !this.held.has(topic))
  }

  /** They are not to be subscribed again. */
  forget(topics: readonly string[]): void {
    for (const topic of topics) this.held.delete(topic)
  }

  /** What a new core is to hold. */
  all(): ISubscriptionRequest[] {
    return [...this.held.values()]
  }

  /** A new core holds what the last one held. */
  again(driver: Driver, requests: ISubscriptionRequest[]): void {
    const { isV5 } = this.parts
    for (const request of requests) {
      const properties = encodeProperties(isV5 ? request.properties : undefined)
      driver.core.subscribe(NOBODY, [[request.topic, optionsByte(request)]], properties)
    }
  }

  /** Counts the loops over a filter; true for the last one of a filter of their own. */
  hold(filter: string, begins: boolean): boolean {
    const hold = this.holds.get(filter) ?? { count: 0, own: !this.held.has(filter) }
    hold.count += begins ? 1 : -1
    if (hold.count > 0) {
      this.holds.set(filter, hold)
      return false
    }
    this.holds.delete(filter)
    return hold.own
  }
}

/** True, and told, if one is not well formed. */
function isInvalid(topics: string[], done: (error: Error) => void): boolean {
  const invalid = validateTopics(topics)
  if (invalid === null) return false
  later(done, new Error(`Invalid topic ${invalid}`))
  return true
}
