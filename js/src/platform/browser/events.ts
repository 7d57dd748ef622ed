//! An EventEmitter like Node's. Whoever extends it may give its methods any names: it has
//! no others than Node's own, but for what begins with `_`.

type Name = string | symbol
type Listener = (...args: any[]) => void
/** One that is called once is wrapped; `listener` is what was given. */
type Held = Listener & { listener?: Listener }

export class EventEmitter {
  /** @internal */
  _events: Map<Name, Held[]> | undefined
  /** @internal */
  _most = 10

  on(event: Name, listener: Listener): this {
    return add(this, event, listener, false)
  }

  addListener(event: Name, listener: Listener): this {
    return add(this, event, listener, false)
  }

  prependListener(event: Name, listener: Listener): this {
    return add(this, event, listener, true)
  }

  once(event: Name, listener: Listener): this {
    return add(this, event, calledOnce(this, event, listener), false)
  }

  prependOnceListener(event: Name, listener: Listener): this {
    return add(this, event, calledOnce(this, event, listener), true)
  }

  off(event: Name, listener: Listener): this {
    const held = heldBy(this, event)
    let index = held.length - 1
    while (index >= 0 && !isFor(held[index]!, listener)) index -= 1
    if (index < 0) return this
    const rest = held.filter((_, at) => at !== index)
    if (rest.length > 0) this._events!.set(event, rest)
    else this._events!.delete(event)
    if (this._events!.has('removeListener')) this.emit('removeListener', event, listener)
    return this
  }

  removeListener(event: Name, listener: Listener): this {
    return this.off(event, listener)
  }

  removeAllListeners(event?: Name): this {
    if (event === undefined) this._events?.clear()
    else this._events?.delete(event)
    return this
  }

  emit(event: Name, ...args: any[]): boolean {
    const held = heldBy(this, event)
    if (held.length === 0) {
      if (event !== 'error') return false
      const [error] = args
      throw error instanceof Error ? error : new Error(`Unhandled error. (${String(error)})`)
    }
    for (const one of held) one.apply(this, args)
    return true
  }

  listeners(event: Name): Listener[] {
    return heldBy(this, event).map((one) => one.listener ?? one)
  }

  rawListeners(event: Name): Listener[] {
    return [...heldBy(this, event)]
  }

  listenerCount(event: Name, listener?: Listener): number {
    const held = heldBy(this, event)
    return listener === undefined ? held.length : held.filter((one) => isFor(one, listener)).length
  }

  eventNames(): Name[] {
    return [...(this._events?.keys() ?? [])]
  }

  setMaxListeners(most: number): this {
    this._most = most
    return this
  }

  getMaxListeners(): number {
    return this._most
  }
}

function heldBy(emitter: EventEmitter, event: Name): Held[] {
  return emitter._events?.get(event) ?? []
}

function isFor(held: Held, listener: Listener): boolean {
  return held === listener || held.listener === listener
}

function add<E extends EventEmitter>(emitter: E, event: Name, listener: Held, first: boolean): E {
  checkListener(listener)
  const events = (emitter._events ??= new Map())
  if (events.has('newListener')) emitter.emit('newListener', event, listener.listener ?? listener)
  const before = heldBy(emitter, event)
  // Whoever is being told goes on with the list as it was.
  events.set(event, first ? [listener, ...before] : [...before, listener])
  return emitter
}

function calledOnce(emitter: EventEmitter, event: Name, listener: Listener): Held {
  checkListener(listener)
  const once: Held = (...args) => {
    emitter.off(event, once)
    listener.apply(emitter, args)
  }
  once.listener = listener
  return once
}

function checkListener(listener: unknown): void {
  if (typeof listener !== 'function') throw new TypeError('The "listener" argument must be of type function')
}
