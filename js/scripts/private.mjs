// Names of members that may be made short where each byte counts: declared `private`, and
// nowhere in the sources but behind `this.`.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const COMMENTS = /\/\*[\s\S]*?\*\/|\/\/.*$/gm
const DECLARED = /private (?:(?:readonly|static|async|override) )*(\w+)/g

/** As a pattern for esbuild's `mangleProps`. */
export function privateNames(folder) {
  const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.ts'))
  const text = files.map((name) => readFileSync(join(folder, name), 'utf8').replace(COMMENTS, '')).join('\n')
  const names = new Set(Array.from(text.matchAll(DECLARED), ([, name]) => name))
  const count = (pattern) => text.match(new RegExp(pattern, 'g'))?.length ?? 0
  const own = [...names].filter(
    (name) => count(`\\b${name}\\b`) === count(`\\bthis\\.${name}\\b`) + count(`${DECLARED.source.replace('(\\w+)', name)}\\b`),
  )
  return new RegExp(`^(${own.join('|')})$`)
}
