// How both programs run: usage, help, and what is wrong.
'use strict'

const { help } = require('./help')
const { UsageError } = require('./options')

/** Calls `act`; what the user did wrong is said with the help of the command. */
function run(command, act) {
  try {
    act()
  } catch (error) {
    console.error(error.message)
    if (error instanceof UsageError) console.log(help(command))
    process.exitCode = 1
  }
}

/** The first error ends the client, and the program with it. */
function fail(client, error) {
  if (client.disconnecting) return
  console.error(error.message || error.code || String(error))
  process.exitCode = 1
  client.end(true)
  // Nobody waits for its end any more.
  process.stdin.destroy()
}

module.exports = { fail, run }
