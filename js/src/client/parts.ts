//! What one client is made of. A part knows the others through this alone.
import type { Driver } from '../driver'
import { Inbox } from '../inbox'
import { Overflow } from '../overflow'
import { PendingTable } from '../pending'
import type { StreamBuilder } from '../types'
import { Attempts } from './attempts'
import { Connection } from './connection'
import { Ending } from './end'
import { Events } from './events'
import { Filters } from './filters'
import type { MqttClient } from './index'
import { Publishing } from './publish'
import { Replay } from './replay'
import { Start } from './start'
import { Subscriptions } from './subscribe'
import { Trace } from './trace'

export interface Given {
  streamBuilder: StreamBuilder
  /** The fixed period that the user wants, in milliseconds; `undefined` leaves the pace to the core. */
  period: number | undefined
  /** Whether the user has a `handleMessage` of their own. */
  isOverridden: () => boolean
}

export class Parts {
  /** There is none after the end. */
  driver: Driver | undefined
  /** The packet identifier that was used last. */
  lastId: number | null = null
  readonly pending = new PendingTable()
  readonly overflow = new Overflow()
  readonly inbox: Inbox
  readonly start: Start
  readonly attempts: Attempts
  readonly connection: Connection
  readonly events: Events
  readonly publishing: Publishing
  readonly subscriptions: Subscriptions
  readonly filters: Filters
  readonly replay: Replay
  readonly trace: Trace
  readonly ending: Ending

  constructor(
    readonly client: MqttClient,
    readonly given: Given,
  ) {
    const owner = {
      acknowledge: (ack: number, reason: number) => this.driver?.core.acknowledge(ack, reason),
      giveBack: (ack: number) => this.driver?.core.giveBack(ack),
      wake: () => this.driver?.schedule(),
    }
    this.inbox = new Inbox(client, owner, given.isOverridden)
    this.start = new Start(this)
    this.attempts = new Attempts(this)
    this.connection = new Connection(this)
    this.events = new Events(this)
    this.publishing = new Publishing(this)
    this.subscriptions = new Subscriptions(this)
    this.filters = new Filters(this)
    this.replay = new Replay(this)
    this.trace = new Trace(this)
    this.ending = new Ending(this)
  }

  get isV5(): boolean {
    return this.client.options.protocolVersion === 5
  }
}
