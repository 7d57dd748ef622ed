// What tests need from npm: the package as it is packed, and others beside it. CI must
// have them; elsewhere a test that cannot have them is skipped, and says so.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the package. */
export const home = join(dirname(fileURLToPath(import.meta.url)), '..')

export function npm(args, cwd) {
  return execFileSync('npm', [...args, '--no-audit', '--no-fund'], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Packs the package; its file, and the paths that are in it. */
export function pack(folder) {
  const [{ filename, files }] = JSON.parse(npm(['pack', '--json', '--pack-destination', folder], home))
  return { file: join(folder, filename), paths: files.map(({ path }) => path) }
}

/** Installs what the manifest names. The reason if that cannot be had here. */
export function install(folder, manifest) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, ...manifest }))
  try {
    npm(['install', '--prefer-offline'], folder)
    return undefined
  } catch (error) {
    if (process.env.CI === 'true') throw error
    const names = Object.keys(manifest.dependencies).join(', ')
    const reason = `npm cannot install ${names}: ${String(error.stderr).trim().split('\n')[0]}`
    console.error(`SKIPPED: ${reason}`)
    return reason
  }
}

/** Like `install`, but once for all runs: for what is large. */
export function installOnce(name, manifest) {
  const folder = join(home, '.cache', name)
  const done = join(folder, 'installed')
  if (existsSync(done)) return { folder }
  const reason = install(folder, manifest)
  if (reason === undefined) writeFileSync(done, '')
  return { folder, reason }
}
