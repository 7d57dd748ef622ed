// The dashboard of js/demo in Chromium: it survives a broker that is started anew, one that
// does not answer, and a page that was frozen.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { absent, launch } from './chromium/launch.mjs'
import { until } from './harness.mjs'

const demo = join(dirname(fileURLToPath(import.meta.url)), '../demo/serve.mjs')

/** A port that is free now. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** A program whose output has this, until the tests are over. */
async function started(program, args, says) {
  const child = spawn(program, args)
  let said = ''
  child.stdout.on('data', (chunk) => (said += chunk))
  child.stderr.on('data', (chunk) => (said += chunk))
  await until(() => says.test(said), `${program} ${args.join(' ')}`)
  return { child, found: says.exec(said) }
}

describe('the dashboard', { skip: absent() }, () => {
  let browser
  let pages
  let port
  let broker
  const start = async () => {
    const args = ['broker', '-p', '0', '--ws-port', String(port)]
    broker = (await started(process.env.EVENKEEL_BROKER, args, /ws:\/\//)).child
  }
  const stop = async () => {
    broker.kill()
    await once(broker, 'exit')
  }
  before(async () => {
    port = await freePort()
    await start()
    pages = await started(process.execPath, [demo, '0'], /http:\/\/[^/]+/)
    browser = await launch()
  })
  after(async () => {
    await browser?.close()
    broker?.kill('SIGKILL')
    pages?.child.kill()
  })

  async function open(t) {
    const context = await browser.newContext()
    t.after(() => context.close())
    const page = await context.newPage()
    const faults = []
    page.on('pageerror', (error) => faults.push(error.message))
    await page.goto(`${pages.found[0]}/?url=ws://127.0.0.1:${port}&keepalive=2`)
    await online(page, 0)
    return { page, faults }
  }

  /** Online again after so many reconnects, as somebody reads it. */
  async function online(page, reconnects) {
    const is = (count) =>
      document.querySelector('#state').dataset.state === 'online' &&
      document.querySelector('#reconnects').textContent === String(count)
    await page.waitForFunction(is, reconnects, { timeout: 60_000 })
  }

  async function publishes(page) {
    await page.click('#publish button')
    await page.waitForFunction(() => document.querySelector('#outcome').textContent.startsWith('done'))
  }

  const causes = (page) => page.$$eval('#connections td:nth-child(3)', (cells) => cells.map((cell) => cell.textContent))

  test('a broker that is started anew costs one reconnect, and nothing is lost', async (t) => {
    const { page, faults } = await open(t)
    await publishes(page)
    await stop()
    await page.waitForSelector('#state[data-state=waiting]', { timeout: 60_000 })
    await page.click('#publish button')
    await start()
    await online(page, 1)
    await page.waitForFunction(() => document.querySelector('#outcome').textContent.startsWith('done'))
    const messages = await page.$$eval('#messages tr', (rows) => rows.length)
    assert.equal(messages, 2)
    assert.match((await causes(page))[1], /server|closed|reset|lost/)
    assert.deepEqual(faults, [])
  })

  test('a broker that does not answer is left once, and the page says why', async (t) => {
    const { page } = await open(t)
    broker.kill('SIGSTOP')
    await page.waitForFunction(() => document.querySelector('#lost').textContent !== '0', undefined, { timeout: 60_000 })
    broker.kill('SIGCONT')
    await online(page, 1)
    assert.match((await causes(page))[1], /ping was not answered/)
    await publishes(page)
  })

  test('a page that was frozen asks for a sign of life, and goes on', async (t) => {
    const { page } = await open(t)
    const session = await page.context().newCDPSession(page)
    await session.send('Page.setWebLifecycleState', { state: 'frozen' })
    // Longer than a keep-alive and a half, in which nothing of the page runs.
    await new Promise((resolve) => setTimeout(resolve, 4_000))
    await session.send('Page.setWebLifecycleState', { state: 'active' })
    await page.waitForFunction(() => document.querySelector('#state').dataset.state === 'online', undefined, { timeout: 60_000 })
    await publishes(page)
    assert.ok(Number(await page.textContent('#reconnects')) <= 1)
  })

  test('it can be used by keyboard alone, and says in words what it draws', async (t) => {
    const { page } = await open(t)
    await page.focus('#publish input[name=payload]')
    await page.keyboard.press('End')
    await page.keyboard.type(' by keyboard')
    await page.keyboard.press('Enter')
    await page.waitForFunction(() => document.querySelector('#messages tr')?.textContent.includes('hello by keyboard'))
    assert.match(await page.textContent('#strip-text'), /online \d+ s.*; \d+ pings, 0 of them without answer/)
    const named = await page.$eval('#strip', (strip) => [strip.getAttribute('role'), strip.getAttribute('aria-labelledby')])
    assert.deepEqual(named, ['img', 'strip-title'])
  })
})
