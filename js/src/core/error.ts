//! The errors of commands.
import { EvenkeelError } from '../errors'

/** A command was refused; nothing has happened. */
export class CoreError extends Error {
  constructor(
    readonly number: number,
    message: string,
  ) {
    super(message)
    this.name = 'CoreError'
  }
}

/** The module has failed: nothing of it is to be used again. */
export function coreFailed(cause?: unknown): EvenkeelError {
  const text = 'The core has failed, which is a bug of evenkeel: please report it; `reconnect()` begins anew'
  return new EvenkeelError(text, 'CORE_FAILED', { cause })
}
