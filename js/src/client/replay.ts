//! What the last run left in the outgoing store goes out first.
import type { Packet } from '../packets'
import { Store } from '../store'
import { noop } from './common'
import type { Parts } from './parts'

export class Replay {
  /** Commands that wait until the store has been read. */
  private early: (() => void)[] | undefined

  constructor(private readonly parts: Parts) {}

  /** What the store has is not known yet. */
  get isReading(): boolean {
    return this.early !== undefined
  }

  /** Does it now, or after what the store has. */
  after(act: () => void): void {
    if (this.early === undefined) act()
    else this.early.push(act)
  }

  /** Nobody waits any more. */
  forget(): void {
    this.early = undefined
  }

  begin(): void {
    const { client } = this.parts
    const store = client.outgoingStore
    if (store instanceof Store && store._isEmpty) return
    this.early = []
    const packets: Packet[] = []
    let stream
    try {
      stream = store.createStream()
    } catch (error) {
      client.emit('error', error as Error)
      return this.resume(packets)
    }
    stream.on('data', (packet: Packet) => packets.push(packet))
    stream.once('error', (error: Error) => {
      client.emit('error', error)
      if (this.early !== undefined) this.resume(packets)
    })
    stream.once('end', () => {
      if (this.early !== undefined) this.resume(packets)
    })
  }

  private resume(packets: Packet[]): void {
    const waiting = this.early ?? []
    this.early = undefined
    for (const packet of packets) this.resend(packet)
    for (const act of waiting) act()
  }

  private resend(packet: Packet): void {
    const { client, events, publishing } = this.parts
    client.outgoingStore.del({ messageId: packet.messageId! }, noop)
    if (packet.cmd !== 'publish') {
      const text = `PUBREL of message ${packet.messageId} is of an earlier run`
      events.diagnose('release-forgotten', text)
      return
    }
    const again = publishing.packetOf(packet.topic, packet.payload, packet)
    publishing.submit(again, undefined, undefined)
  }
}
