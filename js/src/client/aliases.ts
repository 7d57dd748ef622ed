//! Topic aliases that the application chooses.
import type { IPublishPacket } from '../packets'

export class Aliases {
  /** Those that this connection knows. */
  private readonly known = new Set<number>()

  /** There is a new connection. */
  forget(): void {
    this.known.clear()
  }

  /** What is wrong with the alias of this message; one with a topic makes it known. */
  refusal(alias: number, { topic }: IPublishPacket, maximum: number): Error | undefined {
    if (alias < 1 || alias > maximum) return new Error('Sending Topic Alias out of range')
    if (topic !== '') this.known.add(alias)
    else if (!this.known.has(alias)) return new Error('Unregistered Topic Alias')
    return undefined
  }
}
