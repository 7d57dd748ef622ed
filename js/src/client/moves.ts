//! Messages of an earlier run get new identifiers in the outgoing store: none is overwritten
//! there before it has its new copy.
import type { Packet } from '../packets'
import type { DoneCallback } from '../types'
import type { Parts } from './parts'

const LAST_ID = 65_535

export class Moves {
  /** What has no new copy yet, by its old identifier. */
  private readonly old = new Map<number, Packet>()
  /** Of those of which one is being made: who waits for it. */
  private readonly begun = new Map<number, (() => void)[]>()
  /** Where a message went whose place was taken, by its old identifier. */
  private readonly spares = new Map<number, number>()
  private nextSpare = LAST_ID

  constructor(
    private readonly parts: Parts,
    packets: readonly Packet[],
  ) {
    for (const packet of packets) {
      if (packet.cmd === 'publish') this.old.set(packet.messageId!, packet)
    }
  }

  /** Calls back once a message with this old identifier may be stored by this new one. */
  begin(oldId: number, newId: number, done: DoneCallback): void {
    this.begun.set(oldId, [])
    this.clear(oldId, newId, done)
  }

  private clear(oldId: number, newId: number, done: DoneCallback): void {
    const there = this.old.get(newId)
    if (there === undefined || newId === oldId || this.spares.has(newId)) return done()
    const waiting = this.begun.get(newId)
    if (waiting !== undefined) waiting.push(() => this.clear(oldId, newId, done))
    else this.save(there, done)
  }

  /** Makes room where this one is, as its turn comes later. */
  private save(packet: Packet, done: DoneCallback): void {
    while (this.old.has(this.nextSpare)) this.nextSpare -= 1
    const spare = this.nextSpare
    if (spare < 1) return done(new Error('No identifier is free in the outgoing store'))
    this.nextSpare -= 1
    this.spares.set(packet.messageId!, spare)
    this.parts.client.outgoingStore.put({ ...packet, messageId: spare }, done)
  }

  /**
   * Whether the message has its new copy now. What is to be deleted in place of it: an identifier,
   * or none.
   */
  end(oldId: number, isStored: boolean): number | undefined {
    const spare = this.spares.get(oldId)
    if (isStored) this.old.delete(oldId)
    const waiting = this.begun.get(oldId) ?? []
    this.begun.delete(oldId)
    for (const act of waiting) act()
    return isStored ? spare : undefined
  }
}
