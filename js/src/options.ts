//! Defaults, written into the caller's options as MQTT.js's users expect.
import { checkOptions } from './checks'
import type { IClientOptions } from './types'

/** What was filled in, so that options used twice are not taken for the user's own. */
interface Filled {
  period: boolean
  clientId: string | undefined
}

const filled = new WeakMap<IClientOptions, Filled>()
const PERIOD_MS = 1000

/** The `reconnectPeriod` that the user gave. */
export function givenPeriod(options: IClientOptions): number | undefined {
  if (filled.get(options)?.period && options.reconnectPeriod === PERIOD_MS) return undefined
  return options.reconnectPeriod
}

const DEFAULTS: Partial<IClientOptions> = {
  keepalive: 60,
  reschedulePings: true,
  protocolId: 'MQTT',
  protocolVersion: 4,
  reconnectPeriod: PERIOD_MS,
  connectTimeout: 30_000,
  clean: true,
  resubscribe: true,
  subscribeBatchSize: null,
  writeCache: true,
  timerVariant: 'auto',
}

export function fillDefaults(options: IClientOptions, makeId: () => string): IClientOptions {
  checkOptions(options)
  const before = filled.get(options)
  const period = givenPeriod(options) === undefined
  const target = options as Record<string, unknown>
  for (const [name, value] of Object.entries(DEFAULTS)) target[name] ??= value
  if (options.protocolVersion === 3 || options.protocolId === 'MQIsdp') {
    options.protocolId = 'MQIsdp'
    options.protocolVersion = 3
  }
  // Two clients with one identifier would throw each other out for ever.
  const isOurs = before?.clientId !== undefined && before.clientId === options.clientId
  const made = typeof options.clientId !== 'string' || isOurs ? makeId() : undefined
  if (made !== undefined) options.clientId = made
  options.customHandleAcks ??= acceptAll
  filled.set(options, { period, clientId: made })
  return options
}

/** The default of `customHandleAcks`. */
export function acceptAll(
  _topic: string,
  _message: Buffer,
  _packet: unknown,
  cb: (error: Error | number, code?: number) => void,
): void {
  cb(0)
}
