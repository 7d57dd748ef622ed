// Connects, and shows what happens to the connection.
import mqtt from './evenkeel.mjs'
import { History } from './history.mjs'
import { draw, drawKey } from './strip.mjs'
import { addRow, duration, setCell, timeOfDay } from './tables.mjs'

const at = (id) => document.getElementById(id)
const [form, publishing] = [at('connection'), at('publish')]
let client
let history = new History()
/** When the next attempt is made. */
let nextAt
/** The row of the connection that was there last, and when it was there, and when it ended. */
let last

document.querySelectorAll('[data-key]').forEach(drawKey)
fillForm()
form.addEventListener('submit', (event) => {
  event.preventDefault()
  connect()
})
at('end').addEventListener('click', () => client?.end())
at('window').addEventListener('change', show)
publishing.addEventListener('submit', (event) => {
  event.preventDefault()
  publish()
})
setInterval(show, 500)
show()
if (new URLSearchParams(location.search).has('url')) connect()

/** `?url=ws://..&keepalive=5&filter=a/%23&clientId=x` fills the form, and connects. */
function fillForm() {
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (form.elements[name] instanceof HTMLInputElement) form.elements[name].value = value
  }
}

function connect() {
  client?.end(true)
  history = new History()
  last = undefined
  const { url, clientId, keepalive, filter } = Object.fromEntries(new FormData(form))
  const options = {
    protocolVersion: 5,
    clean: false,
    properties: { sessionExpiryInterval: 3_600 },
    keepalive: Number(keepalive),
    clientId: clientId || `demo-${crypto.randomUUID().slice(0, 8)}`,
  }
  try {
    client = mqtt.connect(url, options)
  } catch (error) {
    say('error', error.message)
    return
  }
  watch(client)
  if (filter !== '') client.subscribe(filter, { qos: 1 }, (error) => error && say('error', error.message))
  at('end').disabled = false
  publishing.querySelector('button').disabled = false
}

function watch(mine) {
  const on = (event, act) => mine.on(event, (...what) => mine === client && act(...what))
  on('state', onState)
  on('diagnosis', ({ kind, text }) => say(kind, text))
  on('error', (error) => say('error', error.message))
  on('packetsend', ({ cmd }) => cmd === 'pingreq' && history.ping(Date.now()))
  on('packetreceive', ({ cmd }) => cmd === 'pingresp' && history.pong(Date.now()))
  on('message', (topic, payload, { qos }) => {
    addRow(at('messages'), timeOfDay(Date.now()), topic, String(qos), payload.toString())
  })
  on('end', () => {
    at('end').disabled = true
    publishing.querySelector('button').disabled = true
    onState({ state: 'closed' })
  })
}

function onState({ state, retryInMs, cause }) {
  const now = Date.now()
  if (history.state?.name === 'online' && state !== 'online') onOffline(now, cause)
  if (state === 'online') onOnline(now)
  nextAt = retryInMs === undefined ? undefined : now + retryInMs
  history.enter(state, now, cause)
  at('state').textContent = cause === undefined ? state : `${state}: ${cause}`
  at('state').dataset.state = history.state.name
  show()
}

function onOnline(now) {
  if (last !== undefined) setCell(last.row, 3, duration(now - last.endedAt))
  last = { row: addRow(at('connections'), timeOfDay(now), '', '', ''), since: now, endedAt: now }
}

function onOffline(now, cause = 'the end that was asked for') {
  last.endedAt = now
  setCell(last.row, 1, duration(now - last.since))
  setCell(last.row, 2, cause)
}

async function publish() {
  const { topic, payload, qos } = Object.fromEntries(new FormData(publishing))
  const started = performance.now()
  at('outcome').textContent = 'under way'
  try {
    await client.publishAsync(topic, payload, { qos: Number(qos) })
    at('outcome').textContent = `done after ${duration(performance.now() - started)}`
  } catch (error) {
    at('outcome').textContent = error.message
  }
}

function say(kind, text) {
  addRow(at('diagnoses'), timeOfDay(Date.now()), kind, text)
}

function show() {
  const now = Date.now()
  const seconds = Number(at('window').value)
  draw(at('strip'), history, seconds, now)
  at('strip-text').textContent = history.sentence(now - seconds * 1000, now)
  const { state, roundTrip } = history
  at('since').textContent = state === undefined ? '–' : duration(now - state.at)
  at('next').textContent = nextAt === undefined ? '–' : `in ${duration(Math.max(0, nextAt - now))}`
  at('rtt').textContent = roundTrip === undefined ? '–' : duration(roundTrip)
  at('lost').textContent = String(history.unanswered)
  at('reconnects').textContent = String(history.reconnects)
  at('inflight').textContent = String(client === undefined ? 0 : Object.keys(client.outgoing).length)
  at('queued').textContent = String(client?.queue.length ?? 0)
  if (last !== undefined && state?.name === 'online') setCell(last.row, 1, duration(now - last.since))
}
