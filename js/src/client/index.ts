//! The client: what MQTT.js's users know, on the core.
import { TypedEventEmitter } from '../emitter'
import { DefaultMessageIdProvider, type IMessageIdProvider } from '../ids'
import type { KeepaliveManager } from '../keepalive'
import { makeLog } from '../log'
import { type IMessage, type IMessagesOptions, Messages } from '../messages'
import { fillDefaults, givenPeriod } from '../options'
import type { IAuthPacket, IConnackPacket, IDisconnectPacket, IPublishPacket, Packet } from '../packets'
import { type IStore, Store } from '../store'
import type {
  ClientSubscribeCallback,
  DoneCallback,
  IClientOptions,
  IClientPublishOptions,
  IClientSubscribeOptions,
  IClientSubscribeProperties,
  IClientUnsubscribeProperties,
  IStream,
  ISubscriptionGrant,
  ISubscriptionMap,
  MqttClientEventCallbacks,
  PacketCallback,
  StreamBuilder,
} from '../types'
import { VERSION } from '../version'
import { abortable, type IAbortable } from './abortable'
import type { Server } from './attempts'
import { noop, split } from './common'
import { Parts } from './parts'
import { type Outgoing, outgoingOf, type Queued, queueOf, topicsOf } from './snapshots'

const NO_OPTIONS: IClientPublishOptions = {}

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

  private readonly parts: Parts

  static defaultId(): string {
    return `mqttjs_${Math.random().toString(16).slice(2, 10).padEnd(8, '0')}`
  }

  constructor(streamBuilder: StreamBuilder, options: IClientOptions) {
    super()
    const period = givenPeriod(options)
    this.options = fillDefaults(options, MqttClient.defaultId)
    this.log = options.log ?? makeLog()
    this.incomingStore = options.incomingStore ?? new Store()
    this.outgoingStore = options.outgoingStore ?? new Store()
    this.queueQoSZero = options.queueQoSZero ?? true
    this.messageIdProvider = options.messageIdProvider ?? new DefaultMessageIdProvider()
    this.parts = new Parts(this, {
      streamBuilder,
      period,
      isOverridden: () => this.handleMessage !== MqttClient.prototype.handleMessage,
    })
    this.parts.start.open()
    this.parts.ending.watch(options.signal)
    if (!options.manualConnect) this.connect()
  }

  connect(): this {
    this.parts.start.connect()
    return this
  }

  /** After `end()`, or to connect anew at once. */
  reconnect(opts?: Pick<IClientOptions, 'incomingStore' | 'outgoingStore'>): this {
    this.parts.start.reconnect(opts)
    return this
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
    opts?: IClientPublishOptions | PacketCallback,
    callback?: PacketCallback,
  ): this {
    const { publishing } = this.parts
    if (typeof opts === 'function') publishing.publish(topic, message, NO_OPTIONS, opts)
    else publishing.publish(topic, message, opts ?? NO_OPTIONS, callback)
    return this
  }

  publishAsync(topic: string, message: string | Buffer): Promise<Packet | undefined>
  publishAsync(
    topic: string,
    message: string | Buffer,
    opts?: IClientPublishOptions & IAbortable,
  ): Promise<Packet | undefined>
  publishAsync(
    topic: string,
    message: string | Buffer,
    opts?: IClientPublishOptions & IAbortable,
  ): Promise<Packet | undefined> {
    return abortable(
      opts?.signal,
      (done) => this.publish(topic, message, opts, done),
      (done) => this.parts.publishing.withdraw(done),
    )
  }

  removeOutgoingMessage(messageId: number): this {
    this.parts.publishing.remove(messageId)
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
    topicObject: string | string[] | ISubscriptionMap,
    opts?: IClientSubscribeOptions | IClientSubscribeProperties | ClientSubscribeCallback,
    callback?: ClientSubscribeCallback,
  ): this {
    this.parts.subscriptions.subscribe(topicObject, ...split(opts, callback))
    return this
  }

  subscribeAsync(topicObject: string | string[] | ISubscriptionMap): Promise<ISubscriptionGrant[]>
  subscribeAsync(
    topicObject: string | string[] | ISubscriptionMap,
    opts?: (IClientSubscribeOptions | IClientSubscribeProperties) & IAbortable,
  ): Promise<ISubscriptionGrant[]>
  async subscribeAsync(
    topicObject: string | string[] | ISubscriptionMap,
    opts?: (IClientSubscribeOptions | IClientSubscribeProperties) & IAbortable,
  ): Promise<ISubscriptionGrant[]> {
    const { subscriptions } = this.parts
    const added = opts?.signal === undefined ? [] : subscriptions.notHeld(topicObject)
    const granted = await abortable<ISubscriptionGrant[]>(
      opts?.signal,
      (done) => this.subscribe(topicObject, opts, done),
      () => {
        if (added.length > 0 && !this.disconnecting) this.unsubscribe(added, noop)
      },
    )
    return granted ?? []
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
    opts?: IClientUnsubscribeProperties | PacketCallback,
    callback?: PacketCallback,
  ): this {
    this.parts.subscriptions.unsubscribe(topic, ...split(opts, callback))
    return this
  }

  unsubscribeAsync(topic: string | string[]): Promise<Packet | undefined>
  unsubscribeAsync(
    topic: string | string[],
    opts?: IClientUnsubscribeProperties & IAbortable,
  ): Promise<Packet | undefined>
  unsubscribeAsync(
    topic: string | string[],
    opts?: IClientUnsubscribeProperties & IAbortable,
  ): Promise<Packet | undefined> {
    return abortable(opts?.signal, (done) => this.unsubscribe(topic, opts, done), noop)
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
    return this.parts.subscriptions.hold(filter, begins)
  }

  /** @internal Holds messages back while somebody has enough of them. */
  _block(wanted: boolean): void {
    this.parts.inbox.block(wanted)
  }

  // The end.

  end(cb?: DoneCallback): this
  end(force?: boolean): this
  end(opts?: Partial<IDisconnectPacket>, cb?: DoneCallback): this
  end(force?: boolean, cb?: DoneCallback): this
  end(force?: boolean, opts?: Partial<IDisconnectPacket>, cb?: DoneCallback): this
  end(...given: unknown[]): this {
    const force = given.find((one) => typeof one === 'boolean') === true
    const packet = given.find((one) => typeof one === 'object' && one !== null)
    const done = given.find((one) => typeof one === 'function') ?? noop
    this.parts.ending.end(force, packet as Partial<IDisconnectPacket> | undefined, done as DoneCallback)
    return this
  }

  endAsync(): Promise<void>
  endAsync(force?: boolean): Promise<void>
  endAsync(opts?: Partial<IDisconnectPacket> & IAbortable): Promise<void>
  endAsync(force?: boolean, opts?: Partial<IDisconnectPacket> & IAbortable): Promise<void>
  endAsync(...given: any[]): Promise<void> {
    const end = this.end.bind(this) as (...all: unknown[]) => void
    const options = given.find((one) => typeof one === 'object' && one !== null) as IAbortable | undefined
    return abortable<void>(
      options?.signal,
      (done) => end(...given, done),
      () => this.end(true),
    )
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
    return this.parts.lastId ?? (this.messageIdProvider.getLastAllocated() as number)
  }

  /** Properties of the last CONNACK. */
  get serverProperties(): IConnackPacket['properties'] {
    return this.parts.connection.server
  }

  /** Seconds in force on this connection. */
  get keepalive(): number {
    return this.parts.connection.keepalive
  }

  /** A snapshot: what waits for an acknowledgement, by packet identifier. */
  get outgoing(): Outgoing {
    return outgoingOf(this.parts.pending)
  }

  /** A snapshot: what waits for a connection and is not in the outgoing store. */
  get queue(): Queued[] {
    return this.connected ? [] : queueOf(this.parts.pending)
  }

  /** A snapshot: the filters of each SUBSCRIBE that waits for its answer. */
  get messageIdToTopic(): Record<number, string[]> {
    return topicsOf(this.parts.pending)
  }

  /** Asks the server for a sign of life, within the core's rules. */
  sendPing(): void {
    this.parts.driver?.core.probe()
    this.parts.driver?.schedule()
  }

  /** Does nothing: the core counts from what was really written. */
  reschedulePing(_force?: boolean): void {}

  /** Leaves this connection for a new one. */
  onKeepaliveTimeout(): void {
    this.emit('error', new Error('Keepalive timeout'))
    if (this.connected) this.parts.driver?.reconnect()
  }
}
