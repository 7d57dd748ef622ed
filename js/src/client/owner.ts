//! What the driver tells, to the part that it is for.
import type { DriverOwner } from '../driver'
import { nextTick } from '../platform'
import type { Parts } from './parts'

export function ownerOf(parts: Parts): DriverOwner {
  const { client, given, attempts, connection, events, publishing, filters } = parts
  return {
    forgivesRefusals: given.period !== undefined,
    hurries: given.period === undefined,
    onOpening: (server, redirect) => attempts.onOpening(server, redirect),
    openStream: () => {
      client.stream = given.streamBuilder(client, client.options)
      return client.stream
    },
    credentials: () => attempts.credentials(),
    changedSettings: () => attempts.changedSettings(),
    onStreamError: (error) => events.onStreamError(error),
    onClosedWith: (text) => events.diagnose('websocket-closed', text),
    onTurn: (over) => {
      if (over) connection.tellEnded()
      else parts.trace.update()
    },
    mostMessages: () => parts.inbox.most(),
    onRoom: () => parts.overflow.flush(),
    onStopped: (error) => parts.ending.onStopped(error),
    onPublished: (token, failed) => publishing.onPublished(token, failed),
    onSubscribed: (token, failed, codes) => filters.onDone(token, failed, codes),
    onUnsubscribed: (token, failed, codes) => filters.onDone(token, failed, codes),
    onAnswered: (token, type, id, _reason, properties) => {
      filters.onAnswered(token, type, id, properties)
    },
    onMessage: (packet, ack) => parts.inbox.take(packet, ack),
    onPacket: (sent, version, bytes) => parts.trace.onPacket(sent, version, bytes),
    onEvent: (code, _conn, a, b, text) => events.onEvent(code, a, b, text),
    onConnected: (_conn, version, present, assigned, properties) => {
      connection.onConnected(version, present, assigned, properties)
    },
    onDisconnected: (ended) => connection.onDisconnected(ended),
    onAuthenticate: (conn, done, data) => connection.onAuthenticate(conn, done, data),
    onThrown: (error) => {
      nextTick(() => {
        throw error
      })
    },
    onTrap: (error) => parts.ending.onTrap(error),
  }
}
