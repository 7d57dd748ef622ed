//! Node, and what has its modules: Deno and Bun.
import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { brotliDecompressSync } from 'node:zlib'

import { nativeWaiter, type Waiter } from '../clock'
import type { Exports } from '../module'
import { openTcp, openTls } from '../transport/sockets'
import { openWebSocket } from '../transport/websocket'
import type { MqttProtocol, TimerVariant } from '../types'
import type { Opener } from './platform'

export { DurableSession } from '../session/file'
export { EventEmitter }
export { atExit } from './exit'

export function nextTick(act: (...args: any[]) => void, ...args: unknown[]): void {
  process.nextTick(act, ...args)
}

export function later(act: (...args: any[]) => void, ...args: unknown[]): void {
  globalThis.setImmediate(act, ...args)
}

export const { setImmediate: afterReading } = globalThis

export function uptimeMs(): number {
  return uptime() * 1000
}

export function waiterFor(_variant: TimerVariant): Waiter {
  return nativeWaiter
}

/** `uptimeMs` shows each sleep. */
export function watchReturn(_onReturn: () => void): () => void {
  return () => {}
}

export function variable(name: string): string | undefined {
  return process.env[name]
}

export function writeLine(line: string): void {
  process.stderr.write(`${line}\n`)
}

export function streamOf(items: readonly unknown[]): Readable {
  return Readable.from(items, { objectMode: true })
}

let compiled: WebAssembly.Module | undefined

export function prepareModule(): undefined {
  return undefined
}

export function newExports(): Exports {
  compiled ??= new WebAssembly.Module(brotliDecompressSync(readFileSync(join(__dirname, 'evenkeel.wasm.br'))))
  return new WebAssembly.Instance(compiled, {}).exports as unknown as Exports
}

export function isTrap(error: unknown): boolean {
  return error instanceof WebAssembly.RuntimeError
}

export const openers: Readonly<Record<string, Opener>> = {
  mqtt: openTcp,
  tcp: openTcp,
  mqtts: openTls,
  ssl: openTls,
  tls: openTls,
  ws: openWebSocket,
  wss: openWebSocket,
}

export const substitutes = {}
export const protocolHint = 'use mqtt, mqtts, ws or wss, with +unix for a unix socket'

export function usualProtocol(): MqttProtocol {
  return 'mqtt'
}

export function usualServer(): { host: string; port: undefined } {
  return { host: 'localhost', port: undefined }
}

export function wholeUrl(url: string): string {
  return url
}
