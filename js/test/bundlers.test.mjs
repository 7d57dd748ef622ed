// Bundlers build a sample app with the package as it is packed, without any setting for
// it, and Chromium runs what they have built.
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'

import { absent, launch } from './chromium/launch.mjs'
import { broker, servePages } from './chromium/serve.mjs'
import { home, npm, pack } from './npm.mjs'

const source = join(home, 'test/bundlers')
const folder = join(home, '.cache/bundlers')
const skip = absent()
const BUNDLERS = ['vite', 'webpack', 'esbuild']

/** The bundlers of the lock file, once for all runs. The reason if they cannot be had. */
function install() {
  const lock = readFileSync(join(source, 'package-lock.json'), 'utf8')
  const done = join(folder, 'installed')
  mkdirSync(folder, { recursive: true })
  cpSync(source, folder, { recursive: true })
  if (existsSync(done) && readFileSync(done, 'utf8') === lock) return undefined
  try {
    npm(['ci', '--prefer-offline'], folder)
    writeFileSync(done, lock)
    return undefined
  } catch (error) {
    if (process.env.CI === 'true') throw error
    const reason = `npm cannot install bundlers: ${String(error.stderr).trim().split('\n')[0]}`
    console.error(`SKIPPED: ${reason}`)
    return reason
  }
}

/** The package under its own name, and in the place of MQTT.js. */
function addPackage() {
  const packed = mkdtempSync(join(tmpdir(), 'evenkeel-bundlers-'))
  execFileSync('tar', ['-xzf', pack(packed).file, '-C', packed])
  for (const name of ['evenkeel', 'mqtt']) {
    rmSync(join(folder, 'node_modules', name), { recursive: true, force: true })
    cpSync(join(packed, 'package'), join(folder, 'node_modules', name), { recursive: true })
  }
  rmSync(packed, { recursive: true })
}

describe('an app', { skip }, () => {
  const ends = []
  let reason
  let browser
  let url
  before(async () => {
    reason = install()
    if (reason !== undefined) return
    addPackage()
    url = await broker({ after: (end) => ends.push(end) })
    browser = await launch()
  })
  after(async () => {
    await browser?.close()
    for (const end of ends) end()
  })

  async function runs(t, name, policy) {
    const text = readFileSync(join(folder, 'out', name, 'index.html'), 'utf8').replaceAll('./assets/', '/out/assets/').replaceAll('"main.js"', '"/out/main.js"')
    const { origin } = await servePages(t, { '/': { text, policy } }, { out: join(folder, 'out', name) })
    const page = await browser.newPage()
    t.after(() => page.close())
    const said = []
    page.on('pageerror', (error) => said.push(error.message))
    await page.goto(origin)
    await page.waitForFunction('window.behave !== undefined')
    const { got, same, alias, valid } = await page.evaluate((broker) => window.behave(broker), url)
    assert.deepEqual({ got, same, alias, valid }, { got: ['app/grün', 'hello'], same: true, alias: 'function', valid: false })
    assert.deepEqual(said, [])
    return page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name.replace(/.*\//, '')))
  }

  for (const name of BUNDLERS) {
    test(`that ${name} has built runs, with WebAssembly and without`, { timeout: 240_000 }, async (t) => {
      if (reason !== undefined) return t.skip(reason)
      rmSync(join(folder, 'out', name), { recursive: true, force: true })
      await promisify(execFile)(process.execPath, [`${name}.mjs`], { cwd: folder })
      const usual = await runs(t, name)
      const forbidden = await runs(t, name, "script-src 'self'")
      // The module in JavaScript is a part of its own, which is loaded when it is needed.
      assert.equal(forbidden.length, usual.length + 1)
    })
  }
})
