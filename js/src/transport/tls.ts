//! TLS of Node, loaded when it is needed first: that takes longer than to connect
//! without it.
import type { ConnectionOptions, TLSSocket } from 'node:tls'

export function connectTls(options: ConnectionOptions): TLSSocket {
  return (require('node:tls') as typeof import('node:tls')).connect(options)
}
