// Whether memory grows: what is left after garbage collection, at the beginning and at
// the end of a long run.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
// What V8 compiles for functions that are called often grows for long, and is not ours.
for (const compiler of ['--no-opt', '--no-sparkplug']) setFlagsFromString(compiler)
const collect = runInNewContext('gc')

/**
 * What the heap may have more at the end, for functions that run for the first time: in two
 * minutes of soak a dozen bytes for each connection, in an hour of a test some hundreds.
 */
const HEAP_MORE = 24 * 1024
/** What is outside of it may: buffers that are on their way. */
const OTHERS_MORE = 64 * 1024
/** What the module of a client may have more: one page, the least by which it grows. */
const PAGE = 65_536

export class Growth {
  samples = []

  /** `clients` are those whose module's memory counts. */
  constructor(clients) {
    this.clients = clients
  }

  sample() {
    // What the first collection finalizes, the second one frees.
    collect()
    collect()
    const instances = new Set(this.clients.map((client) => client.parts.driver.core.instance))
    const wasm = [...instances].reduce((sum, { memory }) => sum + memory.length, 0)
    const { heapUsed, external } = process.memoryUsage()
    // The memory of modules is part of what is external to the heap.
    this.samples.push({ heap: heapUsed, wasm, others: external - wasm })
  }

  /** Means of the first and of the last quarter, in bytes. */
  quarters(name) {
    const quarter = Math.floor(this.samples.length / 4)
    const mean = (part) => part.reduce((sum, one) => sum + one[name], 0) / part.length
    return [mean(this.samples.slice(0, quarter)), mean(this.samples.slice(-quarter))]
  }

  /** What has grown by more than its bound, in words; empty if nothing has. */
  problems() {
    const bounds = { heap: HEAP_MORE, wasm: PAGE * this.clients.length, others: OTHERS_MORE }
    return Object.entries(bounds).flatMap(([name, bound]) => {
      const [first, last] = this.quarters(name)
      return last - first <= bound ? [] : [`${name}: from ${Math.round(first)} to ${Math.round(last)} bytes`]
    })
  }

  toString() {
    return ['heap', 'wasm', 'others'].map((name) => {
      const [first, last] = this.quarters(name).map((bytes) => (bytes / 1024).toFixed(0))
      return `${name} ${first} -> ${last} KiB`
    }).join(', ')
  }
}
