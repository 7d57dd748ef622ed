//! The WebAssembly module: compiled once for the process, an instance for each
//! client while there is memory for them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

import { monotonicMs } from './clock'

/** What the module exports; `crates/wasm/ABI.md` says what each does. */
export interface Exports {
  memory: WebAssembly.Memory
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
  ek_drain(client: number, now: number, messages: number, flags: number): number
  ek_state(client: number): number
  ek_number(client: number, which: number): number
}

const ABI = 1

/** One instance; its memory is looked at anew when it has grown. */
export class Instance {
  readonly exports: Exports
  /** How many clients live in it. */
  clients = 0
  private view: Buffer

  constructor(module: WebAssembly.Module) {
    this.exports = new WebAssembly.Instance(module, {}).exports as unknown as Exports
    const abi = this.exports.ek_abi()
    if (abi !== ABI) throw new Error(`evenkeel.wasm speaks version ${abi}, ${ABI} is needed`)
    this.view = Buffer.from(this.exports.memory.buffer)
  }

  /** The whole memory; not to be kept across a call into the module. */
  get memory(): Buffer {
    if (this.view.length === 0) this.view = Buffer.from(this.exports.memory.buffer)
    return this.view
  }

  /** The sentence about the last failure. */
  error(): string {
    const length = this.exports.ek_error()
    const at = this.exports.ek_output()
    return this.memory.toString('utf8', at, at + length)
  }
}

let compiled: WebAssembly.Module | undefined
/** Those that still work, for when no further one can be had. */
const instances: Instance[] = []
const MOST_REMEMBERED = 64
let turn = 0
/** Asking in vain takes a third of a second, as all garbage is collected for it. */
const ASK_AGAIN_AFTER_MS = 60_000
let askAgainAt = 0

/**
 * An instance for one more client: its own, or where the system has no room
 * for another one, a shared one.
 */
export function instanceForClient(): Instance {
  compiled ??= new WebAssembly.Module(gunzipSync(readFileSync(join(__dirname, 'evenkeel.wasm.gz'))))
  const mayAsk = instances.length === 0 || monotonicMs() >= askAgainAt
  const instance = (mayAsk ? ownInstance(compiled) : undefined) ?? sharedInstance()
  instance.clients += 1
  return instance
}

function ownInstance(module: WebAssembly.Module): Instance | undefined {
  try {
    const instance = new Instance(module)
    if (instances.length < MOST_REMEMBERED) instances.push(instance)
    return instance
  } catch (error) {
    if (!(error instanceof RangeError) || instances.length === 0) throw error
    askAgainAt = monotonicMs() + ASK_AGAIN_AFTER_MS
    return undefined
  }
}

function sharedInstance(): Instance {
  turn = (turn + 1) % instances.length
  return instances[turn]!
}

/** It is not to be used again: nobody uses it any more, or it has trapped. */
export function forgetInstance(instance: Instance): void {
  const index = instances.indexOf(instance)
  if (index >= 0) instances.splice(index, 1)
}
