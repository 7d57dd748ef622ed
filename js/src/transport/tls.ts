//! TLS of Node, loaded when it is needed first: a plain connection starts sooner.
import type { ConnectionOptions, TLSSocket } from 'node:tls'

export function connectTls(options: ConnectionOptions): TLSSocket {
  return (require('node:tls') as typeof import('node:tls')).connect(options)
}
