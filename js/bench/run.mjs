// Processor time per message beside MQTT.js, as ratios: `node bench/run.mjs`.
// Both take turns, each measurement in a process of its own; medians.
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const ROUNDS = Number(process.env.ROUNDS ?? 5)
const MODULES = [join(here, '../dist/evenkeel.cjs'), process.env.MQTTJS ?? 'mqtt']
const KIB = 1024

const cases = [['start to first acknowledged publish', 'start,1,1,1']]
for (const [label, size, count] of [
  ['64 B', 64, 200_000],
  ['16 KiB', 16 * KIB, 8_000],
  ['1 MiB', KIB * KIB, 100],
]) {
  for (const direction of ['publish', 'receive']) {
    for (const qos of [0, 1, 2]) {
      cases.push([`${direction} ${label}, QoS ${qos}`, `${direction},${qos},${size},${count}`])
    }
  }
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]
const peer = fork(join(here, 'peer.mjs'))
const [port] = await once(peer, 'message')
console.log('| case | evenkeel, µs | MQTT.js, µs | processor time | time |')
console.log('|---|---|---|---|---|')
for (const [label, what] of cases) {
  if (process.argv[2] && !label.includes(process.argv[2])) continue
  const results = MODULES.map(() => ({ cpu: [], wall: [] }))
  for (let round = 0; round < ROUNDS; round++) {
    MODULES.forEach((name, index) => {
      const out = execFileSync(process.execPath, [join(here, 'client.cjs'), name, port, what])
      const { cpu, wall } = JSON.parse(out)
      results[index].cpu.push(cpu)
      results[index].wall.push(wall)
    })
  }
  const [ours, theirs] = results.map(({ cpu, wall }) => ({ cpu: median(cpu), wall: median(wall) }))
  const ratio = (name) => (ours[name] / theirs[name]).toFixed(2)
  console.log(
    `| ${label} | ${ours.cpu.toFixed(1)} | ${theirs.cpu.toFixed(1)} | ${ratio('cpu')} | ${ratio('wall')} |`,
  )
}
peer.kill()
