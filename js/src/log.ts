//! Lines for whoever sets DEBUG to `evenkeel`, `mqttjs*` or `*`. They hold no
//! payload, no user name and no secret.

export type Log = (...args: any[]) => void

export function makeLog(): Log {
  const wanted = process.env.DEBUG?.split(/[\s,]+/) ?? []
  // As the package `debug` has it: a name with a minus is not wanted.
  const isOurs = (name: string): boolean => /^(\*|evenkeel|mqttjs)/.test(name)
  const isExcluded = wanted.some((name) => name.startsWith('-') && isOurs(name.slice(1)))
  if (isExcluded || !wanted.some(isOurs)) return () => {}
  return (...args) => process.stderr.write(`evenkeel ${args.join(' ')}\n`)
}
