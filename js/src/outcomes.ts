//! From the numbers of the core to the errors that callbacks and 'error' get.
import { type Disconnected, type Failed, CoreError } from './core'
import { ErrorWithReasonCode, EvenkeelError } from './errors'
import { Cause, Outcome } from './numbers'
import { nextTick } from './platform'
import { ReasonCodes } from './reason-codes'

/** The `code` of an `EvenkeelError`, by the number of the core. */
const CODES: Record<number, string> = {
  2: 'TOO_LARGE',
  3: 'NO_MEMORY',
  4: 'INVALID_TEXT',
  5: 'INVALID_TOPIC',
  6: 'INVALID_FILTER',
  7: 'INVALID_PROPERTIES',
  8: 'INVALID_ARGUMENT',
  9: 'INVALID_OPTION',
  10: 'UNKNOWN_PROFILE',
  12: 'SESSION_UNREADABLE',
  501: 'WRONG_ACKNOWLEDGEMENT',
  502: 'EXPIRED',
  503: 'CONNECTION_LOST',
  504: 'QUARANTINED',
  505: 'NOT_ALLOWED',
  507: 'CONNECTION_REFUSED',
  508: 'STILL_KEPT',
  509: 'NOT_KEPT',
  510: 'DROPPED',
  511: 'SUPERSEDED',
  513: 'UNCERTAIN',
  530: 'QUEUE_FULL',
  531: 'WRITE_BUFFER_FULL',
  533: 'NOT_ALLOWED',
  534: 'EXPIRED',
  536: 'CONNECTION_REFUSED',
  537: 'NOT_KEPT',
  538: 'NOT_KEPT',
  539: 'NO_IDENTIFIER',
  550: 'NO_FILTER',
  551: 'TOO_MANY_OPERATIONS',
  552: 'NOT_SUPPORTED',
  553: 'NOT_ALLOWED',
  554: 'QUARANTINED',
  556: 'CONNECTION_REFUSED',
  669: 'SESSION_OF_ANOTHER_CLIENT',
}

/** The user has removed the message. */
export class RemovedError extends Error {
  constructor() {
    super('Message removed')
  }
}

let closed: Error | undefined

/** One for all that end together: tens of thousands may, and a stack takes longer than all else. */
function connectionClosed(): Error {
  if (closed === undefined) {
    closed = new Error('Connection closed')
    nextTick(() => (closed = undefined))
  }
  return closed
}

/** Why a publish, subscribe or unsubscribe has failed. */
export function failureError(failed: Failed, removed = false): Error {
  const { error, reason, text } = failed
  switch (error) {
    case Outcome.Refused:
      return new ErrorWithReasonCode(`Publish error: ${ReasonCodes[reason] ?? reason}`, reason)
    case Outcome.Removed:
    case Outcome.Withdrawn:
      return removed ? new RemovedError() : connectionClosed()
    case Outcome.Abandoned:
    case Outcome.SubscribeAbandoned:
    case Outcome.Closed:
      return connectionClosed()
    case Outcome.Offline:
      return new Error('No connection to broker')
    default:
      return new EvenkeelError(text, CODES[error] ?? 'FAILED')
  }
}

/** A command that the core did not take, as an error for people. */
export function refusalError(error: unknown): Error {
  if (!(error instanceof CoreError)) return error instanceof Error ? error : new Error(String(error))
  return failureError({ error: error.number, reason: 0, text: error.message })
}

/** What 'error' tells of the end of a connection; `undefined`: nothing, or it was told before. */
export function endError(ended: Disconnected): Error | undefined {
  switch (ended.cause) {
    case Cause.Refused: {
      // A server of MQTT 3 answers a CONNECT of MQTT 5 with a code that means success there.
      const code = ended.wireCode || (ended.reason ?? 0)
      return new ErrorWithReasonCode(`Connection refused: ${ReasonCodes[code] ?? code}`, code)
    }
    case Cause.ConnectTimeout:
      return new Error('connack timeout')
    case Cause.KeepAlive:
      return new Error('Keepalive timeout')
    case Cause.Malformed:
    case Cause.ProtocolError:
    case Cause.Authentication:
      return new EvenkeelError(ended.text, 'PROTOCOL_ERROR')
    default:
      return undefined
  }
}
