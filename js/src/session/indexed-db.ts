//! A session in a browser's IndexedDB.
import { EvenkeelError } from '../errors'
import type { ISession } from './session'

/** What of IndexedDB is used here: its types come with browsers' alone. */
interface Request<T = any> {
  result: T
  error: Error | null
  onsuccess: () => void
  onerror: () => void
  onblocked?: () => void
  onupgradeneeded?: () => void
}
interface Table {
  add(value: unknown): Request
  put(value: unknown, key: string): Request
  get(key: string): Request
  getAll(): Request<Uint8Array[]>
  clear(): Request
}
interface Transaction {
  objectStore(name: string): Table
  abort(): void
  error: Error | null
  oncomplete: () => void
  onabort: () => void
}
interface Database {
  createObjectStore(name: string, options?: object): Table
  transaction(names: string[], mode: string, options?: object): Transaction
  close(): void
  onversionchange: () => void
}
interface Locks {
  request(name: string, options: object, act: (lock: unknown) => Promise<void> | void): Promise<void>
}

const LOG = 'log'
const STATE = 'state'
const OWNER = 'owner'

/**
 * Keeps a session in IndexedDB, in a data base of its own. One page or worker has it open:
 * by a lock that ends with the page where there are locks, and always by a mark in the data
 * base, so that nothing is appended by one whose session another has opened.
 */
export class DurableSession implements ISession {
  private database: Database | undefined
  private owner = ''
  private unlock: (() => void) | undefined

  constructor(readonly name: string) {
    if (typeof name !== 'string' || name === '') {
      throw new EvenkeelError('A session needs a name', 'INVALID_OPTION')
    }
  }

  async open(): Promise<Uint8Array> {
    await this.lock()
    try {
      this.database = await openDatabase(`evenkeel-session:${this.name}`)
      this.owner = `${Date.now()}-${Math.random()}`
      let log: Request<Uint8Array[]> | undefined
      await this.transact((transaction) => {
        transaction.objectStore(STATE).put(this.owner, OWNER)
        log = transaction.objectStore(LOG).getAll()
      })
      return Buffer.concat(log!.result)
    } catch (error) {
      await this.close()
      throw error
    }
  }

  append(bytes: Uint8Array): Promise<void> {
    return this.asOwner((transaction) => transaction.objectStore(LOG).add(bytes.slice()))
  }

  replace(bytes: Uint8Array): Promise<void> {
    return this.asOwner((transaction) => {
      const log = transaction.objectStore(LOG)
      log.clear()
      log.add(bytes.slice())
    })
  }

  async close(): Promise<void> {
    this.database?.close()
    this.database = undefined
    this.unlock?.()
    this.unlock = undefined
  }

  private asOwner(act: (transaction: Transaction) => void): Promise<void> {
    return this.transact((transaction) => {
      const owner = transaction.objectStore(STATE).get(OWNER)
      owner.onsuccess = () => {
        if (owner.result === this.owner) act(transaction)
        else transaction.abort()
      }
    })
  }

  /** Resolves when it is durable. */
  private transact(act: (transaction: Transaction) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.database === undefined) throw closed('The session is not open')
      const options = { durability: 'strict' }
      const transaction = this.database.transaction([LOG, STATE], 'readwrite', options)
      transaction.oncomplete = () => resolve()
      transaction.onabort = () => {
        reject(transaction.error ?? closed(`The session ${this.name} was opened by another page`))
      }
      act(transaction)
    })
  }

  private async lock(): Promise<void> {
    const { locks } = ((globalThis as { navigator?: unknown }).navigator ?? {}) as { locks?: Locks }
    if (this.unlock !== undefined) throw this.held()
    if (locks === undefined) return
    await new Promise<void>((resolve, reject) => {
      const name = `evenkeel-session:${this.name}`
      const whenHeld = (lock: unknown): Promise<void> | void => {
        if (lock === null) return reject(this.held())
        return new Promise((unlock) => {
          this.unlock = unlock
          resolve()
        })
      }
      locks.request(name, { ifAvailable: true }, whenHeld).catch(reject)
    })
  }

  private held(): Error {
    const text = `The session ${this.name} is in use by another page or client; hint: give each a name of its own`
    return new EvenkeelError(text, 'SESSION_HELD')
  }
}

function closed(text: string): Error {
  return new EvenkeelError(text, 'SESSION_CLOSED')
}

function openDatabase(name: string): Promise<Database> {
  return new Promise((resolve, reject) => {
    const { indexedDB } = globalThis as unknown as {
      indexedDB?: { open(name: string, version: number): Request<Database> }
    }
    if (indexedDB === undefined) {
      const text = 'A session needs IndexedDB, which is not here; hint: give an ISession of your own'
      throw new EvenkeelError(text, 'NOT_SUPPORTED')
    }
    const request = indexedDB.open(name, 1)
    request.onupgradeneeded = () => {
      request.result.createObjectStore(LOG, { autoIncrement: true })
      request.result.createObjectStore(STATE)
    }
    request.onsuccess = () => {
      // Whoever deletes it need not wait.
      request.result.onversionchange = () => request.result.close()
      resolve(request.result)
    }
    request.onerror = () => reject(request.error ?? new Error('IndexedDB cannot be opened'))
  })
}
