//! What the last run left in the outgoing store goes out first.
import { EvenkeelError } from '../errors'
import type { Packet } from '../packets'
import { Store } from '../store'
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

  /** Each is stored by its new identifier before the old ones are dropped, and before anything else is. */
  private resume(packets: Packet[]): void {
    const { early } = this
    const old = new Set(packets.map(({ messageId }) => messageId!))
    const stored = afterAll(packets.length, () => this.drop(old, early))
    for (const packet of packets) {
      this.resend(packet, once((...kept) => {
        for (const messageId of kept) old.delete(messageId)
        stored()
      }))
    }
    stored()
  }

  /** `settled` gets the identifiers that the store is to keep. */
  private resend(packet: Packet, settled: (...kept: number[]) => void): void {
    const { events, publishing } = this.parts
    if (packet.cmd !== 'publish') {
      const text = `PUBREL of message ${packet.messageId} is of an earlier run`
      events.diagnose('release-forgotten', text)
      settled()
      return
    }
    const again = publishing.packetOf(packet.topic, packet.payload, packet)
    const done = (error?: Error | null): void => {
      if (error) this.tell(packet.topic, error)
      // Whether there is a new copy is not known: the old one stays, too.
      if (error) settled(packet.messageId!, again.messageId!)
      else settled()
    }
    publishing.submit(again, done, () => settled(again.messageId!))
  }

  /** Nobody waits for the outcome of such a message. */
  private tell(topic: string, cause: Error): void {
    const { client, driver, events } = this.parts
    // The client is over, and the store has it for the next run.
    if (driver === undefined) return
    const text = `The message of an earlier run to ${topic} has failed: ${cause.message}`
    process.nextTick(() => {
      events.diagnose('replay-failed', text)
      if (!client.disconnecting) client.emit('error', new EvenkeelError(text, 'REPLAY_FAILED', { cause }))
    })
  }

  private drop(old: Set<number>, waiting: (() => void)[] | undefined): void {
    const { outgoingStore } = this.parts.client
    const dropped = afterAll(old.size, () => this.release(waiting))
    for (const messageId of old) outgoingStore.del({ messageId }, once(dropped))
    dropped()
  }

  private release(waiting: (() => void)[] | undefined): void {
    if (waiting === undefined || this.early !== waiting) return
    this.early = undefined
    for (const act of waiting) act()
  }
}

/** Acts once it was called so often, and once more. */
function afterAll(count: number, act: () => void): () => void {
  let left = count
  return () => {
    if (left === 0) act()
    left -= 1
  }
}

/** Only the first call counts. */
function once<Given extends unknown[]>(act: (...given: Given) => void): (...given: Given) => void {
  let called = false
  return (...given) => {
    if (!called) act(...given)
    called = true
  }
}
