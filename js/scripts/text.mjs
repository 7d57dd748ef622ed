// Bytes as text of a script, so that gzip and Brotli find in it what they would find in
// the bytes: a character each for the most frequent ones, two for the others. Base64 of
// what is deflated already takes a fifth more behind Brotli. `src/platform/browser/text.ts`
// reads it.

/** Printable ASCII without what has a meaning in a string, or in a page. */
const CHARACTERS = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index))
  .filter((one) => !'\'"`\\$<'.includes(one))
const SINGLE = CHARACTERS.slice(0, -3)
const PREFIXES = CHARACTERS.slice(-3)

/** The table, each byte as a number in the order of its characters; and the text. */
export function textOf(bytes) {
  const counts = new Array(256).fill(0)
  for (const byte of bytes) counts[byte] += 1
  const order = [...counts.keys()].sort((first, second) => counts[second] - counts[first])
  const characters = []
  order.forEach((byte, index) => {
    const beyond = index - SINGLE.length
    characters[byte] =
      beyond < 0 ? SINGLE[index] : PREFIXES[Math.floor(beyond / SINGLE.length)] + SINGLE[beyond % SINGLE.length]
  })
  let text = ''
  for (const byte of bytes) text += characters[byte]
  return { single: SINGLE.join(''), prefixes: PREFIXES.join(''), order, text }
}
