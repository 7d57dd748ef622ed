// docs/performance-js.md, from the results of a run.
import { readFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { join } from 'node:path'

import { FILES, IDLE, START } from './cases.mjs'

const notes = readFileSync(join(import.meta.dirname, 'notes.md'), 'utf8')

const met = (isMet) => (isMet ? 'met' : '**not met**')

/** Figures beside the goal that the ratio is not to be above. */
function row(label, ours, theirs, ratio, goal, format) {
  return `| ${label} | ${format(ours)} | ${format(theirs)} | ${ratio.toFixed(2)} | ${goal} | ${met(ratio <= goal)} |`
}

const microseconds = (value) => `${value.toFixed(1)} µs`
const milliseconds = (value) => `${(value / 1000).toFixed(0)} ms`
const kilobytes = (value) => `${(value / 1000).toFixed(1)} kB`

function messages(results) {
  const lines = results.map(({ label, ours, theirs, goals }) =>
    row(label, ours.cpu, theirs.cpu, ours.cpu / theirs.cpu, goals.cpu, microseconds),
  )
  return lines.join('\n')
}

function rates(results) {
  const lines = results.map(({ label, ours, theirs, goals }) => {
    const rate = ({ wall }) => `${Math.round(1e6 / wall).toLocaleString('en')}`
    const ratio = theirs.wall / ours.wall
    const verdict = goals.rate === undefined ? ['–', ''] : [goals.rate, met(ratio >= goals.rate)]
    return `| ${label} | ${rate(ours)} | ${rate(theirs)} | ${ratio.toFixed(2)} | ${verdict.join(' | ')} |`
  })
  return lines.join('\n')
}

function others({ start, idle, files }) {
  const of = (what, from) => [from.ours[what], from.theirs[what], from.ours[what] / from.theirs[what]]
  const count = IDLE.count.toLocaleString('en')
  const kb = files.ours.bytes / 1000
  return [
    row(`${START.label}, time`, ...of('wall', start), START.goal, milliseconds),
    row(`${START.label}, processor time`, ...of('cpu', start), START.goal, milliseconds),
    row(`one of ${count} idle clients, memory`, ...of('rss', idle), IDLE.goal, kilobytes),
    `| ${FILES.label} | ${kb.toFixed(0)} kB | ${(files.theirs.bytes / 1000).toFixed(0)} kB | – | ${FILES.goalKb} kB | ${met(kb <= FILES.goalKb)} |`,
  ].join('\n')
}

export function page(results, { rounds, note, browser }) {
  const [{ model }] = cpus()
  const when = new Date().toISOString().slice(0, 16).replace('T', ' ')
  const { idle } = results
  return `# Performance of the package for Node

[evenkeel for Node](../js/README.md) beside MQTT.js 5.16.0. This page is written by a program;
measured on ${when} UTC.${note === '' ? '' : `\n**${note}**`}

- Machine: ${cpus().length} x ${model}; Linux ${release()}; node ${process.version}.
- To repeat it (needs node, npm, and what [crates/wasm/build](../crates/wasm/build) needs):

\`\`\`sh
bench/js/run
\`\`\`

Both take turns, each measurement in a process of its own with its defaults (MQTT 3.1.1) over TCP on
loopback, ${rounds} rounds; figures are medians. 100 messages are under way, or 4 of 1 MiB; before it is
measured a process has published or received 20,000 messages of 64 KiB at most, so that its code is
compiled, and then a tenth of those of 1 MiB. A run ends with the acknowledgement of a message behind all
others. The server (\`bench/js/peer.mjs\`) is a process of its own. **Ratios within this page are the
figures to compare**: what else the machine does changes all others.

## Processor time for each message

| case | evenkeel | MQTT.js | ratio | at most | |
|---|---|---|---|---|---|
${messages(results.messages)}

## Messages per second

| case | evenkeel | MQTT.js | ratio | at least | |
|---|---|---|---|---|---|
${rates(results.messages)}

## Start, memory and size

| case | evenkeel | MQTT.js | ratio | at most | |
|---|---|---|---|---|---|
${others(results)}

The start is without that of Node itself. Memory is what the process takes (\`rss\`) beyond what the
first ten clients take, after a collection of garbage. Node counts memory outside its heap by what may be
used, not by what is: ${kilobytes(idle.ours.external)} for each client, ${kilobytes(idle.theirs.external)} with MQTT.js.

${browser}${notes}`
}
