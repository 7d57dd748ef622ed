//! A core is made, connects, and after the end another one does.
import { type Waiter, waiterOf } from '../clock'
import { Driver } from '../driver'
import { refusalError } from '../outcomes'
import { waiterFor } from '../platform'
import { allSettings } from '../settings'
import { Store } from '../store'
import type { IClientOptions } from '../types'
import { ownerOf } from './owner'
import type { Parts } from './parts'

export class Start {
  /** `connect()` was called. */
  started = false
  /** The core makes no attempts any more. */
  halted = false
  /** `connect()` is being called. */
  starting = false
  /** What `reconnect()` wants once the client has ended. */
  private deferred: (() => void) | undefined

  constructor(private readonly parts: Parts) {}

  /** Makes the core, without connecting yet. */
  open(): Driver {
    const { parts } = this
    const { options } = parts.client
    const { timerVariant = 'auto' } = options
    const waiter = typeof timerVariant === 'object' ? waiterOf(timerVariant) : waiterFor(timerVariant)
    const driver = this.make(waiter)
    parts.driver = driver
    this.started = false
    this.halted = false
    parts.attempts.begin()
    parts.connection.begin()
    parts.events.tellDropped()
    parts.events.tellLongKeepalive()
    parts.subscriptions.again(driver)
    parts.replay.begin()
    return driver
  }

  private make(waiter: Waiter): Driver {
    const { client, given } = this.parts
    try {
      return new Driver(allSettings(client.options, given.period), ownerOf(this.parts), waiter)
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
    const driver = this.parts.driver ?? this.open()
    if (this.started && !this.halted) return
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
