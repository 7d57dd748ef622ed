//! Where packets wait for their acknowledgement.
import type { Readable } from 'node:stream'

import type { Packet } from './packets'
import { streamOf } from './platform'
import type { DoneCallback } from './types'

export interface IStoreOptions {
  /** Whether closing the store empties it. Default true. */
  clean?: boolean
}

export type StoreCallback = (error?: Error | null, packet?: Packet) => void

/** What a store has to be able to do; `mqtt-level-store` is one. */
export interface IStore {
  put(packet: Packet, cb: DoneCallback): IStore
  /** All packets, in the order in which they were put. */
  createStream(): Readable
  del(packet: Pick<Packet, 'messageId'>, cb: StoreCallback): IStore
  get(packet: Pick<Packet, 'messageId'>, cb: StoreCallback): IStore
  close(cb: DoneCallback): void
}

/** In memory. */
export class Store implements IStore {
  private readonly clean: boolean
  private packets: Map<number | undefined, Packet> | null = new Map()

  constructor(options?: IStoreOptions) {
    this.clean = options?.clean !== false
  }

  put(packet: Packet, cb?: DoneCallback): this {
    this.open().set(packet.messageId, packet)
    cb?.()
    return this
  }

  createStream(): Readable {
    return streamOf([...this.open().values()])
  }

  del(packet: Pick<Packet, 'messageId'>, cb?: StoreCallback): this {
    const found = this.open().get(packet.messageId)
    if (found === undefined) {
      cb?.(new Error('missing packet'))
    } else {
      this.open().delete(packet.messageId)
      cb?.(null, found)
    }
    return this
  }

  get(packet: Pick<Packet, 'messageId'>, cb?: StoreCallback): this {
    const found = this.open().get(packet.messageId)
    if (found === undefined) cb?.(new Error('missing packet'))
    else cb?.(null, found)
    return this
  }

  close(cb?: DoneCallback): void {
    if (this.clean) this.packets = null
    cb?.()
  }

  /** @internal */
  get _isEmpty(): boolean {
    return this.open().size === 0
  }

  /** A closed store begins anew, as a client may connect again. */
  private open(): Map<number | undefined, Packet> {
    this.packets ??= new Map()
    return this.packets
  }
}
