//! A file beside a session that says which process has it open.
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { link, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'

import { EvenkeelError } from '../errors'
import { atExit } from '../platform/exit'

const OWNER_ONLY = 0o600
/** One whose process was stopped while it wrote it says nothing, for ever. */
const EMPTY_LIMIT_MS = 10_000

/** A process: its number, and when it was started, as numbers come again. */
interface Owner {
  pid: number
  started: string
}

export class Lock {
  private forget: (() => void) | undefined

  constructor(private readonly path: string) {}

  /** Throws if another one has it. What a process left behind that is gone is taken away. */
  async take(): Promise<void> {
    if (this.forget !== undefined) throw this.held(process.pid)
    const mine = JSON.stringify({ pid: process.pid, started: await startOf(process.pid) } satisfies Owner)
    for (const last of [false, true]) {
      if (await this.put(mine)) {
        this.forget = atExit(() => rmSync(this.path, { force: true }))
        return
      }
      const found = await readFile(this.path, 'utf8').catch(() => '')
      if (last || !(await this.isStale(found))) throw this.held(ownerOf(found)?.pid)
      await this.takeAway(found)
    }
  }

  async release(): Promise<void> {
    if (this.forget === undefined) return
    this.forget()
    this.forget = undefined
    await rm(this.path, { force: true })
  }

  /** With its text from the first moment on; false if there is one. */
  private async put(text: string): Promise<boolean> {
    const made = `${this.path}.${process.pid}.${randomUUID()}`
    await writeFile(made, text, { flag: 'wx', mode: OWNER_ONLY })
    try {
      await link(made, this.path)
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      // This file system has no links.
      return await this.putPlainly(text)
    } finally {
      await rm(made, { force: true })
    }
  }

  private async putPlainly(text: string): Promise<boolean> {
    try {
      const handle = await open(this.path, 'wx', OWNER_ONLY)
      await handle.writeFile(text).finally(() => handle.close())
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    }
  }

  private async isStale(found: string): Promise<boolean> {
    const owner = ownerOf(found)
    if (owner !== undefined) return !isAlive(owner.pid) || (await startOf(owner.pid)) !== owner.started
    const written = await stat(this.path).catch(() => undefined)
    return written === undefined || Date.now() - written.mtimeMs > EMPTY_LIMIT_MS
  }

  /** Of two that do so one finds the other's: that one is put back. */
  private async takeAway(stale: string): Promise<void> {
    const taken = `${this.path}.${process.pid}.${randomUUID()}`
    try {
      await rename(this.path, taken)
    } catch {
      return
    }
    if ((await readFile(taken, 'utf8')) !== stale) await link(taken, this.path).catch(() => {})
    await rm(taken, { force: true })
  }

  private held(pid: number | undefined): Error {
    const text = `The session is in use by process ${pid ?? '?'}; hint: end it, or if there is none, delete ${this.path}`
    return new EvenkeelError(text, 'SESSION_HELD')
  }
}

function ownerOf(text: string): Owner | undefined {
  try {
    const { pid, started } = JSON.parse(text) as Owner
    return Number.isInteger(pid) && pid > 0 && typeof started === 'string' ? { pid, started } : undefined
  } catch {
    return undefined
  }
}

/** The boot and the moment in it; nothing where the system does not say. */
async function startOf(pid: number): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    const fields = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name, in brackets, may have spaces.
    const [, ticks = ''] = /^.*\) (?:\S+ ){19}(\d+)/s.exec(fields) ?? []
    return `${boot.trim()} ${ticks}`
  } catch {
    return ''
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
