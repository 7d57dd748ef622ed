//! What the last run left in the outgoing store goes out first.
import { EvenkeelError } from '../errors'
import { RemovedError } from '../outcomes'
import type { Packet } from '../packets'
import { nextTick } from '../platform'
import { Store } from '../store'
import { noop } from './common'
import { Moves } from './moves'
import type { Parts } from './parts'

/** A command that waits until there is a core, and the store has been read. */
interface Early {
  act(): void
  fail(error: Error): void
}

export class Replay {
  private early: Early[] | undefined

  constructor(private readonly parts: Parts) {}

  /** Commands have to wait. */
  get isReading(): boolean {
    return this.early !== undefined
  }

  /** Does it now, or after what the store has; `fail` hears if it comes to neither. */
  after(act: () => void, fail: (error: Error) => void = noop): void {
    if (this.early === undefined) act()
    else this.early.push({ act, fail })
  }

  failAll(error: Error): void {
    const { early = [] } = this
    this.early = undefined
    for (const one of early) one.fail(error)
  }

  /** What is commanded from now on waits for `begin`. */
  hold(): void {
    this.early ??= []
  }

  begin(): void {
    const { client } = this.parts
    const store = client.outgoingStore
    const early = this.early ?? []
    if (store instanceof Store && store._isEmpty) return this.release(early)
    this.early = early
    const packets: Packet[] = []
    const resume = (): void => {
      if (this.early === early) this.resume(packets, early)
    }
    let stream
    try {
      stream = store.createStream()
    } catch (error) {
      client.emit('error', error as Error)
      return resume()
    }
    stream.on('data', (packet: Packet) => packets.push(packet))
    stream.once('error', (error: Error) => {
      client.emit('error', error)
      resume()
    })
    stream.once('end', resume)
  }

  /** Each is stored by its new identifier before the old ones are dropped, and before anything else is. */
  private resume(packets: Packet[], early: Early[]): void {
    const old = new Set(packets.map(({ messageId }) => messageId!))
    const stored = afterAll(packets.length, () => this.drop(old, early))
    const moves = new Moves(this.parts, packets)
    for (const packet of packets) {
      this.resend(packet, moves, once((isStored, ...kept) => {
        for (const messageId of kept) old.delete(messageId)
        const spare = moves.end(packet.messageId!, isStored)
        if (spare !== undefined) old.add(spare)
        stored()
      }))
    }
    stored()
  }

  /** `settled` gets whether the message has left its place in the store, and what is to stay there. */
  private resend(packet: Packet, moves: Moves, settled: (isStored: boolean, ...kept: number[]) => void): void {
    const { events, publishing } = this.parts
    if (packet.cmd !== 'publish') {
      const text = `PUBREL of message ${packet.messageId} is of an earlier run`
      events.diagnose('release-forgotten', text)
      settled(true)
      return
    }
    const again = publishing.packetOf(packet.topic, packet.payload, packet)
    const done = (error?: Error | null): void => {
      // The user knows of one that was removed, and it is not to be sent by the next run.
      if (!error || error instanceof RemovedError) return settled(true)
      this.tell(packet.topic, error)
      // Whether there is a new copy is not known: the old one stays, too.
      settled(false, packet.messageId!, again.messageId!)
    }
    publishing.submit(again, done, {
      mayStore: (then) => moves.begin(packet.messageId!, again.messageId!, then),
      onStored: () => settled(true, again.messageId!),
    })
  }

  /** Nobody waits for the outcome of such a message. */
  private tell(topic: string, cause: Error): void {
    const { client, driver, events } = this.parts
    // The client is over, and the store has it for the next run.
    if (driver === undefined) return
    const text = `The message of an earlier run to ${topic} has failed: ${cause.message}`
    nextTick(() => {
      events.diagnose('replay-failed', text)
      if (!client.disconnecting) client.emit('error', new EvenkeelError(text, 'REPLAY_FAILED', { cause }))
    })
  }

  private drop(old: Set<number>, waiting: Early[]): void {
    const { outgoingStore } = this.parts.client
    const dropped = afterAll(old.size, () => this.release(waiting))
    for (const messageId of old) outgoingStore.del({ messageId }, once(dropped))
    dropped()
  }

  private release(waiting: Early[]): void {
    if (this.early !== waiting) return
    this.early = undefined
    for (const one of waiting) one.act()
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
