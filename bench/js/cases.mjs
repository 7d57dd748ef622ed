// What is measured, and what is to be reached: ratios to MQTT.js.
const KIB = 1024

const SIZES = [
  { label: '64 B', size: 64, count: 200_000, cpu: 0.5, rate: 2 },
  { label: '16 KiB', size: 16 * KIB, count: 40_000, cpu: 0.9 },
  { label: '1 MiB', size: KIB * KIB, count: 3_000, cpu: 1 },
]

export const MESSAGES = SIZES.flatMap(({ label, size, count, cpu, rate }) =>
  ['publish', 'receive'].flatMap((direction) =>
    [0, 1, 2].map((qos) => ({
      label: `${direction} ${label}, QoS ${qos}`,
      what: `${direction},${qos},${size},${count}`,
      goals: { cpu, rate },
    })),
  ),
)

export const START = { label: 'start to first acknowledged publish', what: 'start', goal: 0.5 }
export const IDLE = { label: 'memory of idle clients', count: 1_000, goal: 1 }
export const FILES = { label: 'files that Node loads', goalKb: 450 }
