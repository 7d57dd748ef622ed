// Chromium by its DevTools protocol alone: Playwright has each page believe that it is seen.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { WebSocket } from 'ws'

import { until } from '../harness.mjs'
import { program } from './launch.mjs'

/** Started with these arguments, until the test is over. */
export async function start(t, ...args) {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-chromium-'))
  const usual = ['--headless=new', '--no-sandbox', '--no-first-run', '--remote-debugging-port=0', `--user-data-dir=${folder}`]
  // A group of its own: its helpers end with it, also those that a test has stopped.
  const how = { stdio: ['ignore', 'ignore', 'pipe'], detached: true }
  const child = spawn(program(), [...usual, ...args, 'about:blank'], how)
  let said = ''
  child.stderr.on('data', (chunk) => (said += chunk))
  t.after(async () => {
    process.kill(-child.pid, 'SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  })
  await until(() => /ws:\/\/\S+/.test(said), 'Chromium')
  return new DevTools(await connected(/ws:\/\/\S+/.exec(said)[0]))
}

async function connected(url) {
  const socket = new WebSocket(url)
  await once(socket, 'open')
  return socket
}

export class DevTools {
  last = 0
  waiting = new Map()

  constructor(socket) {
    this.socket = socket
    socket.on('message', (text) => {
      const { id, result, error } = JSON.parse(text)
      const { resolve, reject } = this.waiting.get(id) ?? {}
      this.waiting.delete(id)
      if (error !== undefined) reject?.(new Error(error.message))
      else resolve?.(result)
    })
    socket.on('close', () => {
      for (const { reject } of this.waiting.values()) reject(new Error('Chromium has ended'))
    })
  }

  send(method, params = {}, sessionId = undefined) {
    const id = (this.last += 1)
    this.socket.send(JSON.stringify({ id, method, params, sessionId }))
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }))
  }

  /** A new tab in front of all others. */
  async open(url) {
    const { targetId } = await this.send('Target.createTarget', { url })
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

  inFront() {
    return this.tools.send('Target.activateTarget', { targetId: this.targetId })
  }
}
