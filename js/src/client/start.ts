//! A core is made, connects, and after the end another one does.
import { type Waiter, waiterOf } from '../clock'
import { Driver, type Kept } from '../driver'
import type { EvenkeelError } from '../errors'
import { refusalError } from '../outcomes'
import { prepareModule, waiterFor } from '../platform'
import type { ISession } from '../session/session'
import { allSettings } from '../settings'
import { Store } from '../store'
import type { IClientOptions, ISubscriptionRequest } from '../types'
import { ownerOf } from './owner'
import type { Parts } from './parts'

export class Start {
  /** `connect()` was called. */
  started = false
  /** The core makes no attempts any more. */
  halted = false
  /** `connect()` is being called. */
  starting = false
  /** A session is being opened: until it is known how that ended, and it is given back if nobody goes on with it. */
  private opening: Promise<void> | undefined
  /** The module is on its way: what is to follow. */
  private loading: { connects: boolean } | undefined
  /** What `reconnect()` wants once the client has ended. */
  private deferred: (() => void) | undefined

  constructor(private readonly parts: Parts) {}

  /** The module is on its way, and no core is there yet. */
  get isLoading(): boolean {
    return this.loading !== undefined
  }

  /** Makes the core, without connecting yet; later, if the module is not there. */
  open(): void {
    const { parts } = this
    this.started = false
    this.halted = false
    const requests = parts.subscriptions.all()
    const { session } = parts.client.options
    const there = prepareModule()
    if (session) this.load(this.openSession(session, there), requests)
    else if (there === undefined) {
      this.begin(requests)
      parts.replay.begin()
    } else this.load(there, requests)
  }

  /** Both are needed for a core. A session that nobody goes on with is closed again. */
  private async openSession(session: ISession, there: Promise<void> | undefined): Promise<Kept> {
    await there
    return { session, log: await session.open() }
  }

  private begin(requests: ISubscriptionRequest[], kept?: Kept): void {
    const { parts } = this
    const { timerVariant = 'auto' } = parts.client.options
    const waiter = typeof timerVariant === 'object' ? waiterOf(timerVariant) : waiterFor(timerVariant)
    const driver = this.make(waiter, kept)
    parts.driver = driver
    parts.attempts.begin()
    parts.connection.begin()
    parts.events.tellDropped()
    parts.events.tellLongKeepalive()
    parts.subscriptions.again(driver, requests)
  }

  /** What is commanded meanwhile is done when the module is there, in its order. */
  private load(there: Promise<Kept | void>, requests: ISubscriptionRequest[]): void {
    const { parts } = this
    const loading = { connects: false }
    this.loading = loading
    parts.replay.hold()
    const settled = async (act: () => void, kept?: Kept | void): Promise<void> => {
      const isOver = this.loading !== loading
      if (isOver) return giveBack(kept)
      this.loading = undefined
      this.opening = undefined
      try {
        act()
      } catch (error) {
        await giveBack(kept)
        parts.ending.fail(error as Error)
      }
    }
    const loaded = (kept: Kept | void): void => {
      this.begin(requests, kept ?? undefined)
      if (loading.connects) this.connect()
      parts.replay.begin()
    }
    const opening = there.then(
      (kept) => settled(() => loaded(kept), kept),
      (error: unknown) => settled(() => parts.ending.fail(error as EvenkeelError)),
    )
    if (parts.client.options.session) this.opening = opening
  }

  /** The client is over before the module was there. A session that is being opened is closed by then. */
  abandon(): Promise<void> | undefined {
    const { opening } = this
    this.loading = undefined
    this.opening = undefined
    return opening
  }

  private make(waiter: Waiter, kept: Kept | undefined): Driver {
    const { client, given } = this.parts
    try {
      return new Driver(allSettings(client.options, given.period), ownerOf(this.parts), waiter, kept)
    } catch (error) {
      throw refusalError(error)
    }
  }

  connect(): void {
    const { client } = this.parts
    if (this.lacksMethod()) {
      client.end(() => client.emit('error', new Error('Packet has no Authentication Method')))
      return
    }
    if (this.parts.driver === undefined && !this.isLoading) this.open()
    const { loading } = this
    const { driver } = this.parts
    if (loading !== undefined) loading.connects = true
    if (driver === undefined || (this.started && !this.halted)) return
    if (client.disconnecting && client.disconnected) {
      client.disconnecting = client.disconnected = false
    }
    this.started = true
    this.halted = false
    this.starting = true
    driver.start()
    this.starting = false
  }

  /** Data for an authentication that is not named. */
  private lacksMethod(): boolean {
    const { client, isV5 } = this.parts
    const { properties } = client.options
    const hasData = properties?.authenticationData !== undefined
    return isV5 && hasData && properties.authenticationMethod === undefined
  }

  reconnect(stores: Pick<IClientOptions, 'incomingStore' | 'outgoingStore'> | undefined): void {
    const { parts } = this
    const { client, driver, attempts } = parts
    if (client.disconnecting && !client.disconnected) this.deferred = () => this.anew(stores)
    else if (this.isLoading) this.connect()
    else if (driver === undefined) this.anew(stores)
    else if (!this.started || this.halted) {
      attempts.connectedBefore = this.started
      client.reconnecting = this.started
      this.connect()
    } else driver.reconnect()
  }

  private anew(stores: Pick<IClientOptions, 'incomingStore' | 'outgoingStore'> | undefined): void {
    const { client, attempts } = this.parts
    client.incomingStore = stores?.incomingStore ?? new Store()
    client.outgoingStore = stores?.outgoingStore ?? new Store()
    client.disconnecting = false
    client.disconnected = false
    client.reconnecting = true
    this.open()
    // It is no first connection, for the events.
    attempts.connectedBefore = true
    this.connect()
  }

  /** The client has ended, and all have been told. */
  ended(): void {
    const { deferred } = this
    this.deferred = undefined
    deferred?.()
  }
}

/** Nobody goes on with it. */
async function giveBack(kept: Kept | void): Promise<void> {
  try {
    await kept?.session.close()
  } catch {
    // There is nobody to be told.
  }
}
