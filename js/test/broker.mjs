// The broker of this repository: EVENKEEL_BROKER names its program.
import { spawn } from 'node:child_process'

import { until } from './harness.mjs'

export const program = process.env.EVENKEEL_BROKER
export const noBroker = program ? false : 'EVENKEEL_BROKER is not set: js/run sets it'

/** Its addresses by scheme. */
export async function broker(t, ...args) {
  const child = spawn(program, ['broker', '-p', '0', '--ws-port', '0', ...args])
  t.after(() => child.kill())
  let said = ''
  child.stdout.on('data', (chunk) => (said += chunk))
  child.stderr.on('data', (chunk) => (said += chunk))
  await until(() => /ws:\/\/[^\s]+/.test(said), 'the broker')
  return { mqtt: /mqtt:\/\/[\d.:]+/.exec(said)[0], ws: /ws:\/\/[^\s]+/.exec(said)[0] }
}
