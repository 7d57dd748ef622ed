// Compiled twice, never run: what programs in strict TypeScript do with MQTT.js 5.16, and
// with this package in its place. Nothing here is ours alone.
import mqtt, {
  type AckHandler,
  applyMixin,
  type BaseMqttProtocol,
  Client,
  type ClientSubscribeCallback,
  type CloseCallback,
  connect,
  connectAsync,
  type Constructor,
  DefaultMessageIdProvider,
  type DoneCallback,
  ErrorWithReasonCode,
  ErrorWithSubackPacket,
  type GenericCallback,
  type IClientOptions,
  type IClientPublishOptions,
  type IClientReconnectOptions,
  type IClientSubscribeOptions,
  type IClientSubscribeProperties,
  type IClientUnsubscribeProperties,
  type IConnackPacket,
  type IDisconnectPacket,
  type IPublishPacket,
  type ISecureClientOptions,
  type IStore,
  type IStream,
  type ISubscriptionGrant,
  type ISubscriptionMap,
  type ISubscriptionRequest,
  KeepaliveManager,
  MqttClient,
  type MqttClientEventCallbacks,
  type MqttProtocol,
  MQTTJS_VERSION,
  nextTick,
  type OnCloseCallback,
  type OnConnectCallback,
  type OnDisconnectCallback,
  type OnErrorCallback,
  type OnMessageCallback,
  type OnPacketCallback,
  type Packet,
  type PacketCallback,
  type PendingCommand,
  ReasonCodes,
  Store,
  type StorePutCallback,
  type StreamBuilder,
  type Timer,
  type TimerVariant,
  UniqueMessageIdProvider,
  validateTopic,
  validateTopics,
  type VoidCallback,
} from 'mqtt'
import * as everything from 'mqtt'
import { connect as connectTcp } from 'node:net'
import type { Readable } from 'node:stream'

// Options, as objects of these types that are put together.

const tls: ISecureClientOptions = {
  key: [Buffer.alloc(1)],
  cert: 'pem',
  ca: ['pem'],
  rejectUnauthorized: false,
  ALPNProtocols: ['mqtt'],
}
const base: BaseMqttProtocol = 'mqtts'
const unix: MqttProtocol = `${base}+unix`
const timer: Timer = { set: (act, ms) => setInterval(act, ms), clear: (id) => clearInterval(id) }
const variant: TimerVariant = 'native'
const choose: AckHandler = (topic, message, packet, done) => {
  if (topic === '' || message.length === 0 || packet.dup) done(new Error('no'), 131)
  else done(0)
}
const socket: StreamBuilder = (client, options) => {
  client.log(options?.host)
  return connectTcp(1883)
}
const options: IClientOptions = {
  ...tls,
  protocol: unix,
  servers: [{ host: 'a', port: 1, protocol: 'wss' }],
  clientId: 'c',
  clean: false,
  protocolId: 'MQTT',
  protocolVersion: 5,
  keepalive: 1,
  reconnectPeriod: 0,
  connectTimeout: 1,
  username: 'u',
  password: Buffer.alloc(1),
  incomingStore: new Store({ clean: false }),
  outgoingStore: new Store(),
  queueQoSZero: false,
  customHandleAcks: choose,
  autoUseTopicAlias: true,
  autoAssignTopicAlias: true,
  reconnectOnConnackError: true,
  properties: {
    sessionExpiryInterval: 1,
    receiveMaximum: 2,
    maximumPacketSize: 3,
    topicAliasMaximum: 4,
    requestResponseInformation: true,
    requestProblemInformation: false,
    userProperties: { a: 'b', c: ['d', 'e'] },
    authenticationMethod: 'm',
    authenticationData: Buffer.alloc(1),
  },
  authPacket: { reasonCode: 0 },
  will: {
    topic: 'w',
    payload: 'gone',
    qos: 2,
    retain: true,
    properties: { willDelayInterval: 1, contentType: 't', correlationData: Buffer.alloc(1) },
  },
  transformWsUrl: (url, own, client) => `${url}?${own.clientId}${client.options.clientId}`,
  createWebsocket: (url, protocols, own) => ({ url, protocols, own }),
  wsOptions: { headers: { a: 'b' }, perMessageDeflate: false },
  messageIdProvider: new UniqueMessageIdProvider(),
  timerVariant: timer,
  subscribeBatchSize: 8,
  socksProxy: 'socks5h://h',
  log: (...args) => console.log(...args),
}
const less: Partial<IClientOptions> = { timerVariant: variant }
const defaults: Pick<IClientOptions, 'keepalive' | 'will'> = options

// Clients, however they are made and imported.

const client: MqttClient = connect('mqtt://h', { ...defaults, ...less, ...options })
const second: mqtt.MqttClient = mqtt.connect(options)
const third: MqttClient = everything.connect('mqtt://h')
const own = new MqttClient(socket, {})
const named: MqttClient = new Client(socket, options)

class Device extends MqttClient {
  readonly seen: string[] = []

  constructor(readonly id: string) {
    super(socket, { clientId: id })
    this.on('message', this.take)
  }

  private readonly take: OnMessageCallback = (topic, payload, packet) => {
    this.seen.push(`${topic} ${payload.toString()} ${packet.qos}`)
  }

  override handleMessage(packet: IPublishPacket, done: DoneCallback): void {
    if (packet.payload.length > 10) done(new Error('too large'))
    else done()
  }
}

// Events, each by its own kind of callback.

const connected: OnConnectCallback = ({ sessionPresent, returnCode, reasonCode, properties }: IConnackPacket) => {
  const code: number | undefined = returnCode ?? reasonCode
  void [sessionPresent, code, properties?.assignedClientIdentifier, properties?.maximumQoS]
}
const gone: OnDisconnectCallback = (packet: IDisconnectPacket) => packet.properties?.serverReference
const failed: OnErrorCallback = (error) => {
  if (error instanceof ErrorWithReasonCode) ReasonCodes[error.code as keyof typeof ReasonCodes]
  error.message.trim()
}
const moved: OnPacketCallback = (packet) => {
  if (packet.cmd === 'publish') packet.payload.length
  else if (packet.cmd === 'suback') packet.granted.length
  else if (packet.cmd === 'subscribe') packet.subscriptions[0]?.nl
  else if (packet.cmd === 'connack') packet.sessionPresent
}
const closed: OnCloseCallback = () => {}
const quiet: VoidCallback = () => {}
client
  .on('connect', connected)
  .on('disconnect', gone)
  .on('error', failed)
  .on('packetsend', moved)
  .on('packetreceive', moved)
  .on('close', closed)
  .on('end', quiet)
  .once('reconnect', quiet)
  .once('offline', quiet)
  .once('outgoingEmpty', quiet)
client.off('close', closed).removeListener('connect', connected)
const names: Array<keyof MqttClientEventCallbacks> = client.eventNames()
const handlers: MqttClientEventCallbacks['message'][] = client.listeners('message')
client.emit('error', new Error('of one\'s own'))

// Publish, subscribe, unsubscribe, end: callbacks and promises.

const publishing: IClientPublishOptions = {
  qos: 1,
  retain: true,
  dup: false,
  properties: { topicAlias: 1, messageExpiryInterval: 2, subscriptionIdentifier: [1, 2] },
}
const stored: StorePutCallback = () => {}
const published: PacketCallback = (error, packet) => {
  if (error === undefined || error === null) return packet?.messageId
  return 'code' in error ? error.code : error.message
}
client.publish('a', 'x').publish('a', Buffer.alloc(1), published)
client.publish('a', 'x', { ...publishing, cbStorePut: stored }, published)

const wanted: IClientSubscribeOptions = { qos: 2, nl: true, rap: true, rh: 1 }
const told: IClientSubscribeProperties = { properties: { subscriptionIdentifier: 5 } }
const granted: ClientSubscribeCallback = (error, grants, suback) => {
  if (error instanceof ErrorWithSubackPacket) error.packet.granted.length
  for (const grant of grants ?? []) {
    const { topic, qos, nl }: ISubscriptionGrant = grant
    const refused: boolean = qos === 128
    void [topic, nl, refused, suback?.cmd]
  }
}
const request: ISubscriptionRequest = { topic: 'a', ...wanted, ...told }
const map = { a: wanted, 'b/#': { qos: 0 } } as ISubscriptionMap
client.subscribe('a').subscribe(['a', request.topic], granted).subscribe(map, granted)
client.subscribe('a', wanted, granted).subscribe('b', told)
const leaving: IClientUnsubscribeProperties = { properties: { userProperties: { a: 'b' } } }
client.unsubscribe('a', leaving, published).unsubscribe(['a'], published).unsubscribe('b')
const over: CloseCallback = (error) => error?.message
const done: DoneCallback = (error) => error?.message
client.end(over).end(true).end(true, done).end({ reasonCode: 4 }, done)
client.end(false, { properties: { sessionExpiryInterval: 1 } }, done)
const again: IClientReconnectOptions = { incomingStore: new Store(), outgoingStore: new Store() }
client.reconnect(again).connect().removeOutgoingMessage(client.getLastMessageId())

async function promises(): Promise<Array<Packet | undefined>> {
  const one = await connectAsync('mqtt://h', options, false)
  const two: MqttClient = await mqtt.connectAsync(options)
  const grants: ISubscriptionGrant[] = await one.subscribeAsync(map)
  await two.subscribeAsync(grants.map(({ topic }) => topic), wanted)
  const packets = [
    await one.publishAsync('a', 'x'),
    await one.publishAsync('a', Buffer.alloc(0), publishing),
    await one.unsubscribeAsync('a'),
  ]
  await one.endAsync(true)
  await two.endAsync({ reasonCode: 0 })
  return packets
}

// What people read, and what they bring.

const flags: boolean[] = [
  client.connected,
  client.reconnecting,
  client.disconnecting,
  client.disconnected,
  client.queueQoSZero,
]
const command: PendingCommand | undefined = client.outgoing[1]?.cmd
const isRelease: boolean = command === 'pubrel'
const waiting: { packet: Packet; cb: PacketCallback }[] = client.queue
const filters: string[] | undefined = client.messageIdToTopic[1]
const stream: IStream = client.stream
const seconds: number = client.keepalive
const limit: number | undefined = client.serverProperties?.receiveMaximum
const keeper: KeepaliveManager = new KeepaliveManager(client, 'auto')
keeper.setKeepalive(client.keepaliveManager?.keepalive ?? seconds)
client.handleAuth = (packet, callback) => callback(undefined, { cmd: 'auth', reasonCode: packet.reasonCode })
client.sendPing()
client.reschedulePing(true)

class Disk implements IStore {
  put(packet: Packet, cb: DoneCallback): this {
    cb(packet.messageId === undefined ? new Error('no identifier') : undefined)
    return this
  }
  createStream(): ReturnType<IStore['createStream']> {
    return new Store().createStream()
  }
  del(packet: Pick<Packet, 'messageId'>, cb: PacketCallback): this {
    cb(undefined, { cmd: 'pubrel', messageId: packet.messageId ?? 0 })
    return this
  }
  get(_packet: Pick<Packet, 'messageId'>, cb: (error?: Error, packet?: Packet) => void): this {
    cb(new Error('missing packet'))
    return this
  }
  close(cb: DoneCallback): void {
    cb()
  }
}
const readable: Pick<Readable, 'pipe' | 'destroy'> = new Disk().createStream() as Readable
const provider = new DefaultMessageIdProvider()
const id: number | null = provider.allocate()
provider.register(id ?? 1)

// The rest of the names.

const valid: boolean = validateTopic('a/+')
const invalid: string | null = validateTopics(['a/#/b'])
const result: GenericCallback<number> = (error, value) => void [error, value]
const Mixed: Constructor = class {}
applyMixin(Mixed, Device, true)
nextTick(result, undefined, 7)
const version: string = MQTTJS_VERSION
void [second, third, own, named, names, handlers, promises, flags, isRelease, waiting, filters]
void [stream, limit, readable, valid, invalid, version]
