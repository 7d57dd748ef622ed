//! What the core says: to the world, and to whoever listens.

import type { IPublishPacket } from '../packets'

export interface Disconnected {
  conn: number
  cause: number
  class: number
  detail: number
  /** Of CONNACK or DISCONNECT. */
  reason: number | undefined
  /** The byte in CONNACK. */
  wireCode: number | undefined
  onlineMs: number
  properties: Buffer
  text: string
}

/** A failed operation. */
export interface Failed {
  error: number
  reason: number
  text: string
}

export interface Wait {
  /** In milliseconds of `now`; `NaN` if only an input can change anything. */
  deadline: number
  timer: number
  wantsRead: boolean
  messagesWait: boolean
  takesPublishes: boolean
}

/** What the core asks for. Each is called from `drain`. */
export interface World {
  onOpen(conn: number, server: number, redirect: string): void
  onClose(conn: number, pieces: Uint8Array[]): void
  onWrite(conn: number, pieces: Uint8Array[], total: number): void
  onWait(wait: Wait): void
  /** To be kept; then `committed` is to be called. One at a time. */
  onCommit(batch: Buffer): void
  /** The module has failed; this core is of no use any more. */
  onTrap(error: unknown): void
}

/** What the core tells. Each is called from `drain`. */
export interface Listener {
  onAuthenticate(conn: number, done: boolean, data: Buffer): void
  onPublished(token: number, failed: Failed | undefined): void
  onSubscribed(token: number, failed: Failed | undefined, codes: number[]): void
  onUnsubscribed(token: number, failed: Failed | undefined, codes: number[]): void
  onAnswered(token: number, type: number, packetId: number, reason: number, properties: Buffer): void
  /** `ack` is to be given to `acknowledge`; 0 if there is nothing to acknowledge. */
  onMessage(packet: IPublishPacket, ack: number): void
  onPacket(sent: boolean, version: number, bytes: Buffer): void
  onEvent(code: number, conn: number, a: number, b: number, text: string): void
  onConnected(
    conn: number,
    version: number,
    sessionPresent: boolean,
    assigned: string | undefined,
    properties: Buffer,
  ): void
  onDisconnected(ended: Disconnected): void
  /** One of these, or of those of the world, has thrown. */
  onThrown(error: unknown): void
}
