//! React Native, whose engine has no WebAssembly: as in browsers, and the module in JavaScript.
import { makeExports } from 'evenkeel:asmjs'

export * from './browser'

export function prepareModule(): undefined {
  return undefined
}

export const newExports = makeExports

export function isTrap(error: unknown): boolean {
  return (error as Error | undefined)?.message === 'evenkeel: trap'
}
