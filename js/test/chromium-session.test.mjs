// Sessions in IndexedDB: the contract, and a page that is closed before its messages are
// delivered.
import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { absent, launch } from './chromium/launch.mjs'
import { broker, servePages } from './chromium/serve.mjs'
import { mqtt } from './harness.mjs'
import { BEHAVIOURS } from './session-contract.mjs'

const here = dirname(fileURLToPath(import.meta.url))

const PAGE = `<!doctype html><meta charset="utf-8"><title>t</title><script type="module" src="/main.mjs"></script>`
const MAIN = `
import mqtt from '/dist/browser.mjs'
import { BEHAVIOURS, code } from '/test/session-contract.mjs'
const equal = (actual, expected) => {
  if (!Object.is(actual, expected)) throw new Error(actual + ' is not ' + expected)
}
window.behave = async (name) => {
  const opened = []
  const make = () => {
    opened.push(new mqtt.DurableSession('contract: ' + name))
    return opened.at(-1)
  }
  try {
    await BEHAVIOURS[name]({ make, code, equal })
  } finally {
    for (const session of opened) await session.close()
  }
}
const connect = (url, session) => mqtt.connect(url, {
  clientId: 'page', clean: false, protocolVersion: 5, properties: { sessionExpiryInterval: 3600 }, session,
})
// Accepts messages that cannot be delivered; ends when they are durable.
window.accept = async (url, payloads) => {
  const session = new mqtt.DurableSession('page')
  const client = connect(url, session)
  client.on('error', () => {})
  const append = session.append.bind(session)
  for (const payload of payloads) {
    const kept = new Promise((resolve) => {
      session.append = async (bytes) => {
        await append(bytes)
        if (new TextDecoder().decode(bytes).includes(payload)) resolve()
      }
    })
    client.publish('from/page', payload, { qos: 1 })
    await kept
  }
}
window.deliver = (url) => new Promise((resolve, reject) => {
  const client = connect(url, new mqtt.DurableSession('page'))
  client.on('error', reject)
  client.on('connect', resolve)
})
window.second = () => code(() => new mqtt.DurableSession('page').open())
`

describe('sessions in Chromium', { skip: absent() }, () => {
  let browser
  let origin
  let url
  const ends = []
  before(async () => {
    const all = { after: (end) => ends.push(end) }
    const pages = { '/': { text: PAGE }, '/main.mjs': { text: MAIN } }
    origin = (await servePages(all, pages, { dist: join(here, '../dist'), test: here })).origin
    url = await broker(all)
    browser = await launch()
  })
  after(async () => {
    await browser?.close()
    for (const end of ends) end()
  })

  /** Pages of one context have one IndexedDB. */
  async function opened(context, needs) {
    const page = await context.newPage()
    await page.goto(origin)
    await page.waitForFunction((name) => window[name] !== undefined, needs)
    return page
  }

  for (const name of Object.keys(BEHAVIOURS)) {
    test(name, async () => {
      const context = await browser.newContext()
      const page = await opened(context, 'behave')
      await page.evaluate((which) => window.behave(which), name)
      await context.close()
    })
  }

  test('what a page had accepted is delivered after it is opened again', async (t) => {
    const context = await browser.newContext()
    const first = await opened(context, 'accept')
    // Nobody is there.
    await first.evaluate(([where, payloads]) => window.accept(where, payloads), ['ws://127.0.0.1:9', ['one', 'two', 'three']])
    const other = await opened(context, 'second')
    assert.equal(await other.evaluate(() => window.second()), 'SESSION_HELD')
    await other.close()
    await first.close()

    const listener = await mqtt.connectAsync(url)
    t.after(() => listener.endAsync(true))
    await listener.subscribeAsync('from/page', { qos: 1 })
    const got = []
    const all = new Promise((resolve) => {
      listener.on('message', (_topic, payload) => got.push(payload.toString()) === 3 && resolve())
    })
    const second = await opened(context, 'deliver')
    await second.evaluate((where) => window.deliver(where), url)
    await all
    assert.deepEqual(got, ['one', 'two', 'three'])
    await context.close()
  })
})
