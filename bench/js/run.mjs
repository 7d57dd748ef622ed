// Evenkeel for Node beside MQTT.js, in turns, each measurement in a process of its
// own; medians. `bench/js/run` starts it.
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { sectionOf } from './browser/section.mjs'
import { FILES, IDLE, MESSAGES, START } from './cases.mjs'
import { page } from './page.mjs'

const here = import.meta.dirname
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    cases: { type: 'string', default: '' },
    note: { type: 'string', default: '' },
    ours: { type: 'string', default: join(here, '../../js/dist/evenkeel.cjs') },
    theirs: { type: 'string', default: 'mqtt' },
    page: { type: 'string' },
  },
})
const rounds = Number(options.rounds)
const sides = { ours: options.ours, theirs: options.theirs }

const peer = fork(join(here, 'peer.mjs'))
const [port] = await once(peer, 'message')

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]

function run(flags, script, ...args) {
  const all = [...flags, join(here, script), ...args.map(String)]
  return JSON.parse(execFileSync(process.execPath, all, { encoding: 'utf8' }))
}

/** Both take turns; the median of each figure of each side. */
function measure(many, script, flags, ...args) {
  const runs = { ours: [], theirs: [] }
  for (let round = 0; round < many; round++) {
    for (const [side, name] of Object.entries(sides)) runs[side].push(run(flags, script, name, port, ...args))
  }
  const medians = (list) =>
    Object.fromEntries(Object.keys(list[0]).map((what) => [what, median(list.map((one) => one[what]))]))
  return { ours: medians(runs.ours), theirs: medians(runs.theirs) }
}

const wanted = ({ label }) => label.includes(options.cases)
const results = { messages: [] }
for (const one of MESSAGES.filter(wanted)) {
  const result = { ...one, ...measure(rounds, 'client.cjs', [], one.what) }
  results.messages.push(result)
  const ratio = (what) => (result.ours[what] / result.theirs[what]).toFixed(2)
  const [ours, theirs] = [result.ours.cpu.toFixed(1), result.theirs.cpu.toFixed(1)]
  console.error(`${one.label}: ${ours} beside ${theirs} µs, x ${ratio('cpu')}; time x ${ratio('wall')}`)
}
if (wanted(START)) {
  results.start = measure(rounds * 3, 'client.cjs', [], START.what)
  console.error(START.label, results.start)
}
if (wanted(IDLE)) {
  results.idle = measure(Math.max(rounds, 5), 'idle.cjs', ['--expose-gc'], IDLE.count)
  console.error(IDLE.label, results.idle)
}
if (wanted(FILES)) {
  results.files = measure(1, 'files.cjs', [])
  console.error(FILES.label, results.files)
}
peer.kill()
if (options.page !== undefined && options.cases === '') {
  // It is measured by a command of its own.
  const browser = existsSync(options.page) ? sectionOf(readFileSync(options.page, 'utf8')) : ''
  writeFileSync(options.page, page(results, { rounds, note: options.note, browser }))
}
