//! Where the package runs. The rest of it imports from here what Node, a page or a
//! mini program each have in their own way, and nothing of `node:` by itself.
//!
//! For the types this is Node. `scripts/build.mjs` puts one file of this folder in the
//! place of `../platform` for each bundle that it builds. To add a platform: write a file
//! here that exports the names of `Platform`, add it to `Platforms` below, so that the
//! compiler sees whether it does, and give its name to `bundle()` in `scripts/build.mjs`.
//! Where there is no `Buffer`, the bundle takes it from `platform/browser/buffer.ts`.
import type * as node from './node'
import type { Platform } from './platform'

export * from './node'
export type * from './platform'

type Each<Given extends Platform[]> = Given
export type Platforms = Each<[typeof node]>
