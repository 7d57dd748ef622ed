// Of the type declarations that TypeScript writes, what no program reaches is left out:
// those of the package's inside are most of them.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Keeps these files of the folder, and what they import. */
export function pruneTypes(folder, roots) {
  const kept = new Set()
  for (const root of roots) keep(join(folder, root), kept)
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath ?? entry.path, entry.name)
    if (entry.isFile() && !kept.has(file)) rmSync(file)
  }
  removeEmpty(folder)
}

function keep(file, kept) {
  if (kept.has(file) || !existsSync(file)) return
  kept.add(file)
  for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:from|import\() ?['"](\.[^'"]+)['"]/g)) {
    const target = join(dirname(file), path.replace(/\.js$/, ''))
    keep(`${target}.d.ts`, kept)
    keep(join(target, 'index.d.ts'), kept)
  }
}

function removeEmpty(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmpty(join(folder, entry.name))
  }
  if (readdirSync(folder).length === 0) rmSync(folder, { recursive: true })
}
