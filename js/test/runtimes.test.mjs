// The packed package under Node, Deno and Bun, which come from npm.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { certificate } from './certificate.mjs'
import { serve, write } from './harness.mjs'
import { home, install, installOnce, pack } from './npm.mjs'
import { serveWebSocket } from './websocket.mjs'

/** Their versions, and how each runs a program. */
const RUNTIMES = {
  node: { run: () => [process.execPath] },
  deno: { version: '2.9.6', run: (program) => [program, 'run', '--allow-all'] },
  bun: { version: '1.4.4', run: (program) => [program, 'run'] },
}

/** Sends back what comes, in the same QoS; cuts the connection at `cut`. */
const ECHO = {
  publish: (packet, peer) => {
    const { topic, payload, qos, id } = packet
    if (topic === 'cut') return peer.drop()
    if (qos === 1) peer.send(write.puback(id))
    if (qos === 2) peer.send(write.pubrec(id))
    peer.send(write.publish({ v5: peer.v5, topic, payload, qos, id }))
  },
}

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-runtimes-'))
after(() => rmSync(folder, { recursive: true }))

/** What is connected to. */
const WAYS = {
  TCP: async (t) => (await serve(t, ECHO)).url,
  TLS: async (t) => `mqtts://127.0.0.1:${(await serve(t, ECHO, { tls })).port}`,
  WebSocket: async (t) => `ws://127.0.0.1:${(await serveWebSocket(t, ECHO)).port}`,
}
let tls
/** Why the package cannot be installed here. */
let absent

before(() => {
  tls = certificate(folder)
  const { file } = pack(folder)
  absent = install(folder, { type: 'module', dependencies: { evenkeel: `file:${file}`, ws: '^8.18.0' } })
  copyFileSync(join(home, 'test/runtimes/smoke.mjs'), join(folder, 'smoke.mjs'))
})

for (const [name, { version, run }] of Object.entries(RUNTIMES)) {
  describe(`${name} ${version ?? process.version}`, { concurrency: true }, () => {
    let program
    let reason
    before(() => {
      if (version === undefined) return
      const found = installOnce(`${name}-${version}`, { dependencies: { [name]: version } })
      reason = found.reason
      program = join(found.folder, 'node_modules/.bin', name)
    })

    for (const [way, open] of Object.entries(WAYS)) {
      for (const protocolVersion of way === 'TCP' ? [4, 5] : [5]) {
        test(`a client's life over ${way} (version ${protocolVersion})`, async (t) => {
          if (absent ?? reason) return t.skip(absent ?? reason)
          const url = await open(t)
          const [command, ...args] = [...run(program), 'smoke.mjs', url, String(protocolVersion)]
          const said = await new Promise((resolve) => {
            const env = { ...process.env, DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' }
            execFile(command, args, { cwd: folder, env, timeout: 60_000 }, (error, out, err) => resolve({ error, out, err }))
          })
          assert.equal(said.out, 'passed\n', said.err)
        })
      }
    }
  })
}
