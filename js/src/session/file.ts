//! A session in a file.
import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

import { EvenkeelError } from '../errors'
import type { ISession } from './session'

const OWNER_ONLY = 0o600

/**
 * Keeps a session in a file, which is its owner's alone, and made if it is not there.
 * Beside it are a `.lock`, with the number of the process that has it open, and for a
 * moment a `.new`.
 */
export class DurableSession implements ISession {
  private handle: FileHandle | undefined
  private length = 0
  /** Bytes that a failed write has left behind the end. */
  private isTorn = false
  private isLocked = false

  constructor(readonly path: string) {
    if (typeof path !== 'string' || path === '') {
      throw new EvenkeelError('A session needs the path of a file', 'INVALID_OPTION')
    }
  }

  async open(): Promise<Uint8Array> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 })
    await this.lock()
    try {
      // Made if it is not there; but what is appended to writes nowhere else.
      await (await open(this.path, 'a', OWNER_ONLY)).close()
      const handle = await open(this.path, 'r+')
      this.handle = handle
      const all = await handle.readFile()
      this.length = all.length
      this.isTorn = false
      return all
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async append(bytes: Uint8Array): Promise<void> {
    const handle = this.opened()
    if (this.isTorn) await handle.truncate(this.length)
    this.isTorn = true
    await writeAll(handle, bytes, this.length)
    await handle.datasync()
    this.isTorn = false
    this.length += bytes.length
  }

  async replace(bytes: Uint8Array): Promise<void> {
    const old = this.opened()
    const path = `${this.path}.new`
    await rm(path, { force: true })
    const handle = await open(path, 'wx+', OWNER_ONLY)
    try {
      await writeAll(handle, bytes, 0)
      await handle.datasync()
      await rename(path, this.path)
    } catch (error) {
      await handle.close()
      await rm(path, { force: true }).catch(() => {})
      throw error
    }
    this.handle = handle
    this.length = bytes.length
    this.isTorn = false
    await old.close()
    await syncFolder(dirname(this.path))
  }

  async close(): Promise<void> {
    const { handle } = this
    this.handle = undefined
    await handle?.close()
    if (this.isLocked) await rm(this.lockPath, { force: true })
    this.isLocked = false
  }

  private opened(): FileHandle {
    if (this.handle !== undefined) return this.handle
    throw new EvenkeelError('The session is not open', 'SESSION_CLOSED')
  }

  private get lockPath(): string {
    return `${this.path}.lock`
  }

  private async lock(): Promise<void> {
    if (this.isLocked) throw this.held(process.pid)
    for (const last of [false, true]) {
      try {
        const handle = await open(this.lockPath, 'wx', OWNER_ONLY)
        await handle.writeFile(String(process.pid))
        await handle.close()
        this.isLocked = true
        return
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const owner = Number(await readFile(this.lockPath, 'utf8').catch(() => ''))
      if (last || owner === process.pid || isAlive(owner)) throw this.held(owner)
      await rm(this.lockPath, { force: true })
    }
  }

  private held(owner: number): Error {
    const text = `The session ${this.path} is in use by process ${owner || '?'}; hint: end it, or if there is none, delete ${this.lockPath}`
    return new EvenkeelError(text, 'SESSION_HELD')
  }
}

/** A lock file that is just being written names nobody: that one is alive. */
function isAlive(pid: number): boolean {
  if (!(pid > 0)) return true
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

/** The new name is durable, too; not every system can do that. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  await folder?.sync().catch(() => {})
  await folder?.close()
}
