// Chromium, as it is installed.
import { accessSync, constants } from 'node:fs'

import { chromium } from 'playwright-core'

const PROGRAMS = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

export function program() {
  return PROGRAMS.filter(Boolean).find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Why tests with a browser cannot be run; CI must have what they need. */
export function absent() {
  const missing = program() === undefined ? 'chromium' : process.env.EVENKEEL_BROKER ? undefined : 'EVENKEEL_BROKER'
  if (missing === undefined) return false
  if (process.env.CI === 'true') throw new Error(`CI needs ${missing}`)
  const reason = `${missing} is not there: nothing is tested in a browser`
  console.error(`SKIPPED: ${reason}`)
  return reason
}

export function launch() {
  return chromium.launch({ executablePath: program(), args: ['--no-sandbox'] })
}
