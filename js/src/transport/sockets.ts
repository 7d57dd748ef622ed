//! TCP, TLS and Unix sockets.
import { isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ConnectionOptions, TLSSocket } from 'node:tls'

import type { IClientOptions } from '../types'
import { LateStream } from './late'
import { connectPlaced } from './placed'
import { tunnelOf } from './proxy'
import { connectTls } from './tls'

export function openTcp(options: IClientOptions): Duplex {
  if (options.unixSocket) return connectPlaced({ path: unixPath(options) })
  const host = hostOf(options)
  const port = options.port ?? 1883
  const tunnel = tunnelOf(options)
  if (tunnel !== undefined) return new LateStream((signal) => tunnel(host, port, signal))
  return connectPlaced({ host, port, noDelay: true })
}

export function openTls(options: IClientOptions): Duplex {
  const host = hostOf(options)
  const port = options.port ?? 8883
  if (options.unixSocket) return connectTls({ ...tlsOptions(options, host, port), path: unixPath(options) })
  const tunnel = tunnelOf(options)
  if (tunnel === undefined) return connectTls(tlsOptions(options, host, port))
  return new LateStream(async (signal) => {
    const socket = await tunnel(host, port, signal)
    return secured(connectTls({ ...tlsOptions(options, host, port), socket }))
  })
}

export function unixPath({ path }: IClientOptions): string {
  if (!path) throw new Error('Missing path of the unix socket')
  return path
}

/** The name to connect to. */
export function hostOf(options: IClientOptions): string {
  return options.hostname || options.host || 'localhost'
}

/** All options are handed on, as TLS has many; but `path` would be a Unix socket. */
export function tlsOptions(options: IClientOptions, host: string, port: number): ConnectionOptions {
  const { path: _path, ...others } = options as IClientOptions & ConnectionOptions
  const servername = others.servername ?? (isIP(host) === 0 ? host : undefined)
  return {
    ...others,
    host,
    port,
    rejectUnauthorized: options.rejectUnauthorized !== false,
    ...(servername === undefined ? {} : { servername }),
  } as ConnectionOptions
}

/** Waits for the end of the handshake. */
export function secured(socket: TLSSocket): Promise<TLSSocket> {
  return settled(socket, 'secureConnect')
}

export function settled<S extends Socket>(socket: S, event: string): Promise<S> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => {
      socket.off('error', reject)
      resolve(socket)
    })
    socket.once('error', reject)
  })
}
