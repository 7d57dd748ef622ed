// The licences of what is inside of the WebAssembly module: its crates' own texts,
// as `cargo metadata` finds them.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const TARGET = 'wasm32-unknown-unknown'

const STANDARD_LIBRARY = `The Rust standard library (core, alloc, compiler_builtins)
Copyright (c) The Rust Project Contributors
Licensed under either of Apache License, Version 2.0, or MIT licence, at your option;
the text of the latter is that of LICENSE-MIT with the copyright above.
`

/** One text for all crates that are not ours. */
export function thirdPartyLicenses(home) {
  const found = execFileSync(
    'cargo',
    ['metadata', '--format-version', '1', '--locked', '--filter-platform', TARGET],
    { cwd: home, maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const { packages, resolve } = JSON.parse(found)
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]))
  const root = packages.find(({ name }) => name === 'evenkeel-wasm')
  if (root === undefined) throw new Error('there is no crate evenkeel-wasm')
  const used = new Set()
  const visit = (id) => {
    if (used.has(id)) return
    used.add(id)
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) {
      if (kinds.some(({ kind }) => kind === null)) visit(pkg)
    }
  }
  visit(root.id)
  const others = packages.filter(({ id, source }) => used.has(id) && source !== null)
  const parts = others.map((one) => `${one.name} ${one.version} (${one.license})\n\n${texts(one)}`)
  return [STANDARD_LIBRARY, ...parts].join(`\n${'-'.repeat(80)}\n\n`)
}

function texts({ name, manifest_path: manifest }) {
  const folder = dirname(manifest)
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying)/i.test(file)).sort()
  // Of two at one's choice the shorter one will do.
  const chosen = files.find((file) => /mit/i.test(file)) ?? files[0]
  if (chosen === undefined) throw new Error(`${name} has no text of its licence`)
  return readFileSync(join(folder, chosen), 'utf8')
}
