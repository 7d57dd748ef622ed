//! What Buffer throws, with the names and codes of Node's.

function coded<E extends Error>(error: E, code: string): E {
  return Object.assign(error, { code })
}

export function wrongType(name: string, wanted: string): TypeError {
  return coded(new TypeError(`The "${name}" argument must be ${wanted}`), 'ERR_INVALID_ARG_TYPE')
}

export function outOfRange(name: string, least: unknown, most: unknown): RangeError {
  const text = `The value of "${name}" is out of range. It must be >= ${least} and <= ${most}`
  return coded(new RangeError(text), 'ERR_OUT_OF_RANGE')
}

/** A whole number between these; `name` is the argument's. */
export function checkNumber(value: unknown, name: string, least: number, most: number): void {
  if (typeof value !== 'number') throw wrongType(name, 'of type number')
  if (!(Number.isInteger(value) && value >= least && value <= most)) throw outOfRange(name, least, most)
}

/** `size` bytes from `at` on are within so many. */
export function checkPlace(at: unknown, size: number, length: number): void {
  if (typeof at !== 'number') throw wrongType('offset', 'of type number')
  if (Number.isInteger(at) && length < size) {
    throw coded(new RangeError('Attempt to access memory outside buffer bounds'), 'ERR_BUFFER_OUT_OF_BOUNDS')
  }
  checkNumber(at, 'offset', 0, length - size)
}

export function checkBytes(value: unknown, name: string): void {
  if (Object.prototype.toString.call(value) !== '[object Uint8Array]') {
    throw wrongType(name, 'an instance of Buffer or Uint8Array')
  }
}

export function unknownEncoding(name: unknown): TypeError {
  return coded(new TypeError(`Unknown encoding: ${String(name)}`), 'ERR_UNKNOWN_ENCODING')
}
