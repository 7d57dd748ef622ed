// One measurement: `client.cjs MODULE PORT CASE`; prints processor time and
// time in microseconds per message, as JSON.
const [, , name, port, what] = process.argv
const began = process.cpuUsage()
const mqtt = require(name)
const [direction, qosText, sizeText, countText] = what.split(',')
const [qos, size, count] = [qosText, sizeText, countText].map(Number)
const client = mqtt.connect(`mqtt://127.0.0.1:${port}`)

function measured() {
  const before = process.cpuUsage()
  const start = performance.now()
  return (messages) => {
    const { user, system } = process.cpuUsage(before)
    console.log(JSON.stringify({ cpu: (user + system) / messages, wall: ((performance.now() - start) * 1000) / messages }))
    client.end(true)
    process.exit(0)
  }
}

client.once('connect', () => {
  if (direction === 'start') {
    client.publish('a', 'x', { qos: 1 }, () => {
      const { user, system } = process.cpuUsage(began)
      console.log(JSON.stringify({ cpu: user + system, wall: performance.now() * 1000 }))
      process.exit(0)
    })
    return
  }
  if (direction === 'receive') {
    let warm = Math.min(20_000, count)
    let left = count
    let done
    client.on('message', () => {
      if (warm > 0) {
        warm -= 1
        if (warm === 0) done = measured()
      } else if (--left === 0) done(count)
    })
    client.subscribe(`${count + warm}/${qos}/${size}`, { qos })
    return
  }
  const payload = size < 1024 ? 'x'.repeat(size) : Buffer.alloc(size, 'x')
  const most = size > 100_000 ? 4 : 100
  const run = (many, done) => {
    let sent = 0
    let over = 0
    const more = () => {
      over += 1
      if (over === many) return done()
      next()
    }
    const next = () => {
      while (sent < many && sent - over < most) {
        sent += 1
        client.publish('bench/topic', payload, { qos }, more)
      }
    }
    next()
  }
  run(Math.min(20_000, count), () => {
    const end = measured()
    run(count, () => end(count))
  })
})
