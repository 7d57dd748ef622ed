//! SOCKS 4, 4a, 5 and 5h (RFC 1928, RFC 1929).
import { lookup } from 'node:dns/promises'
import { isIP, isIPv4, type Socket } from 'node:net'

import type { Greeting } from './greeting'

export interface SocksProxy {
  version: 4 | 5
  host: string
  port: number
  /** Whether the proxy looks up names, not we. */
  remoteNames: boolean
  username: string | undefined
  password: string | undefined
}

const VERSIONS: Record<string, Pick<SocksProxy, 'version' | 'remoteNames'>> = {
  'socks4:': { version: 4, remoteNames: false },
  'socks4a:': { version: 4, remoteNames: true },
  'socks5:': { version: 5, remoteNames: false },
  'socks5h:': { version: 5, remoteNames: true },
  'socks:': { version: 5, remoteNames: true },
}

export function parseSocks(url: string): SocksProxy {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    throw new Error('The URL of the SOCKS proxy is not one: give socks5h://host:port')
  }
  const kind = VERSIONS[parsed.protocol]
  if (kind === undefined) {
    throw new Error(`Unknown SOCKS protocol "${parsed.protocol}": use socks4, socks4a, socks5 or socks5h`)
  }
  return {
    ...kind,
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port: parsed.port === '' ? 1080 : Number(parsed.port),
    username: parsed.username === '' ? undefined : decodeURIComponent(parsed.username),
    password: parsed.password === '' ? undefined : decodeURIComponent(parsed.password),
  }
}

/** Asks for a connection to `host:port`. */
export async function greetSocks(
  proxy: SocksProxy,
  host: string,
  port: number,
  socket: Socket,
  greeting: Greeting,
): Promise<void> {
  if (proxy.version === 4) await socks4(proxy, host, port, socket, greeting)
  else await socks5(proxy, host, port, socket, greeting)
}

async function socks4(
  proxy: SocksProxy,
  host: string,
  port: number,
  socket: Socket,
  greeting: Greeting,
): Promise<void> {
  let address = isIPv4(host) ? host : undefined
  if (address === undefined && !proxy.remoteNames) {
    address = (await lookup(host, { family: 4 })).address
  }
  const ip = (address ?? '0.0.0.1').split('.').map(Number)
  const user = Buffer.from(proxy.username ?? '')
  const name = address === undefined ? Buffer.from(`${host}\0`) : Buffer.alloc(0)
  socket.write(
    Buffer.concat([Buffer.from([4, 1, port >> 8, port & 255, ...ip]), user, Buffer.from([0]), name]),
  )
  const answer = await greeting.bytes(8)
  if (answer[0] !== 0 || answer[1] !== 90) {
    throw new Error(`The SOCKS proxy refused the connection (code ${answer[1]})`)
  }
}

const ANSWERS = [
  'succeeded',
  'general failure',
  'not allowed by its rules',
  'network unreachable',
  'host unreachable',
  'connection refused',
  'TTL expired',
  'command not supported',
  'address type not supported',
]

async function socks5(
  proxy: SocksProxy,
  host: string,
  port: number,
  socket: Socket,
  greeting: Greeting,
): Promise<void> {
  const withName = proxy.username !== undefined
  socket.write(Buffer.from(withName ? [5, 2, 0, 2] : [5, 1, 0]))
  const method = await greeting.bytes(2)
  if (method[0] !== 5) throw new Error('The proxy does not speak SOCKS 5')
  if (method[1] === 2 && withName) await authenticate(proxy, socket, greeting)
  else if (method[1] !== 0) throw new Error('The SOCKS proxy accepts none of our ways to log in')
  socket.write(Buffer.concat([Buffer.from([5, 1, 0]), await addressOf(proxy, host), Buffer.from([port >> 8, port & 255])]))
  const head = await greeting.bytes(4)
  if (head[1] !== 0) {
    throw new Error(`The SOCKS proxy refused the connection: ${ANSWERS[head[1]!] ?? `code ${head[1]}`}`)
  }
  const length = head[3] === 1 ? 4 : head[3] === 4 ? 16 : (await greeting.bytes(1))[0]!
  await greeting.bytes(length + 2)
}

async function authenticate(proxy: SocksProxy, socket: Socket, greeting: Greeting): Promise<void> {
  const name = Buffer.from(proxy.username ?? '')
  const password = Buffer.from(proxy.password ?? '')
  if (name.length > 255 || password.length > 255) {
    throw new Error('SOCKS takes user names and passwords of 255 bytes at most')
  }
  socket.write(
    Buffer.concat([Buffer.from([1, name.length]), name, Buffer.from([password.length]), password]),
  )
  const answer = await greeting.bytes(2)
  if (answer[1] !== 0) throw new Error('The SOCKS proxy refused user name or password')
}

async function addressOf(proxy: SocksProxy, host: string): Promise<Buffer> {
  const address = isIP(host) === 0 && !proxy.remoteNames ? (await lookup(host)).address : host
  switch (isIP(address)) {
    case 4:
      return Buffer.from([1, ...address.split('.').map(Number)])
    case 6:
      return Buffer.from([4, ...ipv6(address)])
    default: {
      const name = Buffer.from(address)
      if (name.length > 255) throw new Error('SOCKS takes host names of 255 bytes at most')
      return Buffer.concat([Buffer.from([3, name.length]), name])
    }
  }
}

/** The 16 bytes of an address in any of its spellings. */
function ipv6(address: string): number[] {
  const [head = '', tail] = address.split('::')
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').flatMap((word) => wordsOf(word))
  const front = words(head)
  const back = tail === undefined ? [] : words(tail)
  const gap = new Array<number>(8 - front.length - back.length).fill(0)
  return [...front, ...(tail === undefined ? [] : gap), ...back].flatMap((word) => [word >> 8, word & 255])
}

function wordsOf(word: string): number[] {
  if (!word.includes('.')) return [Number.parseInt(word, 16)]
  const [a, b, c, d] = word.split('.').map(Number) as [number, number, number, number]
  return [(a << 8) | b, (c << 8) | d]
}
