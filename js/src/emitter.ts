//! An EventEmitter whose events and their arguments are known.
import { EventEmitter } from './platform'

export type EventHandler = (...args: any[]) => void

type Arguments<Events, Name extends keyof Events> = Events[Name] extends (...args: infer A) => any
  ? A
  : never

export interface TypedEventEmitter<Events> {
  on<Name extends keyof Events>(event: Name, callback: Events[Name]): this
  once<Name extends keyof Events>(event: Name, callback: Events[Name]): this
  addListener<Name extends keyof Events>(event: Name, callback: Events[Name]): this
  prependListener<Name extends keyof Events>(event: Name, callback: Events[Name]): this
  prependOnceListener<Name extends keyof Events>(event: Name, callback: Events[Name]): this
  removeListener<Name extends keyof Events>(event: Name, callback: Events[Name]): this
  off<Name extends keyof Events>(event: Name, callback: Events[Name]): this
  removeAllListeners(event?: keyof Events): this
  setMaxListeners(n: number): this
  getMaxListeners(): number
  listeners<Name extends keyof Events>(event: Name): Events[Name][]
  rawListeners<Name extends keyof Events>(event: Name): Events[Name][]
  emit<Name extends keyof Events>(event: Name, ...args: Arguments<Events, Name>): boolean
  listenerCount<Name extends keyof Events>(event: Name, listener?: Events[Name]): number
  eventNames(): (keyof Events)[]
}

/** Node's own emitter, or one like it; `events.on` and `events.once` take it. */
export const TypedEventEmitter = EventEmitter as unknown as new <Events>() => TypedEventEmitter<Events>
