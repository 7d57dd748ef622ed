//! A tunnel through an HTTP proxy (CONNECT).
import type { Socket } from 'node:net'

import type { Greeting } from './greeting'

export interface HttpProxy {
  host: string
  port: number
  /** `user:password`, as the header wants it. */
  login: string | undefined
}

export function parseHttpProxy(url: string): HttpProxy {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    throw new Error('The URL of the HTTP proxy is not one: give http://host:port')
  }
  if (parsed.protocol !== 'http:') {
    throw new Error(`Unknown proxy protocol "${parsed.protocol}": use http`)
  }
  const name = decodeURIComponent(parsed.username)
  const password = decodeURIComponent(parsed.password)
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port: parsed.port === '' ? 80 : Number(parsed.port),
    login: name === '' ? undefined : Buffer.from(`${name}:${password}`).toString('base64'),
  }
}

export async function greetHttp(
  proxy: HttpProxy,
  host: string,
  port: number,
  socket: Socket,
  greeting: Greeting,
): Promise<void> {
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const login = proxy.login === undefined ? '' : `Proxy-Authorization: Basic ${proxy.login}\r\n`
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${login}\r\n`)
  const answer = await greeting.take((held) => {
    const end = held.indexOf('\r\n\r\n')
    return end < 0 ? -1 : end + 4
  })
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(answer.toString('latin1'))?.[1]
  if (status === undefined) throw new Error('The proxy did not answer with HTTP')
  if (!status.startsWith('2')) throw new Error(`The HTTP proxy refused the connection (status ${status})`)
}
