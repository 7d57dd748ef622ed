// Chromium by its DevTools protocol alone: Playwright has each page believe that it is seen.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { program } from './launch.mjs'

/** Started with these arguments, until the test is over. */
export async function start(t, ...args) {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-chromium-'))
  const usual = ['--headless=new', '--no-sandbox', '--no-first-run', '--remote-debugging-pipe', `--user-data-dir=${folder}`]
  // A group of its own: its helpers end with it, also those that a test has stopped. It ends
  // by itself when the pipes do.
  const how = { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], detached: true }
  const child = spawn(program(), [...usual, ...args, 'about:blank'], how)
  t.after(async () => {
    process.kill(-child.pid, 'SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  })
  return new DevTools(child.stdio[3], child.stdio[4])
}

export class DevTools {
  last = 0
  waiting = new Map()

  /** Each message ends with a zero byte. */
  constructor(to, from) {
    this.to = to.on('error', () => {})
    let held = ''
    from.setEncoding('utf8').on('data', (text) => {
      const messages = (held + text).split('\0')
      held = messages.pop()
      for (const message of messages) this.take(JSON.parse(message))
    })
    from.on('close', () => {
      for (const { reject } of this.waiting.values()) reject(new Error('Chromium has ended'))
    })
  }

  take({ id, result, error }) {
    const { resolve, reject } = this.waiting.get(id) ?? {}
    this.waiting.delete(id)
    if (error !== undefined) reject?.(new Error(error.message))
    else resolve?.(result)
  }

  send(method, params = {}, sessionId = undefined) {
    const id = (this.last += 1)
    this.to.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }))
  }

  /** A new tab in front of all others, in a window with other cookies if it is `apart`. */
  async open(url, { apart = false } = {}) {
    const { browserContextId } = apart ? await this.send('Target.createBrowserContext') : {}
    const { targetId } = await this.send('Target.createTarget', { url, browserContextId })
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true })
    return new Tab(this, targetId, sessionId)
  }
}

export class Tab {
  constructor(tools, targetId, sessionId) {
    Object.assign(this, { tools, targetId, sessionId })
  }

  send(method, params) {
    return this.tools.send(method, params, this.sessionId)
  }

  /** What this is in the page, once it is there. */
  async evaluate(expression) {
    const asked = { expression, awaitPromise: true, returnByValue: true }
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', asked)
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
    return result.value
  }

  close() {
    return this.tools.send('Target.closeTarget', { targetId: this.targetId })
  }
}
