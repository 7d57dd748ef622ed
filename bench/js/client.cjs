// One measurement: `client.cjs MODULE PORT CASE`; prints processor time and
// time in microseconds per message, as JSON. Before the first line is Node's own start.
const startedMs = performance.now()
const began = process.cpuUsage()
const [, , name, port, what] = process.argv
const mqtt = require(name)
const [direction, ...numbers] = what.split(',')
const [qos, size, count] = numbers.map(Number)
const url = `mqtt://127.0.0.1:${port}`
const BARRIER = { qos: 1 }
/**
 * Not measured: code is compiled, which takes so many calls, however large a message is, and
 * then memory is found.
 */
const SMALL = 64 * 1024
const WARM = [{ many: 20_000, size: Math.min(size, SMALL) }]
if (size > SMALL) WARM.push({ many: count / 10, size })

function tell(result) {
  console.log(JSON.stringify(result))
  process.exit(0)
}

/** Begins a measurement; what it returns ends it. */
function measured() {
  const before = process.cpuUsage()
  const start = performance.now()
  return (messages) => {
    const { user, system } = process.cpuUsage(before)
    tell({ cpu: (user + system) / messages, wall: ((performance.now() - start) * 1000) / messages })
  }
}

/** Does what is not measured, and then what is, which gets the end of the measurement. */
function warmed(run, measure, [next, ...others] = WARM) {
  if (next === undefined) measure(measured())
  else run(next.many, next.size, () => warmed(run, measure, others))
}

function start(client) {
  client.publish('a', 'x', { qos: 1 }, () => {
    const { user, system } = process.cpuUsage(began)
    tell({ cpu: user + system, wall: (performance.now() - startedMs) * 1000 })
  })
}

function receive(client) {
  const run = (many, size, done) => {
    let left = many
    client.on('message', () => {
      if (--left > 0) return
      client.removeAllListeners('message')
      done()
    })
    client.subscribe(`${many}/${qos}/${size}`, { qos })
  }
  warmed(run, (end) => run(count, size, () => end(count)))
}

function publish(client) {
  const run = (many, size, done) => {
    const payload = size < 1024 ? 'x'.repeat(size) : Buffer.alloc(size, 'x')
    const most = size > 100_000 ? 4 : 100
    let sent = 0
    let over = 0
    const more = () => {
      over += 1
      // One with an acknowledgement, behind all others: they have left the process.
      if (over === many) client.publish('bench/end', '', BARRIER, done)
      else next()
    }
    const next = () => {
      while (sent < many && sent - over < most) {
        sent += 1
        client.publish('bench/topic', payload, { qos }, more)
      }
    }
    next()
  }
  warmed(run, (end) => run(count, size, () => end(count)))
}

const client = mqtt.connect(url)
client.once('connect', () => ({ start, receive, publish })[direction](client))
