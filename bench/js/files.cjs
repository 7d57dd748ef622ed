// Bytes of the files that a module brings into Node: `files.cjs MODULE`, as JSON.
// `require` knows the scripts; what they read themselves is seen by `fs`.
const fs = require('node:fs')
const read = new Set()
const { readFileSync } = fs
fs.readFileSync = (path, ...others) => {
  if (typeof path === 'string') read.add(path)
  return readFileSync(path, ...others)
}
const mqtt = require(process.argv[2])
// So that what is loaded late is there, too.
mqtt.connect('mqtt://127.0.0.1', { manualConnect: true })
for (const path of Object.keys(require.cache)) if (path !== __filename) read.add(path)
let bytes = 0
for (const path of read) if (!path.endsWith('package.json')) bytes += fs.statSync(path).size
console.log(JSON.stringify({ bytes, files: read.size }))
process.exit(0)
