//! The names of the package.
import { MqttClient } from './client'
import { connect, connectAsync } from './connect'
import { ErrorWithReasonCode, ErrorWithSubackPacket, EvenkeelError } from './errors'
import { DefaultMessageIdProvider, UniqueMessageIdProvider } from './ids'
import { KeepaliveManager } from './keepalive'
import { DurableSession as PlatformSession, nextTick as soon } from './platform'
import { ReasonCodes } from './reason-codes'
import type { ISession } from './session/session'
import { Store } from './store'
import { validateTopic, validateTopics } from './validations'
import { VERSION } from './version'

/** Keeps a session in a file with this path; in browsers in a data base with this name. */
const DurableSession: new (place: string) => ISession = PlatformSession
type DurableSession = ISession

const Client = MqttClient
type Client = MqttClient
const MQTTJS_VERSION = VERSION

/** Calls back after the present operation. */
const nextTick = (callback: Function, ...args: any[]): void => {
  soon(callback as (...args: any[]) => void, ...args)
}

type Constructor<T = {}> = new (...args: any[]) => T

/** Gives a class the methods of another one. */
function applyMixin(target: Constructor, mixin: Constructor, includeConstructor = false): void {
  const chain: any[] = []
  for (let at: any = mixin; at?.prototype; at = Object.getPrototypeOf(at)) chain.unshift(at)
  for (const one of chain) {
    for (const name of Object.getOwnPropertyNames(one.prototype)) {
      if (name === 'constructor' && !includeConstructor) continue
      const found = Object.getOwnPropertyDescriptor(one.prototype, name)
      if (found !== undefined) Object.defineProperty(target.prototype, name, found)
    }
  }
}

export {
  applyMixin,
  Client,
  connect,
  connectAsync,
  DefaultMessageIdProvider,
  DurableSession,
  ErrorWithReasonCode,
  ErrorWithSubackPacket,
  EvenkeelError,
  KeepaliveManager,
  MqttClient,
  MQTTJS_VERSION,
  nextTick,
  ReasonCodes,
  Store,
  UniqueMessageIdProvider,
  validateTopic,
  validateTopics,
}
export type { Constructor }
export type { IAbortable } from './client/abortable'
export type { Timer } from './clock'
export type { TypedEventEmitter } from './emitter'
export type { IMessageIdProvider } from './ids'
export type { IMessage, IMessagesOptions } from './messages'
export type * from './packets'
export type { ILimit, IProfile } from './profile'
export type { ISession }
export type { IStore, IStoreOptions } from './store'
export type * from './types'
