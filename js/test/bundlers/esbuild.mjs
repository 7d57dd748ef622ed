import { readFileSync, writeFileSync } from 'node:fs'

import { build } from 'esbuild'

const { warnings } = await build({
  entryPoints: ['app/main.js'],
  outdir: 'out/esbuild',
  bundle: true,
  minify: true,
  splitting: true,
  format: 'esm',
})
if (warnings.length > 0) throw new Error(JSON.stringify(warnings))
writeFileSync('out/esbuild/index.html', readFileSync('app/index.html', 'utf8').replace('/main.js', 'main.js'))
