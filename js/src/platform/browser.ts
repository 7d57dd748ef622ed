//! Pages, dedicated, shared and service workers, and the engines of phones: what all of
//! them have, and nothing of Node's.
import { openWebSocket } from '../transport/browser-websocket'
import type { MqttProtocol } from '../types'
import { EventEmitter as Emitter } from './browser/events'
import { ListStream } from './browser/list-stream'
import type { Opener, Platform } from './platform'

export { atExit } from './browser/exit'
export { DurableSession } from '../session/indexed-db'
export { isTrap, newExports, prepareModule } from './browser/module'
export { watchReturn } from './browser/returns'
export { waiterFor } from './browser/timers'

export const EventEmitter = Emitter as unknown as Platform['EventEmitter']
export type EventEmitter = InstanceType<Platform['EventEmitter']>

type Act = (...args: any[]) => void

export function nextTick(act: Act, ...args: unknown[]): void {
  queueMicrotask(args.length === 0 ? act : () => act(...args))
}

/** A message to oneself comes behind what has arrived, and is not slowed down as timers are. */
let channel: { port1: any; port2: any } | undefined
const waiting: (() => void)[] = []

export function afterReading(act: () => void): void {
  if (typeof MessageChannel === 'undefined') {
    globalThis.setTimeout(act, 0)
    return
  }
  if (channel === undefined) {
    channel = new MessageChannel() as { port1: any; port2: any }
    channel.port1.onmessage = () => {
      const next = waiting.shift()
      // Node, where tests run this, is to end when nothing waits.
      if (waiting.length === 0) channel!.port1.unref?.()
      next?.()
    }
  }
  channel.port1.ref?.()
  waiting.push(act)
  channel.port2.postMessage(0)
}

export function later(act: Act, ...args: unknown[]): void {
  afterReading(args.length === 0 ? act : () => act(...args))
}

/** Engines tell of no sleep here. */
export function uptimeMs(): number {
  return globalThis.performance.now()
}

/** As the package `debug` has it: `localStorage.debug`. */
export function variable(name: string): string | undefined {
  if (name !== 'DEBUG') return undefined
  try {
    return (globalThis as { localStorage?: { debug?: string } }).localStorage?.debug
  } catch {
    // A page in a sandbox may not look.
    return undefined
  }
}

export function writeLine(line: string): void {
  globalThis.console.debug(line)
}

export function streamOf(items: readonly unknown[]): ReturnType<Platform['streamOf']> {
  return new ListStream(items) as unknown as ReturnType<Platform['streamOf']>
}

export const openers: Readonly<Record<string, Opener>> = { ws: openWebSocket, wss: openWebSocket }

/** As in MQTT.js: there is nothing but WebSocket. */
export const substitutes: Readonly<Record<string, MqttProtocol>> = {
  mqtt: 'ws',
  tcp: 'ws',
  mqtts: 'wss',
  ssl: 'wss',
  tls: 'wss',
}

export const protocolHint = 'use ws or wss'

interface Place {
  protocol: string
  hostname: string
  port: string
  origin: string
}

/** Where the page or worker is from. One made from a Blob has its maker's origin. */
function place(): Place | undefined {
  const { location } = globalThis as { location?: Place }
  if (!location?.origin || location.origin === 'null') return undefined
  return new URL(location.origin)
}

export function usualProtocol(): MqttProtocol {
  return place()?.protocol === 'https:' ? 'wss' : 'ws'
}

export function usualServer(): { host: string; port: number | undefined } {
  const here = place()
  if (!here?.hostname) throw new Error('Could not determine host. Specify host manually.')
  return { host: here.hostname.replace(/^\[|\]$/g, ''), port: here.port === '' ? undefined : Number(here.port) }
}

export function wholeUrl(url: string): string {
  const here = url.startsWith('/') ? place() : undefined
  if (here === undefined) return url
  return new URL(url, here.origin.replace(/^http/, 'ws')).href
}
