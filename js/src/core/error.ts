//! The error of a command.

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
