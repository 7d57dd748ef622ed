// Flags as the programs of MQTT.js take them: `-q 1`, `-q1`, `--qos 1`, `--qos=1`,
// `--no-clean`, `--wsOptions.headers.a b`. One that is not known is an option of the
// client by its own name.
'use strict'

/**
 * `strings` are never read as numbers, `booleans` take no value, `lists` are lists if
 * given twice, `aliases` has the names that count. What is no flag is in `rest`.
 */
function parseFlags(given, { strings, booleans, lists, aliases }) {
  const flags = Object.create(null)
  const rest = []
  const keyOf = (name) => (Object.hasOwn(aliases, name) ? aliases[name] : name)
  const set = (name, value) => {
    const key = keyOf(name)
    const read = strings.includes(key) ? String(value === true ? '' : value) : asNumber(value)
    if (lists.includes(key) && flags[key] !== undefined) flags[key] = [flags[key], read].flat()
    else put(flags, key, read)
  }
  const isBoolean = (name) => booleans.includes(keyOf(name))
  const args = [...given]
  /** The value behind a flag, if one stands there. */
  const value = (name) => {
    if (isBoolean(name)) return /^(true|false)$/.test(args[0]) ? args.shift() === 'true' : true
    return args.length > 0 && !/^-[^\d]/.test(args[0]) ? args.shift() : true
  }
  while (args.length > 0) {
    const arg = args.shift()
    if (arg === '--') rest.push(...args.splice(0))
    else if (/^--no-./.test(arg)) set(arg.slice(5), false)
    else if (/^--.+=/s.test(arg)) {
      const [, name, text] = /^--([^=]+)=(.*)$/s.exec(arg)
      set(name, isBoolean(name) ? text !== 'false' : text)
    } else if (/^--./.test(arg)) set(arg.slice(2), value(arg.slice(2)))
    else if (/^-[^-]/.test(arg)) short(arg.slice(1), isBoolean, set, value)
    else rest.push(arg)
  }
  return { flags, rest }
}

/** Letters without a value may stand together; what follows one with a value is its value. */
function short(letters, isBoolean, set, value) {
  for (let at = 0; at < letters.length; at++) {
    const name = letters[at]
    const after = letters.slice(at + 1)
    if (after === '') set(name, value(name))
    else if (isBoolean(name)) set(name, true)
    else return set(name, after.replace(/^=/, ''))
  }
}

function asNumber(value) {
  return typeof value === 'string' && /^-?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(value) ? Number(value) : value
}

/** A key with dots is a path. */
function put(flags, key, value) {
  const path = key.split('.')
  const last = path.pop()
  let into = flags
  for (const name of path) into = into[name] = Object.assign(Object.create(null), into[name])
  into[last] = value
}

module.exports = { parseFlags }
