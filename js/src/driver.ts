//! Between the core and the world: streams, timers, and turns. It decides
//! nothing; what the core says is for its owner, in the order it was said.
import { Alarm } from './alarm'
import { type Waiter, watchSleep } from './clock'
import { Core, failureOf, type Listener, type Setting, type Wait, type World } from './core'
import { Link, type LinkOwner } from './link'
import { Failure, Phase } from './numbers'
import { afterReading, atExit, later, nextTick, watchReturn } from './platform'
import { Keeper, type KeeperOwner } from './session/keeper'
import type { ISession } from './session/session'
import type { UpgradeRefused } from './transport/websocket'
import type { ICredentials, IStream } from './types'

/** Whom the driver works for. */
export interface DriverOwner extends Listener {
  /** An attempt begins. */
  onOpening(server: number, redirect: string): void
  openStream(): IStream
  credentials(): ICredentials | undefined | Promise<ICredentials | undefined>
  /** What CONNECT is to say from now on, if that has changed. */
  changedSettings(): Setting[] | undefined
  onStreamError(error: Error): void
  /** The server has said why it closes the stream. */
  onClosedWith(text: string): void
  /** The module has failed: this driver is of no use any more. */
  onTrap(error: unknown): void
  /** Whether a refusal below MQTT is only one more failure. */
  readonly forgivesRefusals: boolean
  /** Whether an attempt may come earlier than the core wanted. */
  readonly hurries: boolean
  /** A turn begins, or is over. */
  onTurn(over: boolean): void
  /** The core takes publishes. */
  onRoom(): void
  /** How many messages may be taken now. */
  mostMessages(): number
  /** Shut down, and all streams are gone; the session's place may not have answered. */
  onStopped(error: Error | undefined): void
}

/** A session that outlives this client. */
export interface Kept {
  session: ISession
  /** What is there. */
  log: Uint8Array
}

const RECONNECT_TIMER = 480
/** The pages of a whole site get their network back at once: their attempts are spread. */
const RETURN_SPREAD_MS = 1_000
/** Node reads so much from a socket at once; behind fewer bytes nothing waits to be read. */
const WHOLE_READ = 64 * 1024

export class Driver implements World, LinkOwner, KeeperOwner {
  readonly core: Core
  private readonly keeper: Keeper | undefined
  private link: Link | undefined
  private readonly links = new Set<Link>()
  /** The connection whose credentials are asked for; 0 for none. */
  private opening = 0
  private readonly alarm: Alarm
  /** When the present turn began. */
  private turnMs: number | undefined
  private reconnects = false
  private scheduled = false
  private draining = false
  private readonly chunks: [Link, Buffer][] = []
  private messagesWait = false
  private writeHolds = 0
  /** More is read before the event loop goes on: one write answers all of it. */
  private readsOn = false
  private awaitsEnd = false
  private stopping: 'no' | 'yes' | 'forced' | 'done' = 'no'
  private readonly unwatch: (() => void)[]

  constructor(
    settings: readonly Setting[],
    private readonly owner: DriverOwner,
    private readonly waiter: Waiter,
    kept?: Kept,
  ) {
    this.alarm = new Alarm(waiter, () => this.onDue())
    this.core = new Core(settings, this, owner, () => this.now(), kept?.log)
    if (kept !== undefined) this.keeper = new Keeper(kept.session, this)
    this.unwatch = [
      watchSleep((sleptMs) => {
        this.alarm.forward(sleptMs)
        this.turn()
      }),
      watchReturn(() => this.onReturn()),
      atExit(() => this.writeLast()),
    ]
  }

  /** A connection is asked for a sign of life; the next attempt need not wait any longer. */
  private onReturn(): void {
    if (this.stopping !== 'no') return
    if (this.core.probe()) this.schedule()
    else if (this.mayHurry()) {
      this.waiter.start(() => {
        if (this.mayHurry()) this.reconnect()
      }, Math.ceil(Math.random() * RETURN_SPREAD_MS))
    }
  }

  private mayHurry(): boolean {
    return this.reconnects && this.owner.hurries && this.stopping === 'no'
  }

  /** The next client may open it once all is kept; told is what went wrong with that. */
  private leaveSession(then: (error?: Error) => void): void {
    if (this.keeper === undefined) then()
    else void this.keeper.close().then(then)
  }

  private leaveWorld(): void {
    this.stopping = 'done'
    this.alarm.stop()
    for (const unwatch of this.unwatch) unwatch()
  }

  /**
   * For the core a turn takes no time: what the application does in it is no silence of
   * the server, as nothing can be read or written meanwhile (K9).
   */
  now(): number {
    return this.turnMs ?? this.alarm.now()
  }

  get stream(): IStream | undefined {
    return this.link?.stream
  }

  /** Does what was commanded, with all else that is commanded until then. */
  schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    nextTick(() => {
      this.scheduled = false
      this.turn()
    })
  }

  turn(): void {
    if (this.stopping === 'done') return
    if (this.draining) {
      this.schedule()
      return
    }
    this.draining = true
    this.turnMs = this.alarm.now()
    try {
      this.owner.onTurn(false)
      if (this.chunks.length === 0) this.drain()
      for (let next = this.chunks.shift(); next !== undefined; next = this.chunks.shift()) {
        this.feed(...next)
      }
      this.told(() => this.owner.onTurn(true))
    } finally {
      this.draining = false
      this.turnMs = undefined
    }
    this.checkStopped()
  }

  /** What the application does wrong is its own. */
  private told(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.owner.onThrown(error)
    }
  }

  private feed(link: Link, chunk: Buffer): void {
    // A drain may have left the connection.
    for (let rest = chunk; rest.length > 0 && this.link === link; ) {
      const taken = this.core.received(link.conn, rest)
      rest = rest.subarray(taken)
      if (this.core.hasNews) this.drain()
    }
  }

  /** Until no message waits that somebody wants. */
  private drain(): void {
    do {
      this.messagesWait = false
      this.core.drain(this.owner.mostMessages(), this.writeHolds === 0 && !this.readsOn)
    } while (this.messagesWait && this.owner.mostMessages() > 0)
  }

  /** Nothing is written until as many `releaseWrites` have followed. */
  holdWrites(): void {
    this.writeHolds += 1
  }

  releaseWrites(): void {
    this.writeHolds -= 1
    if (this.writeHolds === 0) this.schedule()
  }

  start(): void {
    this.refresh()
    this.core.start()
    // At once, as code looks at the stream right after `connect()`.
    this.turn()
  }

  reconnect(): void {
    this.refresh()
    this.core.reconnect()
    this.schedule()
  }

  private refresh(): void {
    const settings = this.owner.changedSettings()
    if (settings === undefined) return
    try {
      this.core.reconfigure(settings)
    } catch (error) {
      this.told(() => this.owner.onStreamError(error as Error))
    }
  }

  stop(forced: boolean, limitMs: number, reason: number | undefined, properties: Uint8Array): void {
    if (this.stopping === 'done') return
    if (this.waitsForKeeper(() => this.stop(forced, limitMs, reason, properties))) return
    if (forced && this.owesAnswers) {
      // Messages are being handed over: not before all of them are.
      if (this.draining) return nextTick(() => this.stop(forced, limitMs, reason, properties))
      this.writeAnswers()
    }
    this.stopping = forced ? 'forced' : 'yes'
    this.core.shutdown(forced ? 0 : limitMs, reason, properties)
    this.schedule()
  }

  /** What messages are told at the end is to be true: whether they are kept is known first. */
  private waitsForKeeper(stop: () => void): boolean {
    if (this.keeper === undefined) return false
    if (this.draining) {
      nextTick(stop)
      return true
    }
    // What was accepted up to now is given to the keeper.
    this.turn()
    return this.keeper.postpones(() => {
      try {
        stop()
      } catch (error) {
        this.told(() => this.owner.onStreamError(error as Error))
        this.stop(true, 0, undefined, Buffer.alloc(0))
      }
    })
  }

  private checkStopped(): void {
    if (this.stopping === 'no' || this.stopping === 'done') return
    if (!this.core.isClosed || this.links.size > 0) return
    this.leaveWorld()
    this.core.destroy()
    this.leaveSession((error) => this.owner.onStopped(error))
  }

  // What the core asks for.

  onOpen(conn: number, server: number, redirect: string): void {
    this.opening = conn
    this.owner.onOpening(server, redirect)
    const given = this.owner.credentials()
    if (!(given instanceof Promise)) return this.openLink(conn, given)
    this.core.phase(conn, Phase.Credentials)
    given.then(
      (credentials) => {
        if (this.opening !== conn) return
        this.core.freshCredentials(conn)
        this.openLink(conn, credentials)
      },
      (error: unknown) => {
        if (this.opening !== conn) return
        this.opening = 0
        const failure = error instanceof Error ? error : new Error(String(error))
        this.failed(conn, failure, Failure.Credentials)
      },
    )
  }

  private login: ICredentials | undefined

  private openLink(conn: number, login: ICredentials | undefined): void {
    this.opening = 0
    this.login = login
    try {
      this.link = new Link(conn, this.owner.openStream(), this)
      this.links.add(this.link)
      this.core.phase(conn, Phase.Connect)
    } catch (error) {
      // Whoever has just called `connect()` listens by then.
      nextTick(() => this.failed(conn, error as Error, Failure.Other))
    }
  }

  /** There is no stream for this attempt. */
  private failed(conn: number, error: Error, failure: number): void {
    if (this.stopping === 'done') return
    this.told(() => this.owner.onStreamError(error))
    this.core.closed(conn, failure)
    this.schedule()
  }

  onClose(conn: number, pieces: Uint8Array[]): void {
    if (this.opening === conn) this.opening = 0
    if (this.link?.conn !== conn) return
    const link = this.link
    this.link = undefined
    link.close(pieces, this.stopping === 'forced')
  }

  onWrite(conn: number, pieces: Uint8Array[], total: number): void {
    if (this.link?.conn === conn) this.link.write(pieces, total)
  }

  onCommit(batch: Buffer): void {
    this.keeper?.keep(batch)
  }

  onKept(failure: number, error: unknown): void {
    if (this.stopping === 'done') return
    if (error !== undefined) this.told(() => this.owner.onStreamError(error as Error))
    this.core.committed(failure)
    this.schedule()
  }

  snapshot(): Uint8Array {
    return this.core.snapshot()
  }

  onWait(wait: Wait): void {
    this.link?.read(wait.wantsRead)
    this.messagesWait = wait.messagesWait
    if (wait.takesPublishes) this.owner.onRoom()
    this.reconnects = wait.timer === RECONNECT_TIMER
    this.alarm.set(wait.deadline)
  }

  /** What has arrived is read before a deadline is judged (K9). */
  private onDue(): void {
    later(() => {
      if (this.reconnects && this.stopping === 'no') this.refresh()
      this.turn()
    })
  }

  // What streams tell.

  onOpened(link: Link): void {
    if (this.link !== link) return
    this.core.opened(link.conn, this.login?.username, this.login?.password)
    this.turn()
  }

  onData(link: Link, chunk: Buffer): void {
    if (this.link !== link) return
    const isNext = !this.draining && this.chunks.length === 0
    if (isNext && this.core.gathers(link.conn, chunk)) return
    this.chunks.push([link, chunk])
    this.readsOn = chunk.length >= WHOLE_READ
    if (this.readsOn) this.awaitReadEnd()
    this.turn()
  }

  roomFor(link: Link): Buffer | undefined {
    return this.link === link && this.chunks.length === 0 ? this.core.room(link.conn) : undefined
  }

  private get owesAnswers(): boolean {
    return this.readsOn || this.core.owesAnswers
  }

  /** Writes at once what answers the messages that were read. */
  private writeAnswers(): void {
    if (!this.owesAnswers || this.stopping === 'done') return
    this.readsOn = false
    this.core.drain(0)
  }

  private writeLast(): void {
    if (this.stopping === 'done' || !(this.draining || this.owesAnswers)) return
    this.readsOn = false
    this.core.drainLast()
  }

  private awaitReadEnd(): void {
    if (this.awaitsEnd) return
    this.awaitsEnd = true
    afterReading(() => {
      this.awaitsEnd = false
      if (!this.readsOn) return
      this.readsOn = false
      this.turn()
    })
  }

  onWritten(link: Link, total: number): void {
    if (this.link !== link) return
    this.core.written(link.conn, total)
    this.turn()
  }

  onEnded(link: Link, error: Error | undefined): void {
    if (this.link !== link) return
    if (error !== undefined) this.told(() => this.owner.onStreamError(error))
    const { closeText } = link.stream as { closeText?: string }
    if (closeText !== undefined) this.told(() => this.owner.onClosedWith(closeText))
    const { failure, detail, afterMs } = this.failure(error)
    this.core.closed(link.conn, failure, detail, afterMs)
    this.turn()
  }

  private failure(error: Error | undefined): { failure: number; detail?: number; afterMs?: number } {
    const status = (error as UpgradeRefused | undefined)?.status
    if (status !== undefined) {
      const after = Number((error as UpgradeRefused).retryAfter)
      if (after > 0) return { failure: Failure.TryLater, detail: status, afterMs: after * 1000 }
      if (this.owner.forgivesRefusals) return { failure: Failure.WebSocket }
      return { failure: Failure.WebSocketRefused, detail: status }
    }
    const failure = failureOf(error)
    const refused = failure === Failure.TlsRefused && this.owner.forgivesRefusals
    const { errno } = (error ?? {}) as NodeJS.ErrnoException
    return { failure: refused ? Failure.Tls : failure, detail: errno === undefined ? Number.NaN : Math.abs(errno) }
  }

  onGone(link: Link): void {
    this.links.delete(link)
    if (this.link === link) this.link = undefined
    this.checkStopped()
  }

  onTrap(error: unknown): void {
    if (this.stopping === 'done') return
    this.link?.close([], true)
    this.leaveWorld()
    this.leaveSession(() => this.owner.onTrap(error))
  }
}
