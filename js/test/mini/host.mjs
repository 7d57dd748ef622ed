// WeChat and Alipay as their documentation has them, over real WebSockets: what a mini
// program sees of its host, and how its scripts are run.
import { readFileSync } from 'node:fs'
import { createContext, runInContext } from 'node:vm'

// By its file, as `ws` itself has nothing for browsers.
import ws from '../../node_modules/ws/index.js'

const code = readFileSync(new URL('../../dist/mini/index.js', import.meta.url), 'utf8')

/** What came into the language after ES2017: old engines have none of it. */
const LATER = `
for (const [of, names] of [
  [Object, ['fromEntries', 'hasOwn', 'groupBy']],
  [Array.prototype, ['at', 'flat', 'flatMap', 'findLast', 'findLastIndex', 'toSorted', 'toSpliced', 'with']],
  [Object.getPrototypeOf(Uint8Array).prototype, ['at', 'findLast', 'toSorted', 'with']],
  [String.prototype, ['at', 'matchAll', 'replaceAll', 'trimStart', 'trimEnd']],
  [Promise, ['allSettled', 'any', 'withResolvers']],
  [Promise.prototype, ['finally']],
  [this, ['WebAssembly', 'BigInt', 'BigInt64Array', 'WeakRef', 'FinalizationRegistry', 'AggregateError', 'SharedArrayBuffer', 'globalThis']],
]) for (const name of names) delete of[name]`

/** Names that hosts hide from scripts, or have none of. */
const HIDDEN = ['window', 'document', 'location', 'navigator', 'self', 'WebSocket', 'Worker', 'require']

/** The package in a mini program that has these globals. */
export function load(globals) {
  return program(globals).mqtt
}

/** With what runs a script there, and the class of its bytes: `ArrayBuffer`s come from outside, as a host's do. */
export function program(globals) {
  const context = createContext({ console, setTimeout, clearTimeout, ...globals }, { codeGeneration: { strings: false, wasm: false } })
  runInContext(LATER, context)
  const module = { exports: {} }
  runInContext(`(function (module, exports, ${HIDDEN}) {${code}\n})`, context)(module, module.exports)
  const run = (script) => runInContext(script, context)
  return { mqtt: module.exports, run, Uint8Array: run('Uint8Array') }
}

const soon = (act, ...args) => act && setImmediate(act, ...args)

/** One WebSocket of a host. `form` says how messages look there. */
class Task {
  constructor(host, { url, protocols, header, success, fail }) {
    this.host = host
    this.asked = { url, protocols, header }
    this.on = {}
    this.state = 'connecting'
    if (host.refuses(url)) {
      this.state = 'closed'
      soon(() => {
        fail?.(host.refuses(url))
        this.on.error?.(host.refuses(url))
      })
      return
    }
    host.tasks.add(this)
    this.socket = new ws.WebSocket(url, protocols, { headers: header })
    this.socket.binaryType = 'arraybuffer'
    this.socket.onopen = () => {
      this.state = 'open'
      this.on.open?.({ header: {} })
    }
    this.socket.onmessage = ({ data }) => this.on.message?.(host.received(data))
    this.socket.onerror = ({ message }) => this.on.error?.({ errMsg: message })
    this.socket.onclose = ({ code, reason }) => {
      this.state = 'closed'
      host.tasks.delete(this)
      this.on.close?.({ code, reason })
    }
    soon(success, { errMsg: 'connectSocket:ok' })
  }

  onOpen = (act) => void (this.on.open = act)
  onMessage = (act) => void (this.on.message = act)
  onClose = (act) => void (this.on.close = act)
  onError = (act) => void (this.on.error = act)

  send = ({ data, isBuffer, success, fail }) => {
    const { host } = this
    if (this.state !== 'open' || host.failsSends-- > 0) return soon(fail, { errMsg: 'sendSocketMessage:fail' })
    host.sent.push(data)
    const done = () => {
      if (this.state === 'open') this.socket.send(host.toSend(data, isBuffer))
      success?.({ errMsg: 'sendSocketMessage:ok' })
    }
    if (host.holds) host.held.push(done)
    else soon(done)
  }

  close = ({ code, success, fail } = {}) => {
    if (this.state !== 'open') return soon(fail, { errMsg: 'closeSocket:fail' })
    this.socket.close(code ?? 1000)
    soon(success, { errMsg: 'closeSocket:ok' })
  }
}

class Host {
  tasks = new Set()
  /** All that were asked for. */
  asked = []
  sent = []
  /** Calls of `success` that wait, while `holds`. */
  held = []
  holds = false
  failsSends = 0
  listeners = {}

  constructor(t, { domains, most = 5 } = {}) {
    this.domains = domains
    this.most = most
    t.after(() => this.tasks.forEach(({ socket }) => socket.terminate()))
  }

  refuses(url) {
    if (this.domains?.includes(new URL(url).host) === false) return { errMsg: `createSocketTask:fail url not in domain list: ${url}` }
    if (this.tasks.size >= this.most) return { errMsg: 'createSocketTask:fail exceed max concurrent count' }
    return undefined
  }

  connect(asked) {
    const task = new Task(this, asked)
    this.asked.push(task.asked)
    return task
  }

  release() {
    this.holds = false
    for (const done of this.held.splice(0)) soon(done)
  }

  /** What the whole program is told. */
  tell(event, ...args) {
    this.listeners[event]?.(...args)
  }

  events() {
    const on = (name) => (act) => void (this.listeners[name] = act)
    const off = (name) => () => void delete this.listeners[name]
    return {
      onAppShow: on('show'),
      offAppShow: off('show'),
      onNetworkStatusChange: on('network'),
      offNetworkStatusChange: off('network'),
    }
  }
}

/** The global `wx`. */
export class WeChat extends Host {
  received = (data) => ({ data })

  toSend = (data, isBuffer) => {
    if (Object.prototype.toString.call(data) !== '[object ArrayBuffer]' || isBuffer !== undefined) return String(data)
    return Buffer.from(data)
  }

  wx = { connectSocket: (asked) => this.connect(asked), ...this.events() }
}

/** The global `my`, with a `SocketTask` for each `multiple`. */
export class Alipay extends Host {
  received = (data) => (typeof data === 'string' ? { data } : { data: Buffer.from(data).toString('base64'), isBuffer: true })

  toSend = (data, isBuffer) => (isBuffer ? Buffer.from(data, 'base64') : String(data))

  my = { connectSocket: (asked) => (asked.multiple ? this.connect(asked) : undefined), ...this.events() }
}

/** Before there was `multiple`: one WebSocket, and listeners that stay. */
export class OldAlipay extends Alipay {
  constructor(t) {
    super(t, { most: 1 })
    const all = { open: [], message: [], close: [], error: [] }
    const tell = (name) => (event) => all[name].forEach((act) => act(event))
    let task
    this.all = all
    this.my = {
      connectSocket: ({ fail, ...asked }) => {
        if (this.tasks.size > 0) return soon(fail, { error: 3, errorMessage: 'there is one already' })
        task = this.connect(asked)
        for (const name of Object.keys(all)) task.on[name] = tell(name)
      },
      onSocketOpen: (act) => all.open.push(act),
      onSocketMessage: (act) => all.message.push(act),
      onSocketClose: (act) => all.close.push(act),
      onSocketError: (act) => all.error.push(act),
      sendSocketMessage: (sent) => task.send(sent),
      closeSocket: (closing) => task.close(closing),
    }
  }
}
