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
/** Not measured: code is compiled and memory found meanwhile. */
const WARM = Math.min(20_000, count / 2)

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

function start(client) {
  client.publish('a', 'x', { qos: 1 }, () => {
    const { user, system } = process.cpuUsage(began)
    tell({ cpu: user + system, wall: (performance.now() - startedMs) * 1000 })
  })
}

function receive(client) {
  let warm = WARM
  let left = count
  let done
  client.on('message', () => {
    if (warm > 0) {
      warm -= 1
      if (warm === 0) done = measured()
    } else if (--left === 0) done(count)
  })
  client.subscribe(`${count + warm}/${qos}/${size}`, { qos })
}

function publish(client) {
  const payload = size < 1024 ? 'x'.repeat(size) : Buffer.alloc(size, 'x')
  const most = size > 100_000 ? 4 : 100
  const run = (many, done) => {
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
  run(WARM, () => {
    const end = measured()
    run(count, () => end(count))
  })
}

const client = mqtt.connect(url)
client.once('connect', () => ({ start, receive, publish })[direction](client))
