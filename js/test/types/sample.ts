// Compiled, never run: what programs in strict TypeScript do with the package.
import mqtt, {
  connect,
  connectAsync,
  type ErrorWithReasonCode,
  type IClientOptions,
  type IClientPublishOptions,
  type IClientSubscribeOptions,
  type IConnackPacket,
  type IMessageIdProvider,
  type IPublishPacket,
  type ISubscriptionGrant,
  type ISubscriptionMap,
  type IStore,
  MqttClient,
  type MqttProtocol,
  type Packet,
  ReasonCodes,
  Store,
  type StreamBuilder,
  UniqueMessageIdProvider,
} from 'mqtt'
import * as everything from 'mqtt'
import { connect as connectTcp } from 'node:net'

const protocol: MqttProtocol = 'wss'
const options: IClientOptions = {
  protocol,
  host: 'h',
  port: 8883,
  username: 'u',
  password: Buffer.from('p'),
  clientId: 'c',
  clean: false,
  keepalive: 30,
  reconnectPeriod: 1000,
  protocolVersion: 5,
  will: { topic: 'w', payload: Buffer.alloc(0), qos: 1, retain: true, properties: { willDelayInterval: 1 } },
  properties: { sessionExpiryInterval: 10, userProperties: { a: ['b', 'c'] } },
  outgoingStore: new Store({ clean: false }),
  messageIdProvider: new UniqueMessageIdProvider(),
  customHandleAcks: (_topic, _message, _packet, cb) => cb(0),
  transformWsUrl: (url, _options, client) => `${url}${client.options.clientId}`,
  wsOptions: { headers: { a: 'b' } },
  servers: [{ host: 'a', port: 1, protocol: 'mqtts' }],
  credentials: async () => ({ username: 'u', password: 'p' }),
  reconnect: { base: 1, cap: 2 },
  profile: { name: 'mine', publish: { maximum_qos: { value: 1, on_break: { rejects: 155 } } } },
  signal: new AbortController().signal,
}

const client: MqttClient = connect('mqtt://h', options)
const other: mqtt.MqttClient = mqtt.connect(options)
everything.connect('mqtt://h')

client.on('connect', (packet: IConnackPacket) => packet.sessionPresent)
client.on('message', (topic: string, payload: Buffer, packet: IPublishPacket) => {
  topic.toUpperCase()
  payload.toString()
  packet.properties?.userProperties
})
client.on('error', (error: Error | ErrorWithReasonCode) => {
  if ('code' in error) ReasonCodes[error.code]
})
client.on('packetsend', (packet: Packet) => packet.cmd)
client.once('close', () => {}).on('offline', () => {}).on('state', ({ state }) => state === 'online')
client.on('diagnosis', ({ kind, text }) => kind + text)

const publishing: IClientPublishOptions = { qos: 1, retain: true, properties: { contentType: 't' } }
client.publish('a', 'x').publish('a', Buffer.alloc(1), publishing, (error, packet) => {
  error?.message
  packet?.messageId
})
const subscribing: IClientSubscribeOptions = { qos: 1, nl: true }
const map: ISubscriptionMap = { a: { qos: 0 }, b: { qos: 2 } } as ISubscriptionMap
client.subscribe(['a', 'b'], subscribing, (error, granted?: ISubscriptionGrant[]) => {
  if (error === null) granted?.[0]?.qos
})
client.subscribe(map)
client.unsubscribe('a', (error?: Error) => error?.message)
client.end(true, { reasonCode: 4 }, () => {})
client.reconnect({ outgoingStore: new Store() })
client.handleMessage = (packet, callback) => {
  packet.topic.length
  callback()
}
client.removeOutgoingMessage(client.getLastMessageId())

const builder: StreamBuilder = () => connectTcp(1)
new MqttClient(builder, {})
const provider: IMessageIdProvider = new UniqueMessageIdProvider()
provider.allocate()
const store: IStore = new Store()
store.put({ cmd: 'publish', topic: 'a', payload: 'x', qos: 1, dup: false, retain: false, messageId: 1 }, () => {})

async function all(): Promise<void> {
  const made: MqttClient = await connectAsync('mqtt://h', options, false)
  const { signal } = new AbortController()
  const packet: Packet | undefined = await made.publishAsync('a', 'x', { qos: 1, signal })
  await made.subscribeAsync('a', { signal })
  await made.subscribeAsync('a', { qos: 1, signal })
  await made.unsubscribeAsync('a', { signal })
  await made.endAsync({ reasonCode: 4, signal })
  const granted: ISubscriptionGrant[] = await made.subscribeAsync('a')
  for await (const { topic, payload } of made.messages('a/+')) topic + payload.toString() + granted + packet
  await made.endAsync()
}
void all
void other
