#!/usr/bin/env node
// mqtt: the programs by the names of commands.
'use strict'

const { MQTTJS_VERSION } = require('../dist/evenkeel.cjs')
const { help } = require('./help')
const { publish } = require('./pub')
const { subscribe } = require('./sub')

const [command, ...args] = process.argv.slice(2)
const COMMANDS = {
  publish: () => publish(args),
  pub: () => publish(args),
  subscribe: () => subscribe(args),
  sub: () => subscribe(args),
  version: () => console.log(`evenkeel version: ${MQTTJS_VERSION}`),
  help: () => console.log(help(args[0])),
}

if (command === undefined) console.log(help())
else if (Object.hasOwn(COMMANDS, command)) COMMANDS[command]()
else {
  console.error(`No such command: ${command}`)
  console.log(help())
  process.exitCode = 1
}
