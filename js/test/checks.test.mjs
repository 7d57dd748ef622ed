// That the checks of the package which `js/run` makes can fail: each is shown a package
// with one fault, and the same one without it.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { home } from './npm.mjs'

/** A package whose one module is imported and required; `types` are those of `import`. */
const FILES = {
  'index.js': 'exports.answer = 42',
  'index.mjs': 'export const answer = 42',
  'index.d.ts': 'export declare const answer: number',
  'index.d.mts': 'export declare const answer: number',
}
const manifest = (types, main) => ({
  name: 'checked',
  version: '1.0.0',
  license: 'MIT',
  type: 'commonjs',
  main,
  types: './index.d.ts',
  exports: { '.': { import: { types, default: './index.mjs' }, require: { types: './index.d.ts', default: main } } },
  files: ['*.js', '*.mjs', '*.ts', '*.mts'],
})

function check(t, program, args, described) {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-checks-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), `${text}\n`)
  writeFileSync(join(folder, 'package.json'), JSON.stringify(described))
  return spawnSync(join(home, 'node_modules/.bin', program), args, { cwd: folder, encoding: 'utf8' }).status
}

describe('a check that finds nothing passes, and one that finds a fault fails', { concurrency: 2 }, () => {
  for (const [program, args, types, main] of [
    ['publint', ['--strict'], './index.d.mts', './absent.js'],
    ['attw', ['--pack', '.', '--quiet'], './index.d.ts', './index.js'],
  ]) {
    test(program, (t) => {
      assert.equal(check(t, program, args, manifest('./index.d.mts', './index.js')), 0)
      assert.notEqual(check(t, program, args, manifest(types, main)), 0)
    })
  }
})
