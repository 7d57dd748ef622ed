//! The client: what MQTT.js's users know, on the core.
import { nativeWaiter, waiterOf } from './clock'
import type { Disconnected, Failed, Message, Setting } from './core'
import { decodePacket } from './decode'
import { describe, diagnosisOf } from './diagnosis'
import { Driver, type DriverOwner } from './driver'
import { TypedEventEmitter } from './emitter'
import { ErrorWithSubackPacket, EvenkeelError } from './errors'
import { DefaultMessageIdProvider, type IMessageIdProvider } from './ids'
import { Inbox } from './inbox'
import { KeepaliveManager } from './keepalive'
import { makeLog } from './log'
import { type IMessage, type IMessagesOptions, Messages } from './messages'
import { Cause, EventCode, Halt, Question } from './numbers'
import { fillDefaults, givenPeriod } from './options'
import { Overflow } from './overflow'
import { endError, failureError, refusalError } from './outcomes'
import type {
  IAuthPacket,
  IConnackPacket,
  IDisconnectPacket,
  IPublishPacket,
  ISubackPacket,
  IUnsubackPacket,
  Packet,
} from './packets'
import { type Pending, type PendingFilters, type PendingPublish, PendingTable } from './pending'
import { decodeProperties, encodeProperties } from './properties'
import { ReasonCodes } from './reason-codes'
import { allSettings, connectSettings } from './settings'
import { type IStore, Store } from './store'
import { optionsByte, requestsOf } from './topics'
import type {
  ClientSubscribeCallback,
  DoneCallback,
  IClientOptions,
  IClientPublishOptions,
  IClientState,
  IClientSubscribeOptions,
  IClientSubscribeProperties,
  IClientUnsubscribeProperties,
  ICredentials,
  IStream,
  ISubscriptionGrant,
  ISubscriptionMap,
  ISubscriptionRequest,
  MqttClientEventCallbacks,
  PacketCallback,
  PendingCommand,
  StreamBuilder,
} from './types'
import { validateTopics } from './validations'
import { VERSION } from './version'

const SUBACK = 9
const EMPTY = Buffer.alloc(0)
const noop = (): void => {}

type Server = NonNullable<IClientOptions['servers']>[number]

export class MqttClient extends TypedEventEmitter<MqttClientEventCallbacks> {
  static VERSION = VERSION

  connected = false
  disconnecting = false
  disconnected = false
  reconnecting = false
  incomingStore: IStore
  outgoingStore: IStore
  options: IClientOptions
  queueQoSZero: boolean
  /** @internal How many attempts have followed the first one. */
  _reconnectCount = 0
  /** @internal The server whose turn it is, if there are several. */
  _target: Server | undefined
  log: (...args: any[]) => void
  messageIdProvider: IMessageIdProvider
  keepaliveManager: KeepaliveManager | null = null
  /** The present or the last connection's. */
  stream!: IStream
  noop: (error?: any) => void = noop

  private readonly streamBuilder: StreamBuilder
  /** Why the user wants a fixed period; `undefined` leaves the pace to the core. */
  private readonly period: number | undefined
  private driver: Driver | undefined
  private started = false
  private halted = false
  private starting = false
  private readonly pending = new PendingTable()
  private readonly overflow = new Overflow()
  private readonly inbox: Inbox
  /** What is to be subscribed again. */
  private readonly subscriptions = new Map<string, ISubscriptionRequest>()
  private readonly holds = new Map<string, { count: number; own: boolean }>()
  /** Commands that wait until the outgoing store has been read. */
  private early: (() => void)[] | undefined
  private connectedBefore = false
  private offlineTold = false
  private tracing = false
  private lastId: number | null = null
  private lastSettings = ''
  private server: IConnackPacket['properties']
  private ended: Disconnected | undefined
  private readonly removed = new Set<number>()
  private aliases = new Set<number>()
  private finish: ((done: () => void) => void) | undefined
  private deferred: (() => void) | undefined
  private droppedTold = false

  static defaultId(): string {
    return `mqttjs_${Math.random().toString(16).slice(2, 10).padEnd(8, '0')}`
  }

  constructor(streamBuilder: StreamBuilder, options: IClientOptions) {
    super()
    this.streamBuilder = streamBuilder
    this.period = givenPeriod(options)
    this.options = fillDefaults(options, MqttClient.defaultId)
    this.log = options.log ?? makeLog()
    this.incomingStore = options.incomingStore ?? new Store()
    this.outgoingStore = options.outgoingStore ?? new Store()
    this.queueQoSZero = options.queueQoSZero ?? true
    this.messageIdProvider = options.messageIdProvider ?? new DefaultMessageIdProvider()
    this.inbox = new Inbox(
      this,
      {
        acknowledge: (ack, reason) => this.driver?.core.acknowledge(ack, reason),
        giveBack: (ack) => this.driver?.core.giveBack(ack),
        wake: () => this.driver?.schedule(),
      },
      () => this.handleMessage !== MqttClient.prototype.handleMessage,
    )
    this.open()
    const { signal } = options
    if (signal) {
      if (signal.aborted) process.nextTick(this.onAbort)
      else signal.addEventListener('abort', this.onAbort, { once: true })
    }
    if (!options.manualConnect) this.connect()
  }

  private readonly onAbort = (): void => {
    this.end(true)
  }

  // Beginning.

  /** Makes the core, without connecting yet. */
  private open(): Driver {
    const { timerVariant } = this.options
    const waiter = typeof timerVariant === 'object' ? waiterOf(timerVariant) : nativeWaiter
    const driver = new Driver(allSettings(this.options, this.period), this.ownerOf(), waiter)
    this.driver = driver
    this.lastSettings = fingerprint(connectSettings(this.options))
    this.started = false
    this.halted = false
    this.connectedBefore = false
    this.offlineTold = false
    this.tellDropped()
    if (this.subscriptions.size > 0) this.subscribeAgain(driver)
    this.replay()
    return driver
  }

  connect(): this {
    const driver = this.driver ?? this.open()
    if (this.started && !this.halted) return this
    if (this.disconnecting && this.disconnected) this.disconnecting = this.disconnected = false
    this.started = true
    this.halted = false
    this.starting = true
    driver.start()
    this.starting = false
    return this
  }

  /** What the last run left in the store goes out first. */
  private replay(): void {
    const store = this.outgoingStore
    if (store instanceof Store && store._isEmpty) return
    this.early = []
    const packets: Packet[] = []
    const resume = (): void => {
      const waiting = this.early ?? []
      this.early = undefined
      for (const packet of packets) this.resend(packet)
      for (const act of waiting) act()
    }
    let stream
    try {
      stream = store.createStream()
    } catch (error) {
      this.emit('error', error as Error)
      return resume()
    }
    stream.on('data', (packet: Packet) => packets.push(packet))
    stream.once('error', (error: Error) => {
      this.emit('error', error)
      if (this.early !== undefined) resume()
    })
    stream.once('end', () => {
      if (this.early !== undefined) resume()
    })
  }

  private resend(packet: Packet): void {
    const forget = { messageId: packet.messageId! }
    this.outgoingStore.del(forget, noop)
    if (packet.cmd !== 'publish') {
      this.diagnose('release-forgotten', `PUBREL of message ${packet.messageId} is of an earlier run`)
      return
    }
    const { topic, payload, qos, retain, properties } = packet
    this.submit({ topic, payload, qos, retain, properties }, undefined, undefined)
  }

  private subscribeAgain(driver: Driver): void {
    for (const request of this.subscriptions.values()) {
      const properties = encodeProperties(this.isV5 ? request.properties : undefined)
      driver.core.subscribe(0xffff_ffff, [[request.topic, optionsByte(request)]], properties)
    }
  }

  private get isV5(): boolean {
    return this.options.protocolVersion === 5
  }

  /** MQTT 3.1.1 has no properties: once for each client that is said. */
  private tellDropped(): void {
    const { properties, will } = this.options
    if (this.isV5 || this.droppedTold || !(hasAny(properties) || hasAny(will?.properties))) return
    this.dropped()
  }

  private dropped(): void {
    if (this.droppedTold) return
    this.droppedTold = true
    const text = 'Properties need protocolVersion 5: they are left out'
    process.nextTick(() => this.diagnose('properties-dropped', text))
  }

  // Publish.

  publish(topic: string, message: string | Buffer): this
  publish(topic: string, message: string | Buffer, callback?: PacketCallback): this
  publish(
    topic: string,
    message: string | Buffer,
    opts?: IClientPublishOptions,
    callback?: PacketCallback,
  ): this
  publish(
    topic: string,
    message: string | Buffer,
    given?: IClientPublishOptions | PacketCallback,
    callback?: PacketCallback,
  ): this {
    const done = (typeof given === 'function' ? given : callback) as PacketCallback | undefined
    const options = (typeof given === 'function' ? undefined : given) ?? {}
    if (this.isDisconnecting(done)) return this
    const qos = options.qos ?? 0
    const request: Request = {
      topic,
      payload: message,
      qos,
      retain: options.retain === true,
      properties: options.properties,
    }
    const refused = this.refusal(request)
    if (refused !== undefined) {
      if (done) done(refused)
      return this
    }
    if (this.early === undefined) this.submit(request, done, options.cbStorePut)
    else this.early.push(() => this.submit(request, done, options.cbStorePut))
    return this
  }

  publishAsync(topic: string, message: string | Buffer): Promise<Packet | undefined>
  publishAsync(
    topic: string,
    message: string | Buffer,
    opts?: IClientPublishOptions,
  ): Promise<Packet | undefined>
  publishAsync(
    topic: string,
    message: string | Buffer,
    opts?: IClientPublishOptions,
  ): Promise<Packet | undefined> {
    return new Promise((resolve, reject) => {
      this.publish(topic, message, opts, (error, packet) => {
        if (error) reject(error)
        else resolve(packet)
      })
    })
  }

  /** What is wrong with it at this moment. */
  private refusal({ topic, qos, properties }: Request): Error | undefined {
    if (qos === 0 && !this.connected && !this.queueQoSZero) {
      return new Error('No connection to broker')
    }
    const alias = this.isV5 ? properties?.topicAlias : undefined
    if (alias === undefined || !this.connected) return undefined
    if (alias < 1 || alias > (this.server?.topicAliasMaximum ?? 0)) {
      return new Error('Sending Topic Alias out of range')
    }
    if (topic !== '') this.aliases.add(alias)
    else if (!this.aliases.has(alias)) return new Error('Unregistered Topic Alias')
    return undefined
  }

  private submit(
    { topic, payload, qos, retain, properties }: Request,
    done: PacketCallback | undefined,
    onStored: (() => void) | undefined,
  ): void {
    const packet: IPublishPacket = { cmd: 'publish', topic, payload, qos, retain, messageId: 0, dup: false }
    if (this.isV5) packet.properties = properties
    else if (properties !== undefined && hasAny(properties)) this.dropped()
    this.overflow.take({
      submit: () => this.accept(packet, done, onStored),
      fail: (error) => done?.(refusalError(error), packet),
      bytes: payload?.length ?? 0,
    })
  }

  /** Hands it to the core; throws if that does not take it. */
  private accept(
    packet: IPublishPacket,
    done: PacketCallback | undefined,
    onStored: (() => void) | undefined,
  ): void {
    const { driver } = this
    if (driver === undefined) throw new Error('client disconnecting')
    const { topic, payload, qos, retain, properties } = packet
    const pending: PendingPublish = { kind: 'publish', packet, stored: false, done: done as PendingPublish['done'] }
    const token = this.pending.add(pending)
    try {
      const wire = properties === undefined ? EMPTY : encodeProperties(properties)
      packet.messageId = driver.core.publish(token, topic, bytesOf(payload), qos, retain, wire)
    } catch (error) {
      this.pending.take(token)
      throw error
    }
    driver.schedule()
    if (qos > 0) this.keep(driver, token, pending, onStored)
  }

  /** Nothing is written until the store has it. */
  private keep(
    driver: Driver,
    token: number,
    pending: PendingPublish,
    onStored: (() => void) | undefined,
  ): void {
    const id = pending.packet.messageId!
    this.lastId = id
    this.messageIdProvider.register(id)
    pending.stored = true
    let told = false
    driver.holdWrites()
    this.outgoingStore.put(pending.packet, (error) => {
      if (told) return
      told = true
      driver.releaseWrites()
      if (!error) return onStored?.()
      pending.stored = false
      if (this.pending.get(token) !== pending) return
      const { done } = pending
      pending.done = undefined
      this.removed.add(token)
      this.abandon(id)
      done?.(error)
    })
  }

  private abandon(id: number): void {
    try {
      this.driver?.core.abandon(id)
      this.driver?.schedule()
    } catch {
      // It has its outcome already, which is on its way.
    }
  }

  removeOutgoingMessage(messageId: number): this {
    for (const [token, pending] of this.pending.all()) {
      if (pending.kind !== 'publish' || pending.packet.messageId !== messageId) continue
      if (pending.packet.qos === 0) continue
      this.removed.add(token)
      this.abandon(messageId)
    }
    return this
  }

  // Subscribe and unsubscribe.

  subscribe(topicObject: string | string[] | ISubscriptionMap): this
  subscribe(
    topicObject: string | string[] | ISubscriptionMap,
    callback?: ClientSubscribeCallback,
  ): this
  subscribe(
    topicObject: string | string[] | ISubscriptionMap,
    opts?: IClientSubscribeOptions | IClientSubscribeProperties,
  ): this
  subscribe(
    topicObject: string | string[] | ISubscriptionMap,
    opts?: IClientSubscribeOptions | IClientSubscribeProperties,
    callback?: ClientSubscribeCallback,
  ): this
  subscribe(
    topics: string | string[] | ISubscriptionMap,
    given?: IClientSubscribeOptions | IClientSubscribeProperties | ClientSubscribeCallback,
    callback?: ClientSubscribeCallback,
  ): this {
    const done = (typeof given === 'function' ? given : callback) ?? noop
    const options = (typeof given === 'function' ? undefined : given) ?? {}
    const { requests, again } = requestsOf(topics, options, this.isV5)
    const invalid = validateTopics(requests.map(({ topic }) => topic))
    if (invalid !== null) {
      setImmediate(done, new Error(`Invalid topic ${invalid}`))
      return this
    }
    if (this.isDisconnecting(done === noop ? undefined : done)) return this
    const wanted = requests.filter(({ topic, qos }) => {
      const held = this.subscriptions.get(topic)
      return again || held === undefined || held.qos < qos
    })
    if (wanted.length === 0) {
      done(null, [])
      return this
    }
    if (this.options.resubscribe !== false) {
      for (const request of wanted) this.subscriptions.set(request.topic, { ...request })
    }
    const act = (): void => this.askForFilters('subscribe', wanted, options.properties, (error, codes, packet) => {
      const granted = wanted.map((request, index) => ({
        ...request,
        qos: (codes?.[index] ?? request.qos) as ISubscriptionGrant['qos'],
      }))
      done(error, granted, packet)
    })
    if (this.early === undefined) act()
    else this.early.push(act)
    return this
  }

  subscribeAsync(topicObject: string | string[] | ISubscriptionMap): Promise<ISubscriptionGrant[]>
  subscribeAsync(
    topicObject: string | string[] | ISubscriptionMap,
    opts?: IClientSubscribeOptions | IClientSubscribeProperties,
  ): Promise<ISubscriptionGrant[]>
  subscribeAsync(
    topicObject: string | string[] | ISubscriptionMap,
    opts?: IClientSubscribeOptions | IClientSubscribeProperties,
  ): Promise<ISubscriptionGrant[]> {
    return new Promise((resolve, reject) => {
      this.subscribe(topicObject, opts, (error, granted) => {
        if (error) reject(error)
        else resolve(granted ?? [])
      })
    })
  }

  unsubscribe(topic: string | string[]): this
  unsubscribe(topic: string | string[], opts?: IClientUnsubscribeProperties): this
  unsubscribe(topic: string | string[], callback?: PacketCallback): this
  unsubscribe(
    topic: string | string[],
    opts?: IClientUnsubscribeProperties,
    callback?: PacketCallback,
  ): this
  unsubscribe(
    topic: string | string[],
    given?: IClientUnsubscribeProperties | PacketCallback,
    callback?: PacketCallback,
  ): this {
    const done = (typeof given === 'function' ? given : callback) ?? noop
    const options = (typeof given === 'function' ? undefined : given) ?? {}
    const topics = Array.isArray(topic) ? topic : [topic]
    const invalid = validateTopics(topics)
    if (invalid !== null) {
      setImmediate(done, new Error(`Invalid topic ${invalid}`))
      return this
    }
    if (this.isDisconnecting(done === noop ? undefined : done)) return this
    for (const one of topics) this.subscriptions.delete(one)
    const requests = topics.map((one) => ({ topic: one, qos: 0 as const }))
    const act = (): void => this.askForFilters('unsubscribe', requests, options.properties, (error, _codes, packet) => {
      done(error as Error, packet)
    })
    if (this.early === undefined) act()
    else this.early.push(act)
    return this
  }

  unsubscribeAsync(topic: string | string[]): Promise<Packet | undefined>
  unsubscribeAsync(
    topic: string | string[],
    opts?: IClientUnsubscribeProperties,
  ): Promise<Packet | undefined>
  unsubscribeAsync(
    topic: string | string[],
    opts?: IClientUnsubscribeProperties,
  ): Promise<Packet | undefined> {
    return new Promise((resolve, reject) => {
      this.unsubscribe(topic, opts, (error, packet) => {
        if (error) reject(error)
        else resolve(packet)
      })
    })
  }

  private askForFilters(
    kind: 'subscribe' | 'unsubscribe',
    requests: ISubscriptionRequest[],
    properties: object | undefined,
    done: NonNullable<PendingFilters['done']>,
  ): void {
    if (!this.isV5 && hasAny(properties)) this.dropped()
    const topics = requests.map(({ topic }) => topic)
    const pending: PendingFilters = { kind, topics, requests, ids: [], answer: undefined, done }
    const token = this.pending.add(pending)
    try {
      if (this.driver === undefined) throw new Error('client disconnecting')
      const own = properties ?? requests[0]?.properties
      const wire = encodeProperties(this.isV5 ? own : undefined)
      // The identifiers of its packets are seen by the trace alone.
      this.trace()
      if (kind === 'unsubscribe') this.driver.core.unsubscribe(token, topics, wire)
      else {
        const filters = requests.map((request) => [request.topic, optionsByte(request)] as const)
        this.driver.core.subscribe(token, filters, wire)
      }
      this.driver.schedule()
    } catch (error) {
      this.pending.take(token)
      if (kind === 'subscribe') for (const topic of topics) this.subscriptions.delete(topic)
      const refused = refusalError(error)
      process.nextTick(() => done(refused))
    }
  }

  /**
   * The messages of one subscription, for `for await`. The subscription ends
   * with the loop, unless it was there before.
   */
  messages(filter: string, options: IMessagesOptions = {}): AsyncIterableIterator<IMessage> {
    return new Messages(this, filter, options)
  }

  /** @internal Counts the loops over a filter; true for the last one of a filter of their own. */
  _hold(filter: string, begins: boolean): boolean {
    const hold = this.holds.get(filter) ?? { count: 0, own: !this.subscriptions.has(filter) }
    hold.count += begins ? 1 : -1
    if (hold.count > 0) {
      this.holds.set(filter, hold)
      return false
    }
    this.holds.delete(filter)
    return hold.own
  }

  /** @internal Holds messages back while somebody has enough of them. */
  _block(wanted: boolean): void {
    this.inbox.block(wanted)
  }

  // The end.

  end(cb?: DoneCallback): this
  end(force?: boolean): this
  end(opts?: Partial<IDisconnectPacket>, cb?: DoneCallback): this
  end(force?: boolean, cb?: DoneCallback): this
  end(force?: boolean, opts?: Partial<IDisconnectPacket>, cb?: DoneCallback): this
  end(...given: unknown[]): this {
    const force = given.find((one) => typeof one === 'boolean') === true
    const options = given.find((one) => typeof one === 'object' && one !== null) as
      | Partial<IDisconnectPacket>
      | undefined
    const done = (given.find((one) => typeof one === 'function') ?? noop) as DoneCallback
    if (this.disconnecting) {
      done()
      return this
    }
    this.disconnecting = true
    this.finish = (then) => {
      this.closeStores((error) => {
        this.disconnected = true
        this.emit('end')
        done(error)
        then()
      })
    }
    const driver = this.driver
    if (driver === undefined) {
      setImmediate(() => this.onStopped())
      return this
    }
    const act = (): void => {
      try {
        const limitMs = this.options.connectTimeout ?? 30_000
        const properties = encodeProperties(this.isV5 ? options?.properties : undefined)
        driver.stop(force, limitMs, this.isV5 ? options?.reasonCode : undefined, properties)
      } catch (error) {
        this.emit('error', refusalError(error))
        driver.stop(force, 0, undefined, EMPTY)
      }
    }
    const begin = (): void => (force ? act() : this.overflow.whenEmpty(act))
    if (this.early === undefined || force) begin()
    else this.early.push(begin)
    return this
  }

  endAsync(): Promise<void>
  endAsync(force?: boolean): Promise<void>
  endAsync(opts?: Partial<IDisconnectPacket>): Promise<void>
  endAsync(force?: boolean, opts?: Partial<IDisconnectPacket>): Promise<void>
  endAsync(...given: any[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = this.end.bind(this) as (...all: unknown[]) => void
      end(...given, (error?: Error) => {
        if (error) reject(error)
        else resolve()
      })
    })
  }

  private closeStores(done: (error?: Error) => void): void {
    this.incomingStore.close((first) => {
      this.outgoingStore.close((second) => done(first ?? second ?? undefined))
    })
  }

  private onStopped(): void {
    this.driver = undefined
    this.connected = false
    this.reconnecting = false
    this.inbox.clear()
    this.early = undefined
    for (const [token] of this.pending.all()) this.failPending(token, new Error('Connection closed'))
    this.overflow.failAll(new Error('Connection closed'))
    this.options.signal?.removeEventListener('abort', this.onAbort)
    const finish = this.finish
    this.finish = undefined
    this.tellState({ state: 'closed' })
    finish?.(() => {
      const deferred = this.deferred
      this.deferred = undefined
      deferred?.()
    })
  }

  /** After `end()`, or to connect anew at once. */
  reconnect(opts?: Pick<IClientOptions, 'incomingStore' | 'outgoingStore'>): this {
    const act = (): void => {
      this.incomingStore = opts?.incomingStore ?? new Store()
      this.outgoingStore = opts?.outgoingStore ?? new Store()
      this.disconnecting = false
      this.disconnected = false
      this.reconnecting = true
      this.open()
      // It is no first connection, for the events.
      this.connectedBefore = true
      this.connect()
    }
    if (this.disconnecting && !this.disconnected) this.deferred = act
    else if (this.driver === undefined) act()
    else if (!this.started || this.halted) {
      this.connectedBefore = this.started
      this.reconnecting = this.started
      this.connect()
    } else this.driver.reconnect()
    return this
  }

  private isDisconnecting(done: ((error: any) => void) | undefined): boolean {
    if (!this.disconnecting) return false
    const error = new Error('client disconnecting')
    if (done) done(error)
    else this.emit('error', error)
    return true
  }

  // To be overridden.

  /** Holds up the messages behind this one, and its acknowledgement, until it calls back. */
  handleMessage(_packet: IPublishPacket, callback: DoneCallback): void {
    callback()
  }

  /** Answers a step of enhanced authentication (MQTT 5). */
  handleAuth(_packet: IAuthPacket, callback: PacketCallback): void {
    callback()
  }

  // What people read.

  getLastMessageId(): number {
    return this.lastId ?? (this.messageIdProvider.getLastAllocated() as number)
  }

  /** Properties of the last CONNACK. */
  get serverProperties(): IConnackPacket['properties'] {
    return this.server
  }

  /** Seconds in force on this connection. */
  get keepalive(): number {
    const inForce = this.driver?.core.number(Question.KeepAlive)
    if (inForce !== undefined && !Number.isNaN(inForce)) return inForce
    return this.options.keepalive ?? 60
  }

  /** A snapshot: what waits for an acknowledgement, by packet identifier. */
  get outgoing(): Record<
    number,
    { volatile: boolean; cmd: PendingCommand['cmd']; cb: (error: Error, packet?: Packet) => void }
  > {
    const outgoing: MqttClient['outgoing'] = {}
    for (const [, pending] of this.pending.all()) {
      const cb = (pending.done ?? noop) as (error: Error, packet?: Packet) => void
      if (pending.kind !== 'publish') {
        for (const id of pending.ids) outgoing[id] = { volatile: true, cmd: pending.kind, cb }
      } else if (pending.packet.qos > 0) {
        outgoing[pending.packet.messageId!] = { volatile: false, cmd: 'publish', cb }
      }
    }
    return outgoing
  }

  /** A snapshot: what waits for a connection and is not in the outgoing store. */
  get queue(): { packet: Packet; cb: PacketCallback }[] {
    if (this.connected) return []
    return this.pending.all().flatMap(([, pending]) => {
      if (pending.kind === 'publish' && pending.packet.qos > 0) return []
      return [{ packet: packetOf(pending), cb: (pending.done ?? noop) as PacketCallback }]
    })
  }

  /** A snapshot: the filters of each SUBSCRIBE that waits for its answer. */
  get messageIdToTopic(): Record<number, string[]> {
    const topics: Record<number, string[]> = {}
    for (const [, pending] of this.pending.all()) {
      if (pending.kind !== 'subscribe') continue
      for (const id of pending.ids) topics[id] = pending.topics
    }
    return topics
  }

  /** Asks the server for a sign of life, within the core's rules. */
  sendPing(): void {
    this.driver?.core.probe()
    this.driver?.schedule()
  }

  /** Does nothing: the core counts from what was really written. */
  reschedulePing(_force?: boolean): void {}

  /** Leaves this connection for a new one. */
  onKeepaliveTimeout(): void {
    this.emit('error', new Error('Keepalive timeout'))
    if (this.connected) this.driver?.reconnect()
  }

  // What the driver tells.

  private ownerOf(): DriverOwner {
    return {
      forgivesRefusals: this.period !== undefined,
      onOpening: (server, redirect) => this.onOpening(server, redirect),
      openStream: () => {
        this.stream = this.streamBuilder(this, this.options)
        return this.stream
      },
      credentials: () => this.credentials(),
      changedSettings: () => this.changedSettings(),
      onStreamError: (error) => this.onStreamError(error),
      onTurn: (over) => this.onTurn(over),
      mostMessages: () => this.inbox.most(),
      onRoom: () => this.overflow.flush(),
      onStopped: () => this.onStopped(),
      onPublished: (token, failed) => this.onPublished(token, failed),
      onSubscribed: (token, failed, codes) => this.onFilters(token, failed, codes),
      onUnsubscribed: (token, failed, codes) => this.onFilters(token, failed, codes),
      onAnswered: (token, type, id, _reason, properties) => {
        this.onAnswered(token, type, id, properties)
      },
      onMessage: (message: Message) => this.inbox.take(message),
      onPacket: (sent, version, bytes) => this.onPacket(sent, version, bytes),
      onEvent: (code, _conn, a, b, text) => this.onEvent(code, a, b, text),
      onConnected: (_conn, version, present, assigned, properties) => {
        this.onConnected(version, present, assigned, properties)
      },
      onDisconnected: (ended) => {
        this.tellEnded()
        this.ended = ended
      },
      onAuthenticate: (conn, done, data) => this.onAuthenticate(conn, done, data),
      onThrown: (error) => {
        process.nextTick(() => {
          throw error
        })
      },
      onTrap: (error) => this.onTrap(error),
    }
  }

  private onOpening(server: number, redirect: string): void {
    const { servers } = this.options
    this._target = servers && servers.length > 0 ? servers[server % servers.length] : undefined
    if (redirect !== '') this._target = redirected(redirect, this.options)
    if (!this.connectedBefore) {
      this.connectedBefore = true
      return
    }
    this._reconnectCount += 1
    this.reconnecting = true
    this.emit('reconnect')
  }

  private credentials(): ICredentials | undefined | Promise<ICredentials | undefined> {
    const { credentials, username, password } = this.options
    if (credentials) return Promise.resolve().then(() => credentials())
    if (username === undefined && password === undefined) return undefined
    return {
      ...(username == null ? {} : { username }),
      ...(password == null ? {} : { password }),
    }
  }

  private changedSettings(): Setting[] | undefined {
    const settings = connectSettings(this.options)
    const now = fingerprint(settings)
    if (now === this.lastSettings) return undefined
    this.lastSettings = now
    return settings
  }

  private onStreamError(error: Error): void {
    this.log('stream failed:', error.message)
    if (!this.disconnecting) this.emit('error', error)
  }

  private onTurn(over: boolean): void {
    if (!over) return this.trace()
    this.tellEnded()
  }

  private trace(): void {
    const wanted =
      this.pending.filters > 0 ||
      this.listenerCount('packetsend') > 0 ||
      this.listenerCount('packetreceive') > 0
    if (wanted === this.tracing && this.driver !== undefined) return
    this.tracing = wanted
    this.driver?.core.trace(wanted)
  }

  private onPublished(token: number, failed: Failed | undefined): void {
    const pending = this.pending.take(token) as PendingPublish | undefined
    if (pending === undefined) return
    const removed = this.removed.delete(token)
    const { packet, done } = pending
    if (packet.qos === 0) {
      if (failed === undefined) done?.()
      else done?.(failureError(failed))
      return
    }
    this.messageIdProvider.deallocate(packet.messageId!)
    const error = failed === undefined ? null : failureError(failed, removed)
    const tell = (): void => {
      done?.(error, packet)
      this.tellEmpty()
    }
    if (!pending.stored) return tell()
    this.outgoingStore.del(packet, tell)
  }

  private tellEmpty(): void {
    if (this.disconnecting && this.pending.outstanding === 0) this.emit('outgoingEmpty')
  }

  private onFilters(token: number, failed: Failed | undefined, codes: number[]): void {
    const pending = this.pending.take(token) as PendingFilters | undefined
    if (pending === undefined) return
    const { kind, topics, done } = pending
    const packet = this.answerOf(pending, codes)
    const isRefused = kind === 'subscribe' && codes.some((code) => code >= 0x80)
    if (kind === 'subscribe') {
      topics.forEach((topic, index) => {
        if (failed !== undefined || (codes[index] ?? 0) >= 0x80) this.subscriptions.delete(topic)
      })
    }
    if (failed !== undefined) {
      done?.(failureError(failed), undefined, undefined)
    } else if (isRefused) {
      const code = codes.find((one) => one >= 0x80)!
      const text = `Subscribe error: ${ReasonCodes[code] ?? code}`
      done?.(new ErrorWithSubackPacket(text, packet as ISubackPacket), codes, packet)
    } else done?.(null, codes, packet)
    this.tellEmpty()
  }

  /** The packet that answered, or one like it if it was in parts or unseen. */
  private answerOf(pending: PendingFilters, codes: number[]): ISubackPacket | IUnsubackPacket {
    const { answer, ids } = pending
    if (answer !== undefined && ids.length <= 1) return answer
    const cmd = pending.kind === 'subscribe' ? 'suback' : 'unsuback'
    return { ...(answer ?? {}), cmd, messageId: ids[0], granted: codes } as ISubackPacket
  }

  private onAnswered(token: number, type: number, id: number, properties: Buffer): void {
    const pending = this.pending.get(token)
    if (pending === undefined || pending.kind === 'publish' || type < SUBACK) return
    const cmd = pending.kind === 'subscribe' ? 'suback' : 'unsuback'
    const said = decodeProperties(properties)
    pending.answer ??= { cmd, messageId: id, granted: [], properties: said } as ISubackPacket
  }

  private onPacket(sent: boolean, version: number, bytes: Buffer): void {
    const event = sent ? 'packetsend' : 'packetreceive'
    const packet = decodePacket(bytes, version)
    if (this.pending.filters > 0) this.follow(packet)
    this.emit(event, packet)
  }

  /** Which identifiers the SUBSCRIBEs and UNSUBSCRIBEs that wait have. */
  private follow(packet: Packet): void {
    if (packet.cmd === 'subscribe' || packet.cmd === 'unsubscribe') {
      const sent =
        packet.cmd === 'subscribe'
          ? packet.subscriptions.map(({ topic }) => topic)
          : packet.unsubscriptions
      for (const [, pending] of this.pending.all()) {
        if (pending.kind !== packet.cmd || !pending.topics.includes(sent[0]!)) continue
        pending.ids.push(packet.messageId!)
        this.lastId = packet.messageId!
        return
      }
    } else if (packet.cmd === 'suback' || packet.cmd === 'unsuback') {
      const kind = packet.cmd === 'suback' ? 'subscribe' : 'unsubscribe'
      for (const [, pending] of this.pending.all()) {
        if (pending.kind !== kind || !pending.ids.includes(packet.messageId!)) continue
        pending.answer = packet
        return
      }
    }
  }

  private onConnected(
    version: number,
    sessionPresent: boolean,
    assigned: string | undefined,
    properties: Buffer,
  ): void {
    this.connected = true
    this.reconnecting = false
    this.disconnected = false
    this.offlineTold = false
    this.aliases.clear()
    const said = decodeProperties(properties) as IConnackPacket['properties']
    this.server = assigned === undefined ? said : { ...said, assignedClientIdentifier: assigned }
    const keepalive = this.keepalive
    if (keepalive > 0) {
      this.keepaliveManager = new KeepaliveManager(this, 'native', false)
      this.keepaliveManager.setKeepalive(keepalive)
    }
    const packet = {
      cmd: 'connack',
      retain: false,
      qos: 0,
      dup: false,
      length: version === 5 ? 3 + properties.length : 2,
      topic: null,
      payload: null,
      sessionPresent,
      [version === 5 ? 'reasonCode' : 'returnCode']: 0,
      ...(this.server === undefined ? {} : { properties: this.server }),
    } as unknown as IConnackPacket
    this.log('connected')
    this.tellState({ state: 'online' })
    this.emit('connect', packet)
  }

  /** A connection or an attempt is over, and what follows is known by now. */
  private tellEnded(): void {
    const ended = this.ended
    if (ended === undefined) return
    this.ended = undefined
    const wasConnected = this.connected
    this.connected = false
    this.reconnecting = !this.halted && !this.disconnecting
    this.keepaliveManager?.destroy()
    this.keepaliveManager = null
    if (wasConnected) this.failFilters()
    this.log('disconnected:', ended.text)
    this.diagnose('disconnected', ended.text)
    if (ended.cause === Cause.ServerDisconnect) this.emit('disconnect', disconnectPacket(ended))
    const error = this.disconnecting ? undefined : endError(ended)
    const late = ended.cause === Cause.ConnectTimeout || ended.cause === Cause.KeepAlive
    if (error !== undefined && !late) this.emit('error', error)
    this.tellOffline()
    if (error !== undefined && late) this.emit('error', error)
    this.emit('close')
  }

  private tellOffline(): void {
    if (this.offlineTold || !this.reconnecting) return
    this.offlineTold = true
    this.emit('offline')
  }

  /** Their callers learn that the connection is lost; the core asks again all the same. */
  private failFilters(): void {
    for (const [, pending] of this.pending.all()) {
      if (pending.kind === 'publish') continue
      pending.ids = []
      const { done } = pending
      pending.done = undefined
      if (pending.kind === 'unsubscribe') done?.(new Error('Connection closed'))
      else done?.(new ErrorWithSubackPacket('Connection closed', undefined as unknown as ISubackPacket))
    }
  }

  private failPending(token: number, error: Error): void {
    const pending = this.pending.take(token)
    if (pending === undefined) return
    if (pending.kind === 'publish' && pending.packet.qos > 0) {
      this.messageIdProvider.deallocate(pending.packet.messageId!)
    }
    ;(pending.done as ((error: Error) => void) | undefined)?.(error)
  }

  private onEvent(code: number, a: number, b: number, text: string): void {
    if (code === EventCode.Connecting) return this.tellState({ state: 'connecting', attempt: a })
    if (code === EventCode.Retry) {
      const cause = this.ended?.text
      this.tellEnded()
      return this.tellState(
        this.period === 0
          ? { state: 'halted', ...(cause === undefined ? {} : { cause }) }
          : { state: 'waiting', attempt: a, retryInMs: b, ...(cause === undefined ? {} : { cause }) },
      )
    }
    if (code === EventCode.Halted) {
      this.halted = true
      const cause = this.ended?.text
      this.tellEnded()
      this.reconnecting = false
      this.tellState({ state: 'halted', ...(cause === undefined ? {} : { cause }) })
      if (a === Halt.Disabled) return
    }
    if (code === EventCode.Pong) this.keepaliveManager?.reschedule()
    const kind = diagnosisOf(code)
    if (kind !== undefined) this.diagnose(kind, text)
  }

  private tellState(state: IClientState): void {
    // Whoever has just called `connect()` listens by then.
    if (this.starting) process.nextTick(() => this.emit('state', state))
    else this.emit('state', state)
  }

  private diagnose(kind: string, text: string): void {
    this.log(describe(kind, text))
    this.emit('diagnosis', { kind, text })
  }

  private onAuthenticate(conn: number, done: boolean, data: Buffer): void {
    const packet: IAuthPacket = {
      cmd: 'auth',
      reasonCode: done ? 0 : 24,
      properties: {
        authenticationMethod: this.options.properties?.authenticationMethod ?? '',
        authenticationData: data,
      },
    }
    const driver = this.driver
    let told = false
    this.handleAuth(packet, (error, answer) => {
      if (told || driver === undefined || driver !== this.driver) return
      told = true
      const said = (answer as IAuthPacket | undefined)?.properties?.authenticationData
      if (error) this.emit('error', error)
      driver.core.authenticate(conn, error ? undefined : (said ?? EMPTY))
      driver.schedule()
    })
  }

  private onTrap(error: unknown): void {
    this.driver = undefined
    this.started = false
    this.connected = false
    this.reconnecting = false
    this.inbox.clear()
    const failed = new EvenkeelError(
      'The core has failed, which is a bug of evenkeel: please report it; `reconnect()` begins anew',
      'CORE_FAILED',
      { cause: error },
    )
    for (const [token] of this.pending.all()) this.failPending(token, failed)
    this.overflow.failAll(failed)
    this.tellState({ state: 'closed', cause: failed.message })
    this.emit('error', failed)
    this.emit('close')
    if (this.disconnecting) this.onStopped()
  }
}

interface Request {
  topic: string
  payload: string | Buffer
  qos: 0 | 1 | 2
  retain: boolean
  properties: IPublishPacket['properties']
}

function hasAny(properties: object | undefined | null): boolean {
  return properties != null && Object.keys(properties).length > 0
}

function bytesOf(payload: unknown): string | Uint8Array {
  if (typeof payload === 'string' || payload instanceof Uint8Array) return payload
  if (payload === undefined || payload === null) return EMPTY
  throw new TypeError('Invalid payload: give a string or a Buffer')
}

/** Equal for settings that say the same. */
function fingerprint(settings: Setting[]): string {
  return JSON.stringify(settings.map(([key, value]) => [key, typeof value === 'object' ? Buffer.from(value).toString('latin1') : value]))
}

function packetOf(pending: Pending): Packet {
  if (pending.kind === 'publish') return pending.packet
  const messageId = pending.ids[0]
  if (pending.kind === 'unsubscribe') {
    return { cmd: 'unsubscribe', unsubscriptions: pending.topics, messageId } as Packet
  }
  return { cmd: 'subscribe', subscriptions: pending.requests, messageId } as Packet
}

function disconnectPacket(ended: Disconnected): IDisconnectPacket {
  const properties = decodeProperties(ended.properties)
  return {
    cmd: 'disconnect',
    retain: false,
    qos: 0,
    dup: false,
    length: 1 + (ended.properties.length > 0 ? 1 + ended.properties.length : 0),
    topic: null,
    payload: null,
    reasonCode: ended.reason ?? 0,
    ...(properties === undefined ? {} : { properties }),
  } as unknown as IDisconnectPacket
}

/** `host` or `host:port`, as the server named it. */
function redirected(reference: string, options: IClientOptions): Server {
  const [, host = reference, port] = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(reference) ?? []
  return { host, port: port === undefined ? (options.port ?? 1883) : Number(port) }
}
