// Each program of MQTT.js's README, as the installed README has it, in a page of Chromium: with
// MQTT.js and with nothing but the import swapped. Both print the same and send the same. And
// those for mini programs, in one. The server's name is another one, as there is no network.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { absent, launch } from './chromium/launch.mjs'
import { servePages } from './chromium/serve.mjs'
import { until, write } from './harness.mjs'
import { Alipay, program, WeChat } from './mini/host.mjs'
import { serveWebSocket } from './websocket.mjs'

const home = join(dirname(fileURLToPath(import.meta.url)), '..')
const SERVER = 'test.mosquitto.org'

const readme = readFileSync(join(home, 'node_modules/mqtt/README.md'), 'utf8')
const programs = [...readme.matchAll(/^```(?:js|ts)\n(.*?)^```/gms)].map(([, code]) => code).filter((code) => code.includes(SERVER))
const forMini = programs.filter((code) => /(wxs|alis):/.test(code))
const forPages = programs.filter((code) => !forMini.includes(code))

/** Each way in which a program gets the package. */
const IMPORT = /^(?:const (\w+) = require\("mqtt"\)|import (.+) from "mqtt")/m

/** Sends back what is published. */
const ECHO = { publish: ({ topic, payload, qos }, peer) => peer.send(write.publish({ topic, payload, qos })) }

test('the README has programs of each kind', () => {
  assert.ok(forPages.length >= 5 && forMini.length === 2, `${forPages.length} and ${forMini.length}`)
  for (const code of programs) assert.match(code, IMPORT)
})

const wireOf = (server) => server.packets.map(({ type, topic, qos, filters, payload, version, keepalive, clean }) => ({
  ...{ type, topic, qos, filters, version, keepalive, clean },
  payload: payload?.toString(),
}))

/** Waits until a program is over, or connected, if it says no more. */
const over = (server, code) => server.count(code.includes('.end()') ? 'disconnect' : 'connect', 1)

describe('in a page', { skip: absent() }, () => {
  const pages = {}
  const ends = []
  let browser
  let origin
  before(async () => {
    const folders = { ours: join(home, 'dist'), theirs: join(home, 'node_modules/mqtt/dist') }
    origin = (await servePages({ after: (end) => ends.push(end) }, pages, folders)).origin
    browser = await launch()
  })
  after(async () => {
    await browser?.close()
    for (const end of ends) end()
  })

  /** As a module, whose import names the bundle. */
  const asModule = (code, file) => `<script type="module">${code.replace(IMPORT, (_, name, names) => `import ${name ?? names} from "/${file}"`)}</script>`
  /** By a script tag, which makes the global that would be imported. */
  const asScript = (code, file) =>
    `<script src="/${file}"></script><script>${code.replace(IMPORT, (_, _name, names) => (names?.startsWith('{') ? `const ${names} = mqtt` : ''))}</script>`

  const WAYS = {
    'a module': [asModule, { ours: 'ours/browser.mjs', theirs: 'theirs/mqtt.esm.js' }],
    'a script tag': [asScript, { ours: 'ours/evenkeel.min.js', theirs: 'theirs/mqtt.min.js' }],
  }

  async function run(t, code, make, file) {
    const server = await serveWebSocket(t, ECHO)
    const context = await browser.newContext()
    const page = await context.newPage()
    const said = []
    page.on('console', (message) => said.push(message.text()))
    page.on('pageerror', (error) => said.push(`uncaught: ${error.message}`))
    const path = `/${file.replace(/\W/g, '-')}-${Object.keys(pages).length}.html`
    pages[path] = { text: `<!doctype html><link rel="icon" href="data:,">${make(code.replace(SERVER, `127.0.0.1:${server.port}`), file)}` }
    await page.goto(origin + path)
    await over(server, code)
    await context.close()
    return { said, wire: wireOf(server) }
  }

  for (const [way, [make, files]] of Object.entries(WAYS)) {
    for (const [index, code] of forPages.entries()) {
      test(`program ${index} with ${way}: ${IMPORT.exec(code)[0]}`, async (t) => {
        // Their module has a default alone.
        const [theirMake, theirFile] = make === asModule && code.includes('import {') ? [asScript, 'theirs/mqtt.min.js'] : [make, files.theirs]
        const theirs = await run(t, code, theirMake, theirFile)
        const ours = await run(t, code, make, files.ours)
        assert.deepEqual(ours, theirs)
        assert.deepEqual(ours.said, code.includes('console.log') ? ['Hello mqtt'] : [])
      })
    }
  }
})

describe('in a mini program', () => {
  for (const [scheme, Made] of [['wxs', WeChat], ['alis', Alipay]]) {
    test(`of ${scheme}`, async (t) => {
      const server = await serveWebSocket(t)
      const host = new Made(t)
      const { mqtt, run } = program(host.wx ? { wx: host.wx } : { my: host.my })
      t.after(() => client?.end(true))
      const code = forMini.find((one) => one.includes(`${scheme}:`))
      // The server of the test has no certificate; what other packages would fill in is there.
      const swapped = code.replace(`${scheme}://${SERVER}`, `${scheme.slice(0, -1)}://127.0.0.1:${server.port}`).replace(/^import .*$/gm, '')
      const client = run(`(function (require) {${swapped}\nreturn client })`)(() => mqtt)
      await until(() => client.connected, 'the connection')
      assert.deepEqual(server.all('connect').map(({ keepalive, clean }) => [keepalive, Boolean(clean)]), [[60, true]])
    })
  }
})
