//! `wx`, `wxs`, `ali` and `alis`: WebSocket as mini programs have it.
import { EvenkeelError } from '../../errors'
import { alipay, weChat, type Api, type Asked, type SocketTask } from '../../platform/mini/api'
import type { Opener } from '../../platform/platform'
import type { IClientOptions } from '../../types'
import { openAt, type Socket } from '../browser-websocket'
import { subProtocols } from '../websocket-common'
import { onlyTask } from './only'
import { base64, TaskSocket } from './socket'

const USUAL_PORT: Record<string, number> = { ws: 80, wss: 443 }

export const openWeChat: Opener = (options, client) => {
  const make = (url: string): TaskSocket => {
    const api = weChat()
    if (api === undefined) throw absent('wx.connectSocket', 'wx and wxs are for mini programs of WeChat')
    return new TaskSocket(url, (fail) => taskOf(api, { ...asked(url, options), tcpNoDelay: true, fail }))
  }
  return openAt(urlOf(options), own(make), options, client)
}

export const openAlipay: Opener = (options, client) => {
  const make = (url: string): TaskSocket => {
    const api = alipay(options.my)
    if (api === undefined) throw absent('my.connectSocket', 'ali and alis are for mini programs of Alipay')
    return new TaskSocket(url, (fail) => taskOf(api, { ...asked(url, options), multiple: true, fail }), base64)
  }
  return openAt(urlOf(options), own(make), options, client)
}

/** Unless the caller makes WebSockets. */
function own(make: (url: string) => Socket) {
  return (url: string, options: IClientOptions): Socket | Promise<Socket> =>
    options.createWebsocket?.(url, subProtocols(options), options) ?? make(url)
}

/** What both hosts know. */
function asked(url: string, options: IClientOptions): Omit<Asked, 'fail'> {
  const header = options.wsOptions?.headers as object | undefined
  return { url, protocols: subProtocols(options), ...(header && { header }), success() {} }
}

function absent(what: string, hint: string): Error {
  return new EvenkeelError(`There is no ${what} here; hint: ${hint}`, 'NOT_SUPPORTED')
}

function taskOf(api: Api, asked: Asked): SocketTask {
  const task = api.connectSocket(asked) as SocketTask | undefined
  // Old versions give none.
  return typeof task?.onOpen === 'function' ? task : onlyTask(api)
}

/** The list of servers that a mini program may talk to names no usual port. */
function urlOf({ protocol, hostname, port, path }: IClientOptions): string {
  const scheme = protocol === 'wxs' || protocol === 'alis' ? 'wss' : 'ws'
  const host = hostname!.includes(':') ? `[${hostname}]` : hostname
  return `${scheme}://${host}${port === USUAL_PORT[scheme] ? '' : `:${port}`}${path || '/'}`
}
