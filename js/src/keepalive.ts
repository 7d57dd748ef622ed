//! Keep-alive as code that looks at `client.keepaliveManager` knows it. The
//! client's own shows what the core does; one made by hand has its own timer.
import { waiterOf, type Timer, type Waiter } from './clock'
import type { MqttClient } from './client'
import { waiterFor } from './platform'
import type { TimerVariant } from './types'

const LARGEST_MS = 2_147_483_647

export class KeepaliveManager {
  private readonly waiter: Waiter
  private timer: unknown
  private keepaliveMs = 0
  private deadline = 0
  private destroyed = false

  constructor(
    private readonly client: MqttClient,
    variant: TimerVariant | Timer,
    /** Whether this one sends pings itself. */
    private readonly pings = true,
  ) {
    this.waiter = typeof variant === 'object' ? waiterOf(variant) : waiterFor(variant)
  }

  /** When the connection is given up if nothing comes (`Date.now()`). */
  get keepaliveTimeoutTimestamp(): number {
    return this.deadline
  }

  /** Milliseconds: half the keep-alive. */
  get intervalEvery(): number {
    return Math.ceil(this.keepaliveMs / 2)
  }

  /** Milliseconds. */
  get keepalive(): number {
    return this.keepaliveMs
  }

  /** Seconds. */
  setKeepalive(value: number): void {
    const ms = value * 1000
    if (Number.isNaN(ms) || ms <= 0 || ms > LARGEST_MS) {
      throw new Error(
        `Keepalive value must be an integer between 0 and ${LARGEST_MS}. Provided value is ${ms}`,
      )
    }
    this.keepaliveMs = ms
    this.reschedule()
  }

  reschedule(): void {
    if (this.destroyed) return
    this.deadline = Date.now() + Math.ceil(this.keepaliveMs * 1.5)
    if (!this.pings) return
    this.wait(this.keepaliveMs, () => {
      this.client.sendPing()
      this.wait(this.intervalEvery, () => this.client.onKeepaliveTimeout())
    })
  }

  private wait(ms: number, act: () => void): void {
    this.clear()
    this.timer = this.waiter.start(() => {
      this.timer = undefined
      if (!this.destroyed) act()
    }, ms)
  }

  private clear(): void {
    if (this.timer !== undefined) this.waiter.stop(this.timer)
    this.timer = undefined
  }

  destroy(): void {
    this.clear()
    this.destroyed = true
  }
}
