//! What WeChat's and Alipay's mini programs offer, as far as it is used here. Both have the
//! same names, as their documentation has them:
//! <https://developers.weixin.qq.com/miniprogram/dev/api/network/websocket/wx.connectSocket.html>,
//! <https://opendocs.alipay.com/mini/api/vx19c3>.

/** What `fail` and `onError` are told; Alipay has a number with its text. */
export interface Failure {
  errMsg?: string
  errorMessage?: string
  error?: number
}

export interface Message {
  data: unknown
  /** Alipay: the data is base64. */
  isBuffer?: boolean
}

export interface Sent {
  data: ArrayBuffer | string
  isBuffer?: boolean
  success(): void
  fail(failure?: Failure): void
}

export interface Closing {
  code?: number
  success?(): void
  fail?(failure?: Failure): void
}

/** One WebSocket. */
export interface SocketTask {
  onOpen(act: () => void): void
  onMessage(act: (message: Message) => void): void
  onClose(act: (event?: { code?: number; reason?: string }) => void): void
  onError(act: (failure?: Failure) => void): void
  send(sent: Sent): void
  close(closing: Closing): void
}

/** What `connectSocket` is asked for. */
export interface Asked {
  url: string
  protocols: string[]
  header?: object
  /** WeChat. */
  tcpNoDelay?: boolean
  /** Alipay: a `SocketTask` is wanted. */
  multiple?: boolean
  success(): void
  fail(failure?: Failure): void
}

export interface Api {
  connectSocket(asked: Asked): unknown
  /** Of the only WebSocket, in versions that have no `SocketTask`. */
  onSocketOpen?: SocketTask['onOpen']
  onSocketMessage?: SocketTask['onMessage']
  onSocketClose?: SocketTask['onClose']
  onSocketError?: SocketTask['onError']
  sendSocketMessage?: SocketTask['send']
  closeSocket?: SocketTask['close']
  onAppShow?(act: () => void): void
  offAppShow?(act: () => void): void
  onNetworkStatusChange?(act: (status: { isConnected: boolean }) => void): void
  offNetworkStatusChange?(act: (status: { isConnected: boolean }) => void): void
}

declare const wx: Api | undefined
declare const my: Api | undefined

const isApi = (one: unknown): one is Api => typeof (one as Api | undefined)?.connectSocket === 'function'

export function weChat(): Api | undefined {
  return typeof wx !== 'undefined' && isApi(wx) ? wx : undefined
}

/** `given`: the option `my`, which MQTT.js demands. */
export function alipay(given?: unknown): Api | undefined {
  if (isApi(given)) return given
  return typeof my !== 'undefined' && isApi(my) ? my : undefined
}
