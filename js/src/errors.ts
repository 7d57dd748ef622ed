//! Errors that carry the server's word.
import type { ISubackPacket } from './packets'

/** The server refused; `code` is its reason code. */
export class ErrorWithReasonCode extends Error {
  code: number

  constructor(message: string, code: number) {
    super(message)
    this.name = 'ErrorWithReasonCode'
    this.code = code
  }
}

/** A SUBSCRIBE with at least one filter that the server refused. */
export class ErrorWithSubackPacket extends Error {
  packet: ISubackPacket

  constructor(message: string, packet: ISubackPacket) {
    super(message)
    this.name = 'ErrorWithSubackPacket'
    this.packet = packet
  }
}

/**
 * What the client itself refuses or gives up. `code` is one of the words of
 * the README's section on errors, such as `UNCERTAIN` or `QUEUE_FULL`.
 */
export class EvenkeelError extends Error {
  code: string

  constructor(message: string, code: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'EvenkeelError'
    this.code = code
  }
}
