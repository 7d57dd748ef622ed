//! Instead of a place for sessions, in a bundle whose module keeps none.
import { EvenkeelError } from '../errors'

export class DurableSession {
  constructor(_name: string) {
    const text = 'This build keeps no sessions; hint: use the one for bundlers, browser.mjs'
    throw new EvenkeelError(text, 'NOT_SUPPORTED')
  }
}
