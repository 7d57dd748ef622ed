//! A session in a file.
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

import { EvenkeelError } from '../errors'
import { Lock } from './lock'
import { renameFile } from './rename'
import type { ISession } from './session'

const OWNER_ONLY = 0o600

/**
 * Keeps a session in a file, which is its owner's alone, and made if it is not there.
 * Beside it are a `.lock`, which names the process that has it open, and for a moment a
 * `.new`.
 */
export class DurableSession implements ISession {
  private handle: FileHandle | undefined
  private length = 0
  /** Bytes that a failed write has left behind the end. */
  private isTorn = false
  private readonly lock: Lock

  constructor(readonly path: string) {
    if (typeof path !== 'string' || path === '') {
      throw new EvenkeelError('A session needs the path of a file', 'INVALID_OPTION')
    }
    this.lock = new Lock(`${path}.lock`)
  }

  async open(): Promise<Uint8Array> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 })
    await this.lock.take()
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
    await this.mend()
    this.isTorn = true
    try {
      await writeAll(handle, bytes, this.length)
      await handle.datasync()
    } catch (error) {
      await this.mend().catch(() => {})
      throw error
    }
    this.isTorn = false
    this.length += bytes.length
  }

  async replace(bytes: Uint8Array): Promise<void> {
    const old = this.opened()
    const path = `${this.path}.new`
    try {
      await writeNew(path, bytes)
      // Windows renames neither a file that is open nor over one that is.
      this.handle = undefined
      await old.close()
      await renameFile(path, this.path)
      this.length = bytes.length
      this.isTorn = false
    } catch (error) {
      await rm(path, { force: true }).catch(() => {})
      throw error
    } finally {
      // Whichever is there now, it is whole.
      this.handle ??= await open(this.path, 'r+')
    }
    await syncFolder(dirname(this.path))
  }

  async close(): Promise<void> {
    const { handle } = this
    try {
      // What was not kept is not to come back.
      await this.mend().catch(() => {})
      this.handle = undefined
      await handle?.close()
    } finally {
      await this.lock.release()
    }
  }

  /** Cuts off what a failed write has left. */
  private async mend(): Promise<void> {
    if (!this.isTorn || this.handle === undefined) return
    await this.handle.truncate(this.length)
    this.isTorn = false
  }

  private opened(): FileHandle {
    if (this.handle !== undefined) return this.handle
    throw new EvenkeelError('The session is not open', 'SESSION_CLOSED')
  }
}

/** A file with these bytes that nobody else reads, durable and closed. */
async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  await rm(path, { force: true })
  const handle = await open(path, 'wx', OWNER_ONLY)
  try {
    await writeAll(handle, bytes, 0)
    await handle.datasync()
  } finally {
    await handle.close()
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
