//! Timers in a worker: a page in the background has its own ones held up, to once a
//! minute, a worker has not. One worker serves all clients of the page.
import { monotonicMs, nativeWaiter, type Waiter } from '../../clock'

/** What runs in the worker: a message sets a timer, or clears it if it has no time. */
const PROGRAM = `const ids = new Map()
onmessage = ({ data: [wait, ms] }) => {
  if (ms === undefined) {
    clearTimeout(ids.get(wait))
    ids.delete(wait)
  } else ids.set(wait, setTimeout(() => {
    ids.delete(wait)
    postMessage(wait)
  }, ms))
}`

interface WorkerLike {
  onmessage: (event: { data: number }) => void
  onerror: (event: { preventDefault(): void }) => void
  postMessage(message: number[]): void
  terminate(): void
}

interface Wait {
  act: () => void
  endMs: number
  /** Of the page's own timer, if there is no worker. */
  own: unknown
}

export class WorkerTimers implements Waiter {
  private worker: WorkerLike | undefined
  private readonly waits = new Map<number, Wait>()
  private last = 0

  /** Throws if there can be no worker. */
  constructor() {
    const url = URL.createObjectURL(new Blob([PROGRAM], { type: 'text/javascript' }))
    try {
      const { Worker } = globalThis as unknown as { Worker: new (url: string) => WorkerLike }
      this.worker = new Worker(url)
    } finally {
      // It has been fetched by then, or never will be.
      nativeWaiter.start(() => URL.revokeObjectURL(url), 10_000)
    }
    this.worker.onmessage = ({ data }) => this.end(data)
    // A content security policy may forbid it, which some browsers say no earlier.
    this.worker.onerror = (event) => {
      event.preventDefault()
      this.doWithout()
    }
  }

  start(act: () => void, ms: number): unknown {
    const id = (this.last += 1)
    const wait: Wait = { act, endMs: monotonicMs() + ms, own: undefined }
    this.waits.set(id, wait)
    if (this.worker === undefined) this.waitHere(id, wait)
    else this.worker.postMessage([id, ms])
    return id
  }

  stop(id: unknown): void {
    const wait = this.waits.get(id as number)
    if (wait === undefined) return
    this.waits.delete(id as number)
    if (this.worker === undefined) nativeWaiter.stop(wait.own)
    else this.worker.postMessage([id as number])
  }

  private end(id: number): void {
    const wait = this.waits.get(id)
    this.waits.delete(id)
    wait?.act()
  }

  /** The timers that run go on as the page's own. */
  private doWithout(): void {
    this.worker?.terminate()
    this.worker = undefined
    for (const [id, wait] of this.waits) this.waitHere(id, wait)
  }

  private waitHere(id: number, wait: Wait): void {
    wait.own = nativeWaiter.start(() => this.end(id), Math.max(0, wait.endMs - monotonicMs()))
  }
}
