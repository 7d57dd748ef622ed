//! Of this package; the build puts it in.
declare const PACKAGE_VERSION: string

export const VERSION: string = PACKAGE_VERSION
