//! 'state', 'diagnosis' and 'error': what the client says of itself.
import { describe, diagnosisOf } from '../diagnosis'
import { EventCode, Halt } from '../numbers'
import { nextTick } from '../platform'
import type { IClientState } from '../types'
import { hasAny } from './common'
import type { Parts } from './parts'

/** A keep-alive from here on, nearly three hours, is hardly meant. */
const LONG_KEEPALIVE_S = 10_000

export class Events {
  private droppedTold = false

  constructor(private readonly parts: Parts) {}

  onEvent(code: number, a: number, b: number, text: string): void {
    const { client, connection, start, given } = this.parts
    if (code === EventCode.Connecting) return this.tellState({ state: 'connecting', attempt: a })
    if (code === EventCode.Retry) {
      const because = causeOf(connection.cause)
      connection.tellEnded()
      return this.tellState(
        given.period === 0
          ? { state: 'halted', ...because }
          : { state: 'waiting', attempt: a, retryInMs: b, ...because },
      )
    }
    if (code === EventCode.Halted) {
      start.halted = true
      const because = causeOf(connection.cause)
      connection.tellEnded()
      client.reconnecting = false
      this.tellState({ state: 'halted', ...because })
      if (a === Halt.Disabled) return
    }
    if (code === EventCode.Pong) client.keepaliveManager?.reschedule()
    const kind = diagnosisOf(code)
    if (kind !== undefined) this.diagnose(kind, text)
  }

  onStreamError(error: Error): void {
    const { client } = this.parts
    client.log('stream failed:', error.message)
    if (!client.disconnecting) client.emit('error', error)
  }

  tellState(state: IClientState): void {
    const { client, start } = this.parts
    client.log(stateLine(state))
    // Whoever has just called `connect()` listens by then.
    if (start.starting) nextTick(() => client.emit('state', state))
    else client.emit('state', state)
  }

  diagnose(kind: string, text: string): void {
    const { client } = this.parts
    client.log(describe(kind, text))
    client.emit('diagnosis', { kind, text })
  }

  /** If the keep-alive seems to be meant in milliseconds. */
  tellLongKeepalive(): void {
    const { keepalive = 0 } = this.parts.client.options
    if (keepalive < LONG_KEEPALIVE_S) return
    const text = `keepalive is in seconds: with ${keepalive} a dead link is found after ${Math.round(keepalive / 2400)} hours`
    nextTick(() => this.diagnose('keepalive-long', text))
  }

  /** If the options have properties that MQTT 3.1.1 has not. */
  tellDropped(): void {
    const { properties, will } = this.parts.client.options
    if (!this.parts.isV5 && (hasAny(properties) || hasAny(will?.properties))) this.dropped()
  }

  /** MQTT 3.1.1 has no properties: once for each client that is said. */
  dropped(): void {
    if (this.droppedTold) return
    this.droppedTold = true
    const text = 'Properties need protocolVersion 5: they are left out'
    nextTick(() => this.diagnose('properties-dropped', text))
  }

  /** When the last of what waits is done, at the end. */
  tellEmpty(): void {
    const { client, pending } = this.parts
    if (client.disconnecting && pending.outstanding === 0) client.emit('outgoingEmpty')
  }
}

function stateLine({ state, attempt, retryInMs, cause }: IClientState): string {
  const parts = [`state: ${state}`]
  if (attempt !== undefined) parts.push(`attempt ${attempt}`)
  if (retryInMs !== undefined) parts.push(`in ${Math.round(retryInMs)} ms`)
  if (cause !== undefined) parts.push(`cause: ${cause}`)
  return parts.join(', ')
}

function causeOf(cause: string | undefined): { cause?: string } {
  return cause === undefined ? {} : { cause }
}
