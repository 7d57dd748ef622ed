// Serves the dashboard to this machine: npm run demo [-- PORT]
import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const FILES = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/style.css': ['style.css', 'text/css'],
  '/main.mjs': ['main.mjs', 'text/javascript'],
  '/history.mjs': ['history.mjs', 'text/javascript'],
  '/strip.mjs': ['strip.mjs', 'text/javascript'],
  '/tables.mjs': ['tables.mjs', 'text/javascript'],
  '/evenkeel.mjs': ['../dist/browser.mjs', 'text/javascript'],
}

const server = createServer(async (request, response) => {
  const [name, type] = FILES[(request.url ?? '/').replace(/\?.*/s, '')] ?? []
  if (name === undefined) {
    response.writeHead(404).end()
    return
  }
  try {
    const body = await readFile(fileURLToPath(new URL(name, import.meta.url)))
    response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
  } catch (error) {
    response.writeHead(500, { 'content-type': 'text/plain' }).end(`${error.message}\nhint: js/run builds it`)
  }
})
server.listen(Number(process.argv[2] ?? 8000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/?url=ws://127.0.0.1:8080`)
  console.log('a broker for it: evenkeel broker --ws-port 8080')
})
