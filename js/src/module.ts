//! The WebAssembly module: an instance for each of the first clients, and shared ones
//! for the others.
import { monotonicMs } from './clock'
import { CoreError } from './core/error'
import { EvenkeelError } from './errors'
import { newExports } from './platform'

/** What the module exports; `crates/wasm/ABI.md` says what each does. */
export interface Exports {
  memory: { readonly buffer: ArrayBuffer; readonly moves?: boolean }
  ek_abi(): number
  ek_input(length: number): number
  ek_output(): number
  ek_error(): number
  ek_config(): void
  ek_config_of(client: number): number
  ek_set_number(key: number, value: number): number
  ek_set_bytes(key: number, length: number): number
  ek_create(now: number, seedLow: number, seedHigh: number): number
  ek_reconfigure(client: number): number
  ek_destroy(client: number): number
  ek_phase(client: number, now: number, conn: number, phase: number): number
  ek_fresh_credentials(client: number, now: number, conn: number): number
  ek_opened(
    client: number,
    now: number,
    conn: number,
    replace: number,
    username: number,
    password: number,
  ): number
  ek_reserve(client: number, length: number): number
  ek_received(client: number, now: number, conn: number, length: number): number
  ek_skipped(client: number, now: number, conn: number, length: number): number
  ek_heard(client: number, now: number, conn: number): number
  ek_written(client: number, now: number, conn: number, bytes: number): number
  ek_closed(
    client: number,
    now: number,
    conn: number,
    failure: number,
    detail: number,
    after: number,
  ): number
  ek_authenticate(client: number, now: number, conn: number, length: number): number
  ek_start(client: number, now: number): number
  ek_reconnect(client: number, now: number): number
  ek_publish(
    client: number,
    now: number,
    token: number,
    flags: number,
    topic: number,
    properties: number,
    payload: number,
  ): number
  ek_payload(length: number): number
  ek_acknowledge_all(client: number, now: number, count: number): number
  ek_give_back(client: number, ack: number): number
  ek_subscribe(
    client: number,
    now: number,
    token: number,
    count: number,
    filters: number,
    properties: number,
  ): number
  ek_unsubscribe(
    client: number,
    now: number,
    token: number,
    count: number,
    filters: number,
    properties: number,
  ): number
  ek_abandon(client: number, now: number, packetId: number): number
  ek_probe(client: number, now: number): number
  ek_trace(client: number, on: number): number
  ek_shutdown(
    client: number,
    now: number,
    limit: number,
    reason: number,
    properties: number,
  ): number
  /** Not in a module that was built without sessions. */
  ek_replay?(length: number): number
  ek_committed(client: number, now: number, failure: number): number
  ek_snapshot(client: number): number
  ek_drain(client: number, now: number, messages: number, flags: number): number
  ek_state(client: number): number
  ek_number(client: number, which: number): number
}

const ABI = 1
const INPUT_LEAST = 512
const INPUT_KEPT = 64 * 1024

/** One client of an instance. */
export interface User {
  onInstanceFailed(error: unknown): void
}

/** One instance; its memory is looked at anew when it has grown. */
export class Instance {
  readonly exports: Exports
  /** Whoever lives in it, and is to be told when it fails. */
  readonly users = new Set<User>()
  private view: Buffer
  private inputAt = 0
  private inputRoom = 0
  /** Payloads to be sent that it knows by number alone, until it gives the number back. */
  readonly payloads = new Map<number, Uint8Array>()

  constructor(
    /** How many clients are to live in it, if there is memory for others. */
    readonly most: number,
  ) {
    this.exports = newExports()
    const abi = this.exports.ek_abi()
    if (abi !== ABI) throw new Error(`evenkeel.wasm speaks version ${abi}, ${ABI} is needed`)
    this.view = Buffer.from(this.exports.memory.buffer)
  }

  /** The whole memory; not to be kept across a call into the module. */
  get memory(): Buffer {
    if (this.view.length === 0 || this.hasMoved()) this.view = Buffer.from(this.exports.memory.buffer)
    return this.view
  }

  /** WebAssembly takes the old memory away when it grows; the same in JavaScript leaves it. */
  private hasMoved(): boolean {
    const { memory } = this.exports
    return memory.moves === true && memory.buffer !== this.view.buffer
  }

  /** Where the arguments of the next call go, with room for so many bytes. */
  input(most: number): number {
    // A large one is asked for each time, so that the module may give it back.
    if (most > this.inputRoom || this.inputRoom > INPUT_KEPT) {
      const room = Math.max(most, INPUT_LEAST)
      this.inputRoom = 0
      this.inputAt = this.exports.ek_input(room)
      if (this.inputAt === 0) throw new CoreError(3, 'there is no memory for this call')
      this.inputRoom = room
    }
    return this.inputAt
  }

  /** What a call has returned, if it has not failed. */
  checked(result: number): number {
    if (result < 0) throw new CoreError(-result, this.error())
    return result
  }

  /** The sentence about the last failure. */
  private error(): string {
    const length = this.exports.ek_error()
    const at = this.exports.ek_output()
    return this.memory.toString('utf8', at, at + length)
  }
}

/** So many clients have an instance of their own: its failure is theirs alone. */
const OWN = 16
/** Of the others so many share one, as an instance takes more memory than many clients. */
const SHARERS = 64

/** Those that work. */
const instances: Instance[] = []
let turn = 0
/** Asking in vain takes a third of a second, as all garbage is collected for it. */
const ASK_AGAIN_AFTER_MS = 60_000
let askAgainAt = 0

/**
 * An instance for one more client: its own, or one that others have, too. If the
 * system has no room for another instance, more clients share each.
 */
export function instanceFor(user: User): Instance {
  const instance = roomyInstance() ?? newInstance() ?? nextInstance()
  instance.users.add(user)
  return instance
}

function roomyInstance(): Instance | undefined {
  if (instances.length < OWN) return undefined
  return instances.find((one) => one.users.size < one.most)
}

function newInstance(): Instance | undefined {
  if (instances.length > 0 && monotonicMs() < askAgainAt) return undefined
  try {
    const instance = new Instance(instances.length < OWN ? 1 : SHARERS)
    instances.push(instance)
    return instance
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    if (instances.length === 0) {
      throw new EvenkeelError('There is no memory for the WebAssembly module: reconnect() asks again', 'NO_MEMORY', {
        cause: error,
      })
    }
    askAgainAt = monotonicMs() + ASK_AGAIN_AFTER_MS
    return undefined
  }
}

function nextInstance(): Instance {
  turn = (turn + 1) % instances.length
  return instances[turn]!
}

export function leaveInstance(instance: Instance, user: User): void {
  instance.users.delete(user)
  if (instance.users.size === 0) forget(instance)
}

/** It has trapped: nothing of it is to be used again. */
export function instanceFailed(instance: Instance, error: unknown): void {
  forget(instance)
  for (const user of instance.users) user.onInstanceFailed(error)
}

function forget(instance: Instance): void {
  const index = instances.indexOf(instance)
  if (index >= 0) instances.splice(index, 1)
}
