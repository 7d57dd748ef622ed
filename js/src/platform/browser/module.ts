//! The module where there is no file system: it is in the script itself. Engines that let
//! it be compiled at once begin at once. Those that do not are asked to do it in their own
//! time, and where WebAssembly is missing or forbidden the same code in JavaScript is loaded.
import { MODULE } from 'evenkeel:module'
import { loadFallback } from 'evenkeel:fallback'

import { EvenkeelError } from '../../errors'
import type { Exports } from '../../module'
import { moduleOf } from './unpack'

/** What was made ahead, for engines that make nothing at once. */
const spares: Exports[] = []
/** Clients that share an instance leave theirs here: with so many no more are made ahead. */
const SPARES = 2
let compiled: WebAssembly.Module | undefined
let fallback: (() => Exports) | undefined
/** Whether instances are made at once; `undefined` before the first one. */
let atOnce: boolean | undefined
/** There was no memory for the one that was to be made ahead. */
let shortage: RangeError | undefined

export function prepareModule(): Promise<void> | undefined {
  if (atOnce === undefined) atOnce = begin()
  if (atOnce) return undefined
  return prepareOne()
}

/** False if it cannot be done at once: too large for this thread, forbidden, or not there. */
function begin(): boolean {
  try {
    compiled = new WebAssembly.Module(moduleOf(MODULE))
    spares.push(instantiate(compiled))
    return true
  } catch {
    return false
  }
}

function instantiate(module: WebAssembly.Module): Exports {
  return new WebAssembly.Instance(module, {}).exports as unknown as Exports
}

async function prepareOne(): Promise<void> {
  if (fallback !== undefined || spares.length >= SPARES) return
  shortage = undefined
  try {
    compiled ??= await WebAssembly.compile(moduleOf(MODULE))
    const { exports } = await WebAssembly.instantiate(compiled, {})
    spares.push(exports as unknown as Exports)
  } catch (error) {
    // Of what is forbidden or not there engines tell by other errors than of memory, which
    // the same in JavaScript would not find either.
    if (error instanceof RangeError) {
      shortage = error
      return
    }
    fallback = await inJavaScript(error)
    atOnce = true
  }
}

async function inJavaScript(forbidden: unknown): Promise<() => Exports> {
  try {
    return await loadFallback()
  } catch (cause) {
    const text = isMissing()
      ? 'There is no WebAssembly here, and dist/asmjs.mjs, which does without, could not be loaded'
      : "WebAssembly is forbidden here, and dist/asmjs.mjs, which does without, could not be loaded: add 'wasm-unsafe-eval' to script-src of the content security policy"
    throw new EvenkeelError(text, 'NO_WEBASSEMBLY', { cause: cause ?? forbidden })
  }
}

function isMissing(): boolean {
  return typeof WebAssembly === 'undefined'
}

export function newExports(): Exports {
  const spare = spares.pop()
  if (spare !== undefined) return spare
  if (fallback !== undefined) return fallback()
  if (shortage !== undefined) throw shortage
  return instantiate(compiled!)
}

export function isTrap(error: unknown): boolean {
  if (!isMissing() && error instanceof WebAssembly.RuntimeError) return true
  return fallback !== undefined && (error as Error | undefined)?.message === 'evenkeel: trap'
}
