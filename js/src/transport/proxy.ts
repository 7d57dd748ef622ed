//! A connection through a proxy, if one is set.
import { connect as connectTcp, type Socket } from 'node:net'

import type { IClientOptions } from '../types'
import { Greeting } from './greeting'
import { greetHttp, parseHttpProxy } from './http-proxy'
import { greetSocks, parseSocks } from './socks'

/** Opens a socket to `host:port` behind the proxy. */
export type Tunnel = (host: string, port: number, signal: AbortSignal) => Promise<Socket>

/** The way through the proxy that these options name; `undefined` for none. */
export function tunnelOf(options: IClientOptions): Tunnel | undefined {
  if (options.httpProxy !== undefined) {
    const proxy = parseHttpProxy(options.httpProxy)
    return (host, port, signal) =>
      through(proxy, options, signal, (socket, greeting) =>
        greetHttp(proxy, host, port, socket, greeting),
      )
  }
  if (options.socksProxy) {
    const proxy = parseSocks(options.socksProxy)
    return (host, port, signal) =>
      through(proxy, options, signal, (socket, greeting) =>
        greetSocks(proxy, host, port, socket, greeting),
      )
  }
  return undefined
}

async function through(
  proxy: { host: string; port: number },
  options: IClientOptions,
  signal: AbortSignal,
  greet: (socket: Socket, greeting: Greeting) => Promise<void>,
): Promise<Socket> {
  const socket = connectTcp({ host: proxy.host, port: proxy.port, noDelay: true })
  const greeting = new Greeting(socket)
  const giveUp = (): void => greeting.abort(new Error('The connection is not wanted any more'))
  signal.addEventListener('abort', giveUp)
  const limit = options.socksTimeout
  const timer =
    limit === undefined
      ? undefined
      : setTimeout(() => greeting.abort(new Error('The proxy takes too long')), limit)
  try {
    await greet(socket, greeting)
    greeting.done()
    return socket
  } catch (error) {
    socket.on('error', () => {})
    socket.destroy()
    throw error
  } finally {
    signal.removeEventListener('abort', giveUp)
    clearTimeout(timer)
  }
}
