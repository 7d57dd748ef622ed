// What `scripts/bundles.mjs` makes for each bundle.

declare module 'evenkeel:asmjs' {
  /** An instance of the module in JavaScript. */
  export function makeExports(): import('../../module').Exports
}

declare module 'evenkeel:module' {
  export const MODULE: import('./unpack').Packed
}

declare module 'evenkeel:fallback' {
  /** The same code in JavaScript: what makes an instance. */
  export function loadFallback(): Promise<() => import('../../module').Exports>
}
