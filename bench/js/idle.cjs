// Memory of idle clients: `idle.cjs MODULE PORT COUNT`; prints bytes for each client,
// as JSON. To be run with --expose-gc.
const [, , name, port, countText] = process.argv
const count = Number(countText)
const mqtt = require(name)
/** How many connect at a time. */
const AT_ONCE = 50
/** So long nothing happens: what connecting needed is free by then. */
const QUIET_MS = 1_000

const clients = []

function connectOne() {
  return new Promise((resolve) => {
    const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, { keepalive: 600 })
    clients.push(client)
    client.once('connect', resolve)
  })
}

async function memory() {
  await new Promise((resolve) => setTimeout(resolve, QUIET_MS))
  globalThis.gc()
  globalThis.gc()
  return process.memoryUsage()
}

async function main() {
  // What the first clients bring along is there once, however many follow.
  for (let index = 0; index < 10; index++) await connectOne()
  const before = await memory()
  for (let made = 0; made < count; made += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - made) }, connectOne))
  }
  const after = await memory()
  const each = (what) => (after[what] - before[what]) / count
  console.log(JSON.stringify({ rss: each('rss'), external: each('external'), heap: each('heapUsed') }))
  process.exit(0)
}

main()
