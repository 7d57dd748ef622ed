//! Options and callbacks, by the names that MQTT.js's users know.
import type { Duplex } from 'node:stream'

import type { MqttClient } from './client'
import type { Timer } from './clock'
import type { ErrorWithReasonCode } from './errors'
import type { IMessageIdProvider } from './ids'
import type {
  IAuthPacket,
  IConnackPacket,
  IConnectPacket,
  IDisconnectPacket,
  IPublishPacket,
  ISubackPacket,
  ISubscribePacket,
  IUnsubscribePacket,
  Packet,
  QoS,
} from './packets'
import type { IProfile } from './profile'
import type { ISession } from './session/session'
import type { IStore } from './store'

export type BaseMqttProtocol =
  | 'wss'
  | 'ws'
  | 'mqtt'
  | 'mqtts'
  | 'tcp'
  | 'ssl'
  | 'wx'
  | 'wxs'
  | 'ali'
  | 'alis'
export type MqttProtocolWithUnix = `${BaseMqttProtocol}+unix`
export type MqttProtocol = BaseMqttProtocol | MqttProtocolWithUnix

export type DoneCallback = (error?: Error) => void
export type GenericCallback<T> = (error?: Error, result?: T) => void
export type VoidCallback = () => void
export type Callback = () => void
export type StorePutCallback = () => void
export type OnConnectCallback = (packet: IConnackPacket) => void
export type OnDisconnectCallback = (packet: IDisconnectPacket) => void
export type ClientSubscribeCallback = (
  err: Error | null,
  granted?: ISubscriptionGrant[],
  packet?: ISubackPacket,
) => void
export type OnMessageCallback = (topic: string, payload: Buffer, packet: IPublishPacket) => void
export type OnPacketCallback = (packet: Packet) => void
export type OnCloseCallback = () => void
export type OnErrorCallback = (error: Error | ErrorWithReasonCode) => void
export type PacketCallback = (error?: Error | ErrorWithReasonCode, packet?: Packet) => any
export type CloseCallback = (error?: Error) => void

export type IStream = Duplex & {
  /** For WebSocket: the socket underneath. */
  socket?: any
}
export type StreamBuilder = (client: MqttClient, opts?: IClientOptions) => IStream
export type TimerVariant = 'auto' | 'worker' | 'native'

/** Chooses the code of PUBACK and PUBREC (MQTT 5). */
export type AckHandler = (
  topic: string,
  message: Buffer,
  packet: any,
  cb: (error: Error | number, code?: number) => void,
) => void

/** What waits for an acknowledgement. */
export type PendingCommand = 'publish' | 'pubrel' | 'subscribe' | 'unsubscribe'

export interface ISecureClientOptions {
  key?: string | string[] | Buffer | Buffer[] | any[]
  keyPath?: string
  cert?: string | string[] | Buffer | Buffer[]
  certPath?: string
  ca?: string | string[] | Buffer | Buffer[]
  caPaths?: string | string[]
  rejectUnauthorized?: boolean
  ALPNProtocols?: string[] | Buffer[] | Uint8Array[] | Buffer | Uint8Array
}

/** How connections are opened again. All times in milliseconds. */
export interface IReconnectOptions {
  /** Upper end of the first delay; doubled at each further attempt. Default 1000. */
  base?: number
  /** Upper end of every delay. Default 60000. */
  cap?: number
  /** Whether delays vary at random. Default true. */
  jitter?: boolean
  /** Online for so long, and of use: the growth begins anew. Default 30000. */
  stableAfter?: number
  /** Attempts in a row before the client gives up. Default: no bound. */
  attempts?: number
  /** Connects in any `budgetWindow`, whatever the cause; 0 for no bound. Default 8. */
  budget?: number
  /** Default 60000. */
  budgetWindow?: number
  /** Least time between two connects if the connection between them was short. Default 0. */
  floor?: number
  /** After a refusal for good. Default `'halt-unless-proven'`. */
  refused?: 'halt' | 'halt-unless-proven' | 'slow-lane'
  /** After the second take-over within ten minutes. Default `'halt'`. */
  takenOver?: 'halt' | 'slow-lane'
}

/** What CONNECT of one attempt says of the user. */
export interface ICredentials {
  username?: string
  password?: Buffer | string
}

export interface IClientOptions extends ISecureClientOptions {
  encoding?: BufferEncoding
  browserBufferSize?: number
  browserBufferTimeout?: number
  binary?: boolean
  objectMode?: boolean
  my?: any
  manualConnect?: boolean
  /** Its data answers a server's AUTH that `handleAuth` leaves without an answer. */
  authPacket?: Partial<IAuthPacket>
  writeCache?: boolean
  servername?: string
  defaultProtocol?: MqttProtocol
  query?: Record<string, string>
  auth?: string
  /** `socks4:`, `socks4a:`, `socks5:` or `socks5h:`; else the environment's MQTTJS_SOCKS_PROXY. */
  socksProxy?: string
  /** Milliseconds. */
  socksTimeout?: number
  /** Ours: `http://[user:password@]host:port`, asked to CONNECT. */
  httpProxy?: string
  customHandleAcks?: AckHandler
  port?: number
  host?: string
  /** Deprecated: `host`. */
  hostname?: string
  unixSocket?: boolean
  path?: string
  protocol?: MqttProtocol
  wsOptions?: { [option: string]: any }
  /** Milliseconds between attempts, exactly; 0 for never. Not given: see `reconnect`. */
  reconnectPeriod?: number
  reconnectOnConnackError?: boolean
  /** Milliseconds. Default 30000. */
  connectTimeout?: number
  incomingStore?: IStore
  outgoingStore?: IStore
  /** Ours: keeps messages and the state of their delivery beyond this process or page. Needs `clientId`. */
  session?: ISession
  queueQoSZero?: boolean
  log?: (...args: any[]) => void
  autoUseTopicAlias?: boolean
  autoAssignTopicAlias?: boolean
  reschedulePings?: boolean
  servers?: Array<{
    host: string
    port: number
    protocol?: 'wss' | 'ws' | 'mqtt' | 'mqtts' | 'tcp' | 'ssl' | 'wx' | 'wxs'
  }>
  resubscribe?: boolean
  subscribeBatchSize?: number | null
  /** Called before every attempt; may return a promise. */
  transformWsUrl?: (
    url: string,
    options: IClientOptions,
    client: MqttClient,
  ) => string | Promise<string>
  createWebsocket?: (url: string, websocketSubProtocols: string[], options: IClientOptions) => any
  messageIdProvider?: IMessageIdProvider
  clientId?: string
  protocolVersion?: IConnectPacket['protocolVersion']
  protocolId?: IConnectPacket['protocolId']
  clean?: boolean
  /** Seconds. Default 60; 0 for none. */
  keepalive?: number
  username?: string
  password?: Buffer | string
  will?: IConnectPacket['will']
  properties?: IConnectPacket['properties']
  timerVariant?: TimerVariant | Timer
  forceNativeWebSocket?: boolean

  /** Ours: user name and password, asked for before every attempt. */
  credentials?: () => ICredentials | Promise<ICredentials>
  /** Ours: how connections are opened again. */
  reconnect?: IReconnectOptions
  /** Ours: the limits of the broker: a known one's, such as `'aws-iot-core'`, or your own. */
  profile?: string | IProfile
  /** Ours: ends the client as `end(true)` does. */
  signal?: AbortSignal
  /** For TLS: any option of `tls.connect`. */
  pfx?: string | string[] | Buffer | Buffer[] | any[]
  passphrase?: string
}

export interface IClientPublishOptions {
  qos?: QoS
  retain?: boolean
  /** Ignored: the client sets it where the protocol wants it. */
  dup?: boolean
  properties?: IPublishPacket['properties']
  cbStorePut?: StorePutCallback
}

export interface IClientReconnectOptions {
  incomingStore?: IStore
  outgoingStore?: IStore
}

export interface IClientSubscribeProperties {
  properties?: ISubscribePacket['properties']
}

export interface IClientSubscribeOptions extends IClientSubscribeProperties {
  qos: QoS
  nl?: boolean
  rap?: boolean
  rh?: number
}

export interface ISubscriptionRequest extends IClientSubscribeOptions {
  topic: string
}

export interface ISubscriptionGrant extends Omit<ISubscriptionRequest, 'qos' | 'properties'> {
  qos: QoS | 128
}

export type ISubscriptionMap = {
  [topic: string]: IClientSubscribeOptions
} & {
  resubscribe?: boolean
}

export interface IClientUnsubscribeProperties {
  properties?: IUnsubscribePacket['properties']
}

/** Where the client stands; told by the event 'state'. */
export interface IClientState {
  state: 'stopped' | 'waiting' | 'connecting' | 'online' | 'halted' | 'closed'
  /** Number of the attempt since the last stable connection. */
  attempt?: number
  /** Milliseconds until the next attempt, when the state is `waiting`. */
  retryInMs?: number
  /** Why the last connection ended, in words. */
  cause?: string
}

/** Something worth knowing, in words; told by the event 'diagnosis'. */
export interface IDiagnosis {
  /** For programs: such as `disconnected`, `loop`, `quarantined`, `properties-dropped`. */
  kind: string
  /** For people. */
  text: string
}

export interface MqttClientEventCallbacks {
  connect: OnConnectCallback
  message: OnMessageCallback
  packetsend: OnPacketCallback
  packetreceive: OnPacketCallback
  disconnect: OnDisconnectCallback
  error: OnErrorCallback
  close: OnCloseCallback
  end: VoidCallback
  reconnect: VoidCallback
  offline: VoidCallback
  outgoingEmpty: VoidCallback
  state: (state: IClientState) => void
  diagnosis: (diagnosis: IDiagnosis) => void
}
