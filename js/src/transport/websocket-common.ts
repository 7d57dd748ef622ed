//! What all kinds of WebSocket have in common.
import { EvenkeelError } from '../errors'
import type { IClientOptions } from '../types'

/** What is asked for; `wsOptions.protocols` instead of MQTT's own names. */
export function subProtocols({ wsOptions, protocolId }: IClientOptions): string[] {
  const given = wsOptions?.protocols as string | string[] | undefined
  if (given !== undefined) return Array.isArray(given) ? given : [given]
  return [protocolId === 'MQIsdp' ? 'mqttv3.1' : 'mqtt']
}

/** Of RFC 6455 (section 7.4.1) and the registry that it makes. */
const CODES: Record<number, string> = {
  1000: 'normal closure',
  1001: 'going away',
  1002: 'protocol error',
  1003: 'unsupported data',
  1005: 'no code given',
  1006: 'without a close frame',
  1007: 'invalid data',
  1008: 'policy violation',
  1009: 'message too big',
  1010: 'extension missing',
  1011: 'internal error',
  1012: 'service restart',
  1013: 'try again later',
  1014: 'bad gateway',
  1015: 'TLS failure',
}

/** How the other end has closed a WebSocket; `undefined` if nothing is known. */
export function closeText(code: number | undefined, reason: unknown): string | undefined {
  if (code === undefined) return undefined
  const name = CODES[code] === undefined ? '' : `, ${CODES[code]}`
  const said = reason === undefined ? '' : String(reason)
  return `The WebSocket was closed with code ${code}${name}${said === '' ? '' : `: ${JSON.stringify(said)}`}`
}

/** MQTT goes in binary frames alone (MQTT 5, section 6.0). */
export function textFrame(): Error {
  return new EvenkeelError('The server sent a text frame, where MQTT wants binary ones', 'PROTOCOL_ERROR')
}
