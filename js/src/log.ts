//! Lines for whoever sets DEBUG to `evenkeel`, `mqttjs*` or `*`. They hold no
//! payload, no user name and no secret.

export type Log = (...args: any[]) => void

export function makeLog(): Log {
  const wanted = process.env.DEBUG?.split(/[\s,]+/) ?? []
  const on = wanted.some((name) => /^(\*|evenkeel|mqttjs)/.test(name))
  if (!on) return () => {}
  return (...args) => process.stderr.write(`evenkeel ${args.join(' ')}\n`)
}
