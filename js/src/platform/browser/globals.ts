//! What bundles without Node put in the place of its globals.
export { Buffer } from './buffer'
