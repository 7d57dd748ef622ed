//! The package's one module: its names, and all of them as the default.
import * as mqtt from './mqtt'

export * from './mqtt'
export default mqtt
