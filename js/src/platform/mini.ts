//! Mini programs of WeChat and Alipay: neither a page nor a worker, and no WebAssembly that
//! could be in a script. Their WebSocket is a function of the host, and much of what
//! engines have is hidden.
import { makeExports } from 'evenkeel:asmjs'

import { nativeWaiter, type Waiter } from '../clock'
import { openAlipay, openWeChat } from '../transport/mini/open'
import type { MqttProtocol, TimerVariant } from '../types'
import { alipay } from './mini/api'
import type { Opener } from './platform'

export { afterReading, DurableSession, EventEmitter, later, nextTick, streamOf, uptimeMs, writeLine } from './browser'
export { watchReturn } from './mini/returns'

export function waiterFor(_variant: TimerVariant): Waiter {
  return nativeWaiter
}

/** No end is told: a mini program stands still first. */
export function atExit(_act: () => void): () => void {
  return () => {}
}

export function variable(_name: string): undefined {
  return undefined
}

export function prepareModule(): undefined {
  return undefined
}

export const newExports = makeExports

export function isTrap(error: unknown): boolean {
  return (error as Error | undefined)?.message === 'evenkeel: trap'
}

export const openers: Readonly<Record<string, Opener>> = {
  wx: openWeChat,
  wxs: openWeChat,
  ali: openAlipay,
  alis: openAlipay,
}

const [plain, secured] = (alipay() === undefined ? ['wx', 'wxs'] : ['ali', 'alis']) as [MqttProtocol, MqttProtocol]

/** There is nothing but the host's WebSocket. */
export const substitutes: Readonly<Record<string, MqttProtocol>> = {
  mqtt: plain,
  tcp: plain,
  ws: plain,
  mqtts: secured,
  ssl: secured,
  tls: secured,
  wss: secured,
}

export const protocolHint = 'use wxs in WeChat, alis in Alipay'

/** The hosts let nothing else out of programs that are published. */
export function usualProtocol(): MqttProtocol {
  return secured
}

export function usualServer(): never {
  throw new Error('Could not determine host. Specify host manually.')
}

export function wholeUrl(url: string): string {
  return url
}
