// A tab of Chromium that nobody sees: its own timers run once a minute, it is frozen, its
// network goes. Time is shortened: a keep-alive of two seconds for one of a minute and more, so
// that a minute in the background has as many pings as half an hour to an hour.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { broker } from './broker.mjs'
import { start } from './chromium/devtools.mjs'
import { absent } from './chromium/launch.mjs'
import { servePages } from './chromium/serve.mjs'
import { client, next, until } from './harness.mjs'

const home = join(dirname(fileURLToPath(import.meta.url)), '..')

/** Chromium begins with it after minutes, and is told to do it at once. */
const THROTTLED = '--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/1/grace_period_seconds_loaded/1'
/** The broker ends a connection that is silent for three. */
const KEEPALIVE = 2
/** More than a minute, in which the tab's own timers run once or twice. */
const HIDDEN_MS = 75_000

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Clients by name: how often they were connected, what came, what failed. */
const MAIN = `import mqtt from '/dist/browser.mjs'
window.clients = {}
window.begin = (name, url, options) => {
  const told = { connects: 0, got: [], failed: [], errors: [] }
  const client = mqtt.connect(url, options)
  client.on('connect', () => (told.connects += 1))
  client.on('error', ({ message }) => told.errors.push(message))
  client.on('message', (topic, payload) => {
    told.got.push(payload.toString())
    client.publish(topic.replace('to', 'from'), payload, { qos: 1 }, (error) => error && told.failed.push(error.message))
  })
  client.subscribe(name + '/to', { qos: 1 })
  window.clients[name] = { client, told }
}
window.ticks = []
const tick = () => {
  window.ticks.push(performance.now())
  setTimeout(tick, 100)
}
tick()`

describe('a tab in the background', { skip: absent(), concurrency: 3 }, () => {
  let served
  const ends = []
  before(async () => {
    served = await servePages({ after: (end) => ends.push(end) }, {
      '/main.mjs': { text: MAIN },
      '/page.html': { text: '<!doctype html><title>t</title><script type="module" src="/main.mjs"></script>' },
    }, { dist: join(home, 'dist') })
  })
  after(() => ends.forEach((end) => end()))

  /** A tab with the clients' page, in a browser of its own. */
  async function open(t, ...args) {
    const browser = await start(t, ...args)
    const tab = await browser.open(`${served.origin}/page.html`)
    await until(() => tab.evaluate('window.begin !== undefined'), 'the page')
    return { browser, tab }
  }

  const begin = (tab, name, url, options) => tab.evaluate(`begin(${JSON.stringify(name)}, ${JSON.stringify(url)}, ${JSON.stringify(options)})`)
  const told = (tab, name) => tab.evaluate(`clients[${JSON.stringify(name)}].told`)
  const online = (tab, name) => until(() => tab.evaluate(`clients[${JSON.stringify(name)}].client.connected`), `${name} online`)

  /** Sends numbers to a client of the tab, and has what it sends back. */
  async function correspondent(t, url, name) {
    const made = client(t, url)
    await next(made, 'connect')
    const sent = []
    const got = []
    made.on('message', (_, payload) => got.push(payload.toString()))
    await made.subscribeAsync(`${name}/from`, { qos: 1 })
    const send = async () => {
      sent.push(String(sent.length))
      await made.publishAsync(`${name}/to`, sent.at(-1), { qos: 1 })
    }
    return { sent, got, send }
  }

  /** Each number once or, where a connection was lost, more than once; none is missing. */
  const missing = (sent, got) => sent.filter((one) => !got.includes(one))

  test('an hour there costs no connection and no message', async (t) => {
    const { ws, mqtt } = await broker(t)
    const pages = spawn(process.execPath, [join(home, 'demo/serve.mjs'), '0'])
    t.after(() => pages.kill())
    let said = ''
    pages.stdout.on('data', (chunk) => (said += chunk))
    await until(() => /http:\/\/[^/]+/.test(said), 'the dashboard')

    const { browser, tab } = await open(t, THROTTLED)
    for (const name of ['busy', 'idle']) {
      await begin(tab, name, ws, { keepalive: KEEPALIVE })
      await online(tab, name)
    }
    const dashboard = await browser.open(`${/http:\/\/[^/]+/.exec(said)[0]}/?url=${ws}&keepalive=${KEEPALIVE}`)
    const shows = (what) => dashboard.evaluate(`document.querySelector('${what}').textContent`)
    const state = () => dashboard.evaluate(`document.querySelector('#state')?.dataset.state`)
    await until(async () => (await state()) === 'online', 'the dashboard online')
    await browser.open('about:blank')
    for (const one of [tab, dashboard]) assert.equal(await one.evaluate('document.visibilityState'), 'hidden')

    const { sent, got, send } = await correspondent(t, mqtt, 'busy')
    const end = Date.now() + HIDDEN_MS
    while (Date.now() < end) {
      await send()
      // Time in the background is what is tested.
      await sleep(1_000)
    }
    await until(() => missing(sent, got).length === 0, 'all answers')

    for (const name of ['busy', 'idle']) {
      const { connects, failed, errors } = await told(tab, name)
      assert.deepEqual({ name, connects, failed, errors }, { name, connects: 1, failed: [], errors: [] })
    }
    assert.deepEqual([await state(), await shows('#reconnects'), await shows('#lost')], ['online', '0', '0'])
    const gaps = await tab.evaluate('ticks.map((at, index) => at - (ticks[index - 1] ?? at))')
    assert.ok(Math.max(...gaps) > 15_000, `the tab's own timers were not held up: ${Math.max(...gaps)} ms at most`)
  })

  const state = (to) => (tab) => tab.send('Page.setWebLifecycleState', { state: to })
  const signal = (name) => (_tab, pids) => pids.forEach((pid) => process.kill(pid, name))
  for (const [name, freeze, thaw] of [
    ['frozen', state('frozen'), state('active')],
    ['asleep', signal('SIGSTOP'), signal('SIGCONT')],
  ]) {
    test(`${name} for longer than the broker waits, it has one reconnect and all messages`, async (t) => {
      const { ws, mqtt } = await broker(t)
      const { browser, tab } = await open(t)
      await begin(tab, name, ws, { keepalive: KEEPALIVE, clean: false, clientId: name })
      await online(tab, name)
      await browser.open('about:blank')
      const { sent, got, send } = await correspondent(t, mqtt, name)
      await send()
      await until(() => missing(sent, got).length === 0, 'the first answer')
      const { processInfo } = await browser.send('SystemInfo.getProcessInfo')
      const pids = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id)
      await freeze(tab, pids)
      for (let count = 0; count < 8; count++) {
        await send()
        // The broker is to find it silent.
        await sleep(1_000)
      }
      assert.equal(got.length, 1)
      await thaw(tab, pids)
      await until(() => missing(sent, got).length === 0, 'all answers')
      await online(tab, name)
      const { connects, failed } = await told(tab, name)
      assert.deepEqual({ connects, failed }, { connects: 2, failed: [] })
    })
  }

  test('a network that goes and comes back costs one reconnect', async (t) => {
    const { ws, mqtt } = await broker(t)
    const way = await relay(t, Number(new URL(ws).port))
    const { browser, tab } = await open(t)
    await begin(tab, 'away', `ws://127.0.0.1:${way.port}`, { keepalive: KEEPALIVE, clean: false, clientId: 'away' })
    await online(tab, 'away')
    await browser.open('about:blank')
    const { sent, got, send } = await correspondent(t, mqtt, 'away')
    await tab.send('Network.enable')
    const network = (offline) => tab.send('Network.emulateNetworkConditions', { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 })
    way.cut()
    await network(true)
    for (let count = 0; count < 8; count++) {
      await send()
      // Longer than a keep-alive and its answer.
      await sleep(1_000)
    }
    assert.equal(await tab.evaluate('clients.away.client.connected'), false)
    way.mend()
    await network(false)
    await until(() => missing(sent, got).length === 0, 'all answers')
    const { connects, failed } = await told(tab, 'away')
    assert.deepEqual({ connects, failed }, { connects: 2, failed: [] })
  })
})

/** Between a client and its server: while it is cut nothing gets through, and nobody is told. */
async function relay(t, to) {
  const sockets = new Set()
  let isCut = false
  const kept = (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    return socket
  }
  const server = createServer((near) => {
    kept(near)
    if (isCut) return near.pause()
    const far = kept(connect(to, '127.0.0.1'))
    near.pipe(far)
    far.pipe(near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const drop = () => sockets.forEach((socket) => socket.destroy())
  t.after(() => {
    drop()
    server.close()
  })
  return {
    port: server.address().port,
    cut() {
      isCut = true
      for (const socket of sockets) socket.unpipe().pause()
    },
    mend() {
      isCut = false
      drop()
    },
  }
}
