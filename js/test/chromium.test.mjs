// In Chromium: pages, workers and service workers, by module and by script, with content
// security policies, and where WebAssembly is slow to come or never does.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { BEHAVIOURS } from './chromium/behaviours.mjs'
import { absent, launch } from './chromium/launch.mjs'
import { BEHAVIOURS_FOLDER, broker, servePages } from './chromium/serve.mjs'

const home = join(dirname(fileURLToPath(import.meta.url)), '..')
const skip = absent()

const MODULE = `import mqtt from '/dist/browser.mjs'; import { run } from '/test/behaviours.mjs'`
const ANSWER = `onmessage = async ({ data: [urls, names], ports, source }) =>
  (ports?.[0] ?? self).postMessage(await run(mqtt, urls, names))`
const SCRIPT = `importScripts('/dist/evenkeel.min.js'); const loaded = import('/test/behaviours.mjs')
onmessage = async ({ data: [urls, names] }) => postMessage(await (await loaded).run(mqtt, urls, names))`

/** A page whose `run` is that of the table, with the client of the bundle. */
const page = (script, policy) => ({ text: `<!doctype html><meta charset="utf-8"><title>t</title>${script}`, policy })
const FILE = '<script type="module" src="/main.mjs"></script>'
const TAG = '<script src="/dist/evenkeel.min.js"></script>'

const PAGES = {
  '/main.mjs': { text: `${MODULE}; window.behave = (urls, names) => run(mqtt, urls, names)` },
  '/tag.mjs': { text: `import { run } from '/test/behaviours.mjs'; window.behave = (urls, names) => run(mqtt, urls, names)` },
  '/module.html': page(FILE),
  '/tag.html': page(`${TAG}<script type="module" src="/tag.mjs"></script>`),
  '/allowed.html': page(FILE, "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src blob:; connect-src *"),
  '/forbidden.html': page(FILE, "default-src 'none'; script-src 'self'; connect-src *"),
  '/forbidden-tag.html': page(`${TAG}<script type="module" src="/tag.mjs"></script>`, "script-src 'self'"),
  // Without asmjs.mjs beside it.
  '/alone/evenkeel.min.js': { get text() { return PAGES.script } },
  '/alone.html': page('<script src="/alone/evenkeel.min.js"></script>', "script-src 'self'"),
  '/worker.mjs': { text: `${MODULE}; ${ANSWER}` },
  '/worker.js': { text: SCRIPT },
  '/service.mjs': { text: `${MODULE}; self.addEventListener('activate', (event) => event.waitUntil(clients.claim())); ${ANSWER}` },
}

/** Such a table takes longer than one behaviour. */
const LIMIT = { timeout: 240_000 }

describe('in Chromium', { skip, concurrency: 2 }, () => {
  let browser
  let origin
  let urls
  const ends = []
  before(async () => {
    const all = { after: (end) => ends.push(end) }
    PAGES.script = readFileSync(join(home, 'dist/evenkeel.min.js'), 'utf8')
    const served = await servePages(all, PAGES, { dist: join(home, 'dist'), test: BEHAVIOURS_FOLDER })
    origin = served.origin
    urls = { ...served.urls, broker: await broker(all) }
    browser = await launch()
  })
  after(async () => {
    await browser?.close()
    for (const end of ends) end()
  })

  /** A page of its own, with what it says on its console. */
  async function open(t, path, init) {
    const context = await browser.newContext()
    t.after(() => context.close())
    const opened = await context.newPage()
    const said = []
    opened.on('console', (message) => said.push(message.text()))
    opened.on('pageerror', (error) => said.push(`uncaught: ${error.message}`))
    if (init !== undefined) await opened.addInitScript(init)
    await opened.goto(origin + path)
    return { page: opened, said }
  }

  function passed(results, said) {
    const failed = results.filter(([, why]) => why !== null).map(([name, why]) => `${name}: ${why}`)
    assert.deepEqual(failed, [], said.join('\n'))
    assert.ok(results.length > 0)
    assert.deepEqual(said.filter((line) => line.startsWith('uncaught')), [])
  }

  /** Some behaviours say enough of how the module was loaded. */
  const SOME = Object.keys(BEHAVIOURS).slice(0, 6)

  async function inPage(t, path, names, init) {
    const { page: opened, said } = await open(t, path, init)
    await opened.waitForFunction('window.behave !== undefined')
    passed(await opened.evaluate(([given, some]) => window.behave(given, some), [urls, names]), said)
    return { page: opened, said }
  }

  test('a page with the module', LIMIT, (t) => inPage(t, '/module.html'))
  test('a page with the script', LIMIT, (t) => inPage(t, '/tag.html'))

  for (const [name, file, type] of [['the module', '/worker.mjs', 'module'], ['the script', '/worker.js', 'classic']]) {
    test(`a worker with ${name}`, LIMIT, async (t) => {
      const { page: opened, said } = await open(t, '/module.html')
      const results = await opened.evaluate(([given, path, kind]) => new Promise((resolve, reject) => {
        const worker = new Worker(path, { type: kind })
        worker.onmessage = ({ data }) => resolve(data)
        worker.onerror = (event) => reject(new Error(event.message))
        worker.postMessage([given])
      }), [urls, file, type])
      passed(results, said)
    })
  }

  test('a service worker', LIMIT, async (t) => {
    const { page: opened, said } = await open(t, '/module.html')
    const results = await opened.evaluate(async (given) => {
      await navigator.serviceWorker.register('/service.mjs', { type: 'module' })
      const { active } = await navigator.serviceWorker.ready
      const { port1, port2 } = new MessageChannel()
      return new Promise((resolve) => {
        port1.onmessage = ({ data }) => resolve(data)
        active.postMessage([given], [port2])
      })
    }, urls)
    passed(results, said)
  })

  test("script-src 'wasm-unsafe-eval' and worker-src blob: are all that it needs", LIMIT, async (t) => {
    const { said } = await inPage(t, '/allowed.html', SOME)
    assert.deepEqual(said.filter((line) => /content security policy/i.test(line)), [])
  })

  test("without 'wasm-unsafe-eval' the module in JavaScript is loaded", LIMIT, async (t) => {
    const { page: opened } = await inPage(t, '/forbidden.html', SOME)
    assert.ok(await opened.evaluate(() => performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/asmjs.mjs'))))
  })

  test("without 'wasm-unsafe-eval' the script loads what is beside it", LIMIT, (t) => inPage(t, '/forbidden-tag.html', SOME))

  test("without 'wasm-unsafe-eval' and asmjs.mjs an error names the directive, and reconnect() asks again", LIMIT, async (t) => {
    const { page: opened } = await open(t, '/alone.html')
    const told = await opened.evaluate(async (url) => {
      const client = mqtt.connect(url)
      const outcome = client.publishAsync('a', 'x', { qos: 1 }).catch((error) => error.code)
      const error = await new Promise((resolve) => client.once('error', resolve))
      const again = new Promise((resolve) => client.once('error', resolve))
      const early = await outcome
      client.reconnect()
      const rejected = await mqtt.connectAsync(url).catch((failed) => failed.code)
      return { name: error.name, code: error.code, text: error.message, early, again: (await again).code, rejected }
    }, urls.broker)
    assert.deepEqual(
      [told.name, told.code, told.early, told.again, told.rejected],
      ['EvenkeelError', 'NO_WEBASSEMBLY', 'NO_WEBASSEMBLY', 'NO_WEBASSEMBLY', 'NO_WEBASSEMBLY'],
    )
    assert.match(told.text, /'wasm-unsafe-eval' to script-src/)
  })

  test('an engine without WebAssembly', LIMIT, (t) => inPage(t, '/module.html', undefined, () => delete globalThis.WebAssembly))

  for (const [how, refuse] of [
    ['nothing is made at once', () => { throw new RangeError('WebAssembly.Compile is disallowed on the main thread') }],
    ['all is made at once', undefined],
  ]) {
    test(`too little memory is no policy, and reconnect() asks again (${how})`, LIMIT, async (t) => {
      const { page: opened } = await open(t, '/module.html', `(${(refuse) => {
        const { Instance, instantiate, Module } = WebAssembly
        const fail = () => { throw new RangeError('WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory for new instance') }
        if (refuse) WebAssembly.Module = new Proxy(Module, { construct: refuse })
        WebAssembly.Instance = new Proxy(Instance, { construct: fail })
        WebAssembly.instantiate = async () => fail()
        window.haveMemory = () => Object.assign(WebAssembly, { Instance, instantiate })
      }})(${refuse})`)
      const told = await opened.evaluate(async (url) => {
        const { default: mqtt } = await import('/dist/browser.mjs')
        const client = mqtt.connect(url)
        const outcome = client.publishAsync('a', 'x', { qos: 1 }).catch((error) => error.code)
        const { code } = await new Promise((resolve) => client.once('error', resolve))
        window.haveMemory()
        client.reconnect()
        await new Promise((resolve) => client.once('connect', resolve))
        await client.publishAsync('a', 'x', { qos: 1 })
        await client.endAsync()
        const inJavaScript = performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/asmjs.mjs'))
        return { code, outcome: await outcome, inJavaScript }
      }, urls.broker)
      assert.deepEqual(told, { code: 'NO_MEMORY', outcome: 'NO_MEMORY', inJavaScript: false })
    })
  }

  // As Chromium before 2023 did in pages, with more than 4 KB.
  test('an engine that compiles nothing at once', LIMIT, async (t) => {
    const { page: opened } = await inPage(t, '/module.html', undefined, () => {
      const { instantiate } = WebAssembly
      window.made = 0
      WebAssembly.instantiate = (...given) => {
        window.made += 1
        return instantiate(...given)
      }
      const refuse = () => {
        throw new RangeError('WebAssembly.Compile is disallowed on the main thread')
      }
      WebAssembly.Module = new Proxy(WebAssembly.Module, { construct: refuse })
      WebAssembly.Instance = new Proxy(WebAssembly.Instance, { construct: refuse })
    })
    // Clients that share an instance take none; what was made for them is not lost.
    const made = await opened.evaluate(async (url) => {
      const { default: mqtt } = await import('/dist/browser.mjs')
      const before = window.made
      const held = []
      for (let count = 0; count < 40; count++) held.push(await mqtt.connectAsync(url))
      await Promise.all(held.map((client) => client.endAsync()))
      return window.made - before
    }, urls.broker)
    assert.ok(made <= 20, `${made} instances`)
  })

  test('what is commanded before the module is there is done in its order', LIMIT, async (t) => {
    const { page: opened } = await open(t, '/module.html', () => {
      WebAssembly.Module = new Proxy(WebAssembly.Module, { construct: () => { throw new RangeError('too large') } })
    })
    const told = await opened.evaluate(async (url) => {
      const { default: mqtt } = await import('/dist/browser.mjs')
      const told = []
      const client = mqtt.connect(url, { clientId: `early-${Math.random()}` })
      client.on('packetsend', ({ cmd, topic }) => told.push(topic ? `${cmd} ${topic}` : cmd))
      client.subscribe('early', (error) => told.push(`granted ${error}`))
      client.publish('early/1', 'x', { qos: 1 })
      client.publish('early/2', 'y', { qos: 1 })
      await client.endAsync()
      const forced = mqtt.connect(url)
      const outcome = forced.publishAsync('a', 'x').catch(({ message }) => message)
      await forced.endAsync(true)
      return { told, outcome: await outcome, connected: forced.connected }
    }, urls.broker)
    assert.deepEqual(told.told.filter((one) => !one.startsWith('granted')), ['connect', 'subscribe', 'publish early/1', 'publish early/2', 'disconnect'])
    assert.ok(told.told.includes('granted null'))
    assert.deepEqual([told.outcome, told.connected], ['Connection closed', false])
  })
})
