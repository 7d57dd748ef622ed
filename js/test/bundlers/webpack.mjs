import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'

import webpack from 'webpack'

const path = resolve('out/webpack')
const stats = await new Promise((done, fail) => {
  const settings = {
    mode: 'production',
    entry: './app/main.js',
    output: { path, filename: 'main.js', chunkFilename: '[id].js' },
    // The module is in the script: it is larger than what webpack warns of.
    performance: false,
  }
  webpack(settings, (error, found) => (error ? fail(error) : done(found)))
})
if (stats.hasErrors() || stats.hasWarnings()) throw new Error(stats.toString())
writeFileSync(resolve(path, 'index.html'), readFileSync('app/index.html', 'utf8').replace('/main.js', 'main.js'))
