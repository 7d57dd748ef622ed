//! What every platform gives: all that the rest of the package needs from where it runs.
import type { EventEmitter } from 'node:events'
import type { Readable } from 'node:stream'

import type { MqttClient } from '../client'
import type { Waiter } from '../clock'
import type { Exports } from '../module'
import type { ISession } from '../session/session'
import type { IClientOptions, IStream, MqttProtocol, TimerVariant } from '../types'

/** Opens a stream to the server that the options name. */
export type Opener = (options: IClientOptions, client: MqttClient) => IStream

export interface Platform {
  /** As Node's: clients are of this class, and `events` of Node takes them. */
  EventEmitter: typeof EventEmitter
  /** Calls behind what runs now, before timers and before anything is read. */
  nextTick(act: (...args: any[]) => void, ...args: unknown[]): void
  /** Calls once what has arrived by now was read. Looked up at each call, as fake clocks want it. */
  later(act: (...args: any[]) => void, ...args: unknown[]): void
  /** The same, and no fake clock holds it up. */
  afterReading(act: () => void): void
  /** Time since the machine was started, with that in which it slept; without it where that is not known. */
  uptimeMs(): number
  /** Keeps a session here: in a file, or in a data base. */
  DurableSession: new (place: string) => ISession
  /** What a client waits by whose `timerVariant` is a name. */
  waiterFor(variant: TimerVariant): Waiter
  /**
   * Tells when the network may be there again, and when this process may have stood
   * still in a way that no clock shows. Gives what ends it.
   */
  watchReturn(onReturn: () => void): () => void
  /** Calls right before the process ends, where that can be known. Gives what ends it. */
  atExit(act: () => void): () => void
  /** A variable of the environment. */
  variable(name: string): string | undefined
  /** Writes a line for whoever debugs. */
  writeLine(line: string): void
  /** A stream of these objects. */
  streamOf(items: readonly unknown[]): Readable

  /**
   * Sees to it that the next `newExports` can do its work. `undefined`: it can now. A
   * promise that is rejected tells why there will never be one.
   */
  prepareModule(): Promise<void> | undefined
  /** A new instance of the module. Throws a `RangeError` if there is no memory for one more. */
  newExports(): Exports
  /** Whether the module has failed with this error, for good. */
  isTrap(error: unknown): boolean

  /** The protocols that are there. */
  openers: Readonly<Record<string, Opener>>
  /** Protocols that become another one here. */
  substitutes: Readonly<Record<string, MqttProtocol>>
  /** The protocol when none is named. */
  usualProtocol(): MqttProtocol
  /** The server when none is named, and its port if it is not the protocol's own. */
  usualServer(): { host: string; port: number | undefined }
  /** What to use instead of a protocol that is not there. */
  protocolHint: string
  /** A whole URL for one that is relative to the page; others as they are. */
  wholeUrl(url: string): string
}
