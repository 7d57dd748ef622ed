// The section of docs/performance-js.md on browsers: from results, and in the page that is there.

const TITLE = '## In a browser'
/** What is to be reached: the page's thread, beside MQTT.js's. */
const GOAL = 0.6

function row({ direction, qos, ours, theirs }) {
  const ratio = ours.task / theirs.task
  const time = (value) => `${value.toFixed(1)} µs`
  const verdict = ratio <= GOAL ? 'met' : '**not met**'
  const others = ['script', 'browser'].map((name) => (ours[name] / theirs[name]).toFixed(2)).join(' | ')
  const frames = `${ours.frames.toFixed(2)} / ${theirs.frames.toFixed(2)}`
  return `| ${direction}, QoS ${qos} | ${time(ours.task)} | ${time(theirs.task)} | ${ratio.toFixed(2)} | ${GOAL} | ${verdict} | ${others} | ${frames} |`
}

export function section(results, { rounds, count, version, note, browser, size }) {
  const when = new Date().toISOString().slice(0, 16).replace('T', ' ')
  return `${TITLE}

\`browser.mjs\` beside MQTT.js ${version}'s \`mqtt.esm.js\` in Chromium ${browser}, headless, over WebSocket; measured
on ${when} UTC${note === '' ? '' : ` (${note})`}. Processor time for each message of ${size} B is that of the page's thread (\`TaskDuration\` of
Chromium's DevTools, in thread time). Then come the ratios of what scripts have of it (\`ScriptDuration\`) and of all
processes of the browser, and the frames that each side sends for a message. The server answers what it
reads at once in one frame, so that a client that sends packets alone gets its answers alone, too. Both take
turns, each measurement in a page of its own that has had 20,000 messages before; ${count.toLocaleString('en')} messages, 100
under way, medians of ${rounds} rounds.

\`\`\`sh
bench/js/run browser
\`\`\`

| case | evenkeel | MQTT.js | ratio | at most | | in scripts | whole browser | frames |
|---|---|---|---|---|---|---|---|---|
${results.map(row).join('\n')}
`
}

const FOLLOWING = '## Where the time goes'

/** The section that a page has; '' if it has none. */
export function sectionOf(page) {
  const from = page.indexOf(TITLE)
  return from < 0 ? '' : page.slice(from, page.indexOf(FOLLOWING))
}

export function withSection(page, text) {
  const rest = page.replace(sectionOf(page), '')
  return rest.replace(FOLLOWING, () => `${text}\n${FOLLOWING}`)
}
