// The bundle for browsers beside MQTT.js's in Chromium, in turns, each measurement in a page
// of its own; medians. `bench/js/run browser` starts it.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { start } from '../../../js/test/chromium/devtools.mjs'
import { until } from '../../../js/test/harness.mjs'
import { section, withSection } from './section.mjs'

const here = import.meta.dirname
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    count: { type: 'string', default: '50000' },
    note: { type: 'string', default: '' },
    ours: { type: 'string', default: join(here, '../../../js/dist/browser.mjs') },
    theirs: { type: 'string' },
    page: { type: 'string' },
  },
})
const theirs = join(options.theirs, 'dist/mqtt.esm.js')
const { version } = createRequire(import.meta.url)(join(options.theirs, 'package.json'))
const rounds = Number(options.rounds)
const count = Number(options.count)

const SIZE = 64
/** Not measured: code is compiled. */
const WARM = 20_000
const SIDES = ['ours', 'theirs']
const CASES = ['publish', 'receive'].flatMap((direction) => [0, 1, 2].map((qos) => ({ direction, qos })))

const peer = fork(join(here, 'peer.mjs'), [options.ours, theirs])
const [port] = await once(peer, 'message')
const ends = []
// By DevTools alone: Playwright has each frame told, which is work for the page.
const browser = await start({ after: (end) => ends.push(end) })

/** Seconds of processor time of all processes of the browser. */
async function ofBrowser() {
  const { processInfo } = await browser.send('SystemInfo.getProcessInfo')
  return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0)
}

const framesOf = async () => Number(await (await fetch(`http://127.0.0.1:${port}/frames`)).text())

/** Microseconds per message: of the page's thread, of it in scripts, of the whole browser; frames that it sends. */
async function measure(side, { direction, qos }) {
  const tab = await browser.open(`http://127.0.0.1:${port}/`, { apart: true })
  await until(() => tab.evaluate(`document.title === 'benchmark'`), 'the page')
  const again = (many) => tab.evaluate(`window.client.${direction}(${qos}, ${SIZE}, ${many})`)
  await tab.evaluate(`import('/client.mjs').then(async ({ connected }) => {
    window.client = await connected('/${side}.mjs', 'ws://127.0.0.1:${port}')
  })`)
  await again(WARM)
  // Processor time of the page's thread, not what the clock on the wall says.
  await tab.send('Performance.enable', { timeDomain: 'threadTicks' })
  const ofPage = async () => {
    const { metrics } = await tab.send('Performance.getMetrics')
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]))
  }
  const [before, all, frames] = [await ofPage(), await ofBrowser(), await framesOf()]
  await again(count)
  const [after, allAfter, framesAfter] = [await ofPage(), await ofBrowser(), await framesOf()]
  await tab.close()
  const each = (seconds) => (seconds * 1e6) / count
  const of = (name) => each(after[name] - before[name])
  return { task: of('TaskDuration'), script: of('ScriptDuration'), browser: each(allAfter - all), frames: (framesAfter - frames) / count }
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]

const results = []
for (const one of CASES) {
  const runs = { ours: [], theirs: [] }
  for (let round = 0; round < rounds; round++) {
    for (const side of SIDES) runs[side].push(await measure(side, one))
  }
  const medians = (list) => Object.fromEntries(Object.keys(list[0]).map((name) => [name, median(list.map((run) => run[name]))]))
  const result = { ...one, ours: medians(runs.ours), theirs: medians(runs.theirs) }
  results.push(result)
  const ratio = (name) => `${name} ${result.ours[name].toFixed(2)} / ${result.theirs[name].toFixed(2)} µs x ${(result.ours[name] / result.theirs[name]).toFixed(2)}`
  console.error(`${one.direction} QoS ${one.qos}: ${['task', 'script', 'browser'].map(ratio).join(', ')}`)
}
const { product } = await browser.send('Browser.getVersion')
const about = { rounds, count, version, note: options.note, browser: product.replace(/.*\//, ''), size: SIZE }
for (const end of ends) await end()
peer.kill()
if (options.page !== undefined) {
  writeFileSync(options.page, withSection(readFileSync(options.page, 'utf8'), section(results, about)))
}
