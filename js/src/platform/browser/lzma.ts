//! Reads what LZMA has made small, with its usual parameters (lc 3, lp 0, pb 2) and without
//! a header: the other end of what `scripts/pack.mjs` writes.

// Where the probabilities of each kind of bit begin.
const MATCH = 0
const REPEATED = MATCH + 12 * 4
const REPEATED_0 = REPEATED + 12
const REPEATED_1 = REPEATED_0 + 12
const REPEATED_2 = REPEATED_1 + 12
const LONGER = REPEATED_2 + 12
const SLOT = LONGER + 12 * 4
const DISTANCE = SLOT + 4 * 64
const ALIGNED = DISTANCE + 128
const LENGTH = ALIGNED + 16
const REPEATED_LENGTH = LENGTH + 2 + 4 * 16 + 256
const LITERAL = REPEATED_LENGTH + 2 + 4 * 16 + 256
const ALL = LITERAL + 8 * 768

const RANGE = 0
const CODE = 1

/** So many bytes of the contents. */
export function unlzma(input: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size)
  const probabilities = new Uint16Array(ALL).fill(1024)
  // As variables they would be numbers of the heap, a new one at each bit.
  const registers = Uint32Array.of(0xffffffff, 0)
  // The first byte is always 0.
  let next = 0
  for (let count = 0; count < 5; count++) registers[CODE] = (registers[CODE]! << 8) | input[next++]!

  /** Whether it is 1 of which there are so many of the range for 0. */
  const split = (bound: number): number => {
    const is = registers[CODE]! < bound ? 0 : 1
    if (is === 0) registers[RANGE] = bound
    else {
      registers[RANGE]! -= bound
      registers[CODE]! -= bound
    }
    if (registers[RANGE]! < 0x1000000) {
      registers[RANGE]! <<= 8
      registers[CODE] = (registers[CODE]! << 8) | input[next++]!
    }
    return is
  }
  const bit = (place: number): number => {
    const probability = probabilities[place]!
    const is = split((registers[RANGE]! >>> 11) * probability)
    probabilities[place] = probability + (is === 0 ? (2048 - probability) >> 5 : -(probability >> 5))
    return is
  }
  /** As likely 0 as 1. */
  const splitEvenly = (): number => {
    const half = registers[RANGE]! >>> 1
    registers[RANGE] = half * 2
    return split(half)
  }
  /** A number of so many bits, the highest one first. */
  const number = (place: number, bits: number): number => {
    let value = 1
    for (let count = 0; count < bits; count++) value = value * 2 + bit(place + value)
    return value - (1 << bits)
  }
  /** The lowest one first. */
  const reversed = (place: number, bits: number): number => {
    let value = 1
    let sum = 0
    for (let count = 0; count < bits; count++) {
      const is = bit(place + value)
      value = value * 2 + is
      sum += is << count
    }
    return sum
  }
  const length = (place: number, phase: number): number => {
    if (bit(place) === 0) return 2 + number(place + 2 + phase * 8, 3)
    if (bit(place + 1) === 0) return 10 + number(place + 34 + phase * 8, 3)
    return 18 + number(place + 66, 8)
  }
  const distance = (length: number): number => {
    const slot = number(SLOT + Math.min(length - 2, 3) * 64, 6)
    if (slot < 4) return slot
    const bits = (slot >> 1) - 1
    const high = (2 | (slot & 1)) << bits
    if (slot < 14) return high + reversed(DISTANCE + high - slot, bits)
    let middle = 0
    for (let count = bits - 4; count > 0; count--) middle = middle * 2 + splitEvenly()
    return high + (middle << 4) + reversed(ALIGNED, 4)
  }

  // What the last ones were: below 7 the last one was a literal.
  let state = 0
  /** The last four distances, less one. */
  let past = [0, 0, 0, 0]
  for (let at = 0; at < size; ) {
    const phase = at & 3
    if (bit(MATCH + state * 4 + phase) === 0) {
      const place = LITERAL + (at > 0 ? out[at - 1]! >> 5 : 0) * 768
      let value = 1
      // The byte that a match would have brought is another one.
      let other = state < 7 ? -1 : out[at - past[0]! - 1]!
      while (value < 256) {
        if (other < 0) value = value * 2 + bit(place + value)
        else {
          const expected = (other >> 7) & 1
          other <<= 1
          value = value * 2 + bit(place + 256 + expected * 256 + value)
          if ((value & 1) !== expected) other = -1
        }
      }
      out[at++] = value
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6
      continue
    }
    let count = 1
    if (bit(REPEATED + state) === 0) {
      count = length(LENGTH, phase)
      past = [distance(count), past[0]!, past[1]!, past[2]!]
      state = state < 7 ? 7 : 10
    } else {
      const which = bit(REPEATED_0 + state) === 0 ? 0 : bit(REPEATED_1 + state) === 0 ? 1 : 2 + bit(REPEATED_2 + state)
      if (which === 0 && bit(LONGER + state * 4 + phase) === 0) state = state < 7 ? 9 : 11
      else {
        past.unshift(...past.splice(which, 1))
        count = length(REPEATED_LENGTH, phase)
        state = state < 7 ? 8 : 11
      }
    }
    for (; count > 0; count--, at++) out[at] = out[at - past[0]! - 1]!
  }
  return out
}
