//! Lines for whoever sets DEBUG to `evenkeel`, `mqttjs*` or `*`. They hold no
//! payload, no user name and no secret.

import { variable, writeLine } from './platform'

export type Log = (...args: any[]) => void

export function makeLog(): Log {
  const wanted = variable('DEBUG')?.split(/[\s,]+/) ?? []
  // As the package `debug` has it: a name with a minus is not wanted.
  const isOurs = (name: string): boolean => /^(\*|evenkeel|mqttjs)/.test(name)
  const isExcluded = wanted.some((name) => name.startsWith('-') && isOurs(name.slice(1)))
  if (isExcluded || !wanted.some(isOurs)) return () => {}
  return (...args) => writeLine(`evenkeel ${args.join(' ')}`)
}
