//! The end, by the user's wish or by the failure of the core.
import { coreFailed } from '../core'
import type { Driver } from '../driver'
import { refusalError } from '../outcomes'
import type { IDisconnectPacket } from '../packets'
import { later, nextTick } from '../platform'
import { encodeProperties } from '../properties'
import { bounded } from '../session/keeper'
import type { DoneCallback } from '../types'
import { EMPTY } from './common'
import type { Parts } from './parts'

export class Ending {
  /** Closes the stores and tells whoever waits for the end. */
  private finish: ((then: () => void, failed: Error | undefined) => void) | undefined
  /** The end is no longer to wait for anything. */
  private isCut = false

  constructor(private readonly parts: Parts) {}

  /** To be called when the user's signal aborts. */
  readonly onAbort = (): void => {
    this.parts.client.end(true)
  }

  watch(signal: AbortSignal | undefined): void {
    if (!signal) return
    if (signal.aborted) nextTick(this.onAbort)
    else signal.addEventListener('abort', this.onAbort, { once: true })
  }

  /** True, and told, if nothing is begun any more. */
  refuses(done: ((error: any) => void) | undefined): boolean {
    const { client } = this.parts
    if (!client.disconnecting) return false
    const error = new Error('client disconnecting')
    if (done) done(error)
    else client.emit('error', error)
    return true
  }

  end(force: boolean, packet: Partial<IDisconnectPacket> | undefined, done: DoneCallback): void {
    const { client, driver, overflow, replay, start } = this.parts
    if (client.disconnecting) {
      if (force) this.cut()
      return done()
    }
    client.disconnecting = true
    this.isCut = force
    this.finish = (then, failed) => {
      this.closeStores((error) => {
        client.disconnected = true
        client.emit('end')
        done(error ?? failed)
        then()
      })
    }
    if (driver === undefined && (force || !start.isLoading)) this.giveUp()
    else if (force) this.stop(driver!, true, packet)
    else {
      replay.after(() => {
        overflow.whenEmpty(() => {
          if (!this.isCut) this.stop(driver ?? this.parts.driver!, false, packet)
        })
      })
    }
  }

  /** An end on its way becomes one by force. */
  private cut(): void {
    const { driver, start } = this.parts
    if (this.isCut || (driver === undefined && !start.isLoading)) return
    this.isCut = true
    if (driver === undefined) this.giveUp()
    else this.stop(driver, true, undefined)
  }

  /** There is no core that could be stopped. */
  private giveUp(): void {
    const { finish } = this
    const stopped = (error?: Error): void => {
      // A core that has failed meanwhile may have ended this already.
      if (this.finish === finish) this.onStopped(error)
    }
    const opening = this.parts.start.abandon()
    if (opening === undefined) later(() => stopped())
    else void bounded(opening).then(stopped)
  }

  private stop(
    driver: Driver,
    force: boolean,
    packet: Partial<IDisconnectPacket> | undefined,
  ): void {
    const { client, inbox, isV5 } = this.parts
    if (force) inbox.close()
    try {
      const limitMs = client.options.connectTimeout ?? 30_000
      const properties = encodeProperties(isV5 ? packet?.properties : undefined)
      driver.stop(force, limitMs, isV5 ? packet?.reasonCode : undefined, properties)
    } catch (error) {
      client.emit('error', refusalError(error))
      driver.stop(force, 0, undefined, EMPTY)
    }
  }

  private closeStores(done: (error?: Error) => void): void {
    const { client } = this.parts
    client.incomingStore.close((first) => {
      client.outgoingStore.close((second) => done(first ?? second ?? undefined))
    })
  }

  /** Told, with what went wrong with the session. */
  onStopped(failed?: Error): void {
    const { client, inbox, events, start } = this.parts
    this.parts.driver = undefined
    client.connected = false
    client.reconnecting = false
    inbox.clear()
    this.failAll(new Error('Connection closed'))
    client.options.signal?.removeEventListener('abort', this.onAbort)
    const { finish } = this
    this.finish = undefined
    events.tellState({ state: 'closed' })
    finish?.(() => start.ended(), failed)
  }

  /** The module has failed. */
  onTrap(cause: unknown): void {
    this.fail(coreFailed(cause))
  }

  /** There is no core any more, or there will be none. */
  fail(failed: Error): void {
    const { client, inbox, events, start } = this.parts
    this.parts.driver = undefined
    start.started = false
    client.connected = false
    client.reconnecting = false
    inbox.clear()
    this.failAll(failed)
    events.tellState({ state: 'closed', cause: failed.message })
    client.emit('error', failed)
    client.emit('close')
    if (client.disconnecting) this.onStopped()
  }

  private failAll(error: Error): void {
    const { pending, overflow, replay } = this.parts
    for (const [token] of pending.all()) this.failOne(token, error)
    overflow.failAll(error)
    replay.failAll(error)
  }

  private failOne(token: number, error: Error): void {
    const { client, pending } = this.parts
    const one = pending.take(token)
    if (one === undefined) return
    if (one.kind === 'publish' && one.packet.qos > 0) {
      client.messageIdProvider.deallocate(one.packet.messageId!)
    }
    ;(one.done as ((error: Error) => void) | undefined)?.(error)
  }
}
