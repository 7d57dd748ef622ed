//! Which transport a protocol is.
import type { Duplex } from 'node:stream'

import type { MqttClient } from '../client'
import type { IClientOptions } from '../types'
import { openTcp, openTls } from './sockets'
import { openWebSocket } from './websocket'

type Opener = (options: IClientOptions, client: MqttClient) => Duplex

const OPENERS: Record<string, Opener> = {
  mqtt: openTcp,
  tcp: openTcp,
  mqtts: openTls,
  ssl: openTls,
  tls: openTls,
  ws: openWebSocket,
  wss: openWebSocket,
}

export function isKnown(protocol: string): boolean {
  return Object.hasOwn(OPENERS, protocol)
}

/** Opens a stream to the server that the options name. */
export function open(options: IClientOptions, client: MqttClient): Duplex {
  const opener = OPENERS[options.protocol ?? 'mqtt']
  if (opener === undefined) throw new Error(`Unknown protocol "${options.protocol}"`)
  return opener(options, client)
}
