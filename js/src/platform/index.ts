//! Where the package runs. The rest of it imports from here what Node, a page or a
//! mini program each have in their own way, and nothing of `node:` by itself.
//!
//! For the types this is Node. `scripts/build.mjs` puts one file of this folder in the
//! place of `../platform` for each bundle that it builds. To add a platform: write a file
//! here that exports the names of `Platform` (of `browser.ts` again, what is the same as
//! there), add it to `Platforms` below, so that the compiler sees whether all are there, and
//! give its name to `scripts/bundles.mjs`. The global `Buffer`, which all sources use, is
//! `browser/buffer.ts` in bundles without Node; `mini/globals.ts` has more of what is not everywhere.
import type * as browser from './browser'
import type * as mini from './mini'
import type * as node from './node'
import type { Platform } from './platform'
import type * as reactNative from './react-native'

export * from './node'
export type * from './platform'

type Each<Given extends Platform[]> = Given
export type Platforms = Each<[typeof node, typeof browser, typeof reactNative, typeof mini]>
