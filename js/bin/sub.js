#!/usr/bin/env node
// mqtt_sub: prints the messages of some topics.
'use strict'

const { connect } = require('../dist/evenkeel.cjs')
const { help } = require('./help')
const { connectOptions, parse, UsageError } = require('./options')
const { fail, run } = require('./run')

const OWN = {
  booleans: ['clean', 'verbose'],
  aliases: { c: 'clean', k: 'keepalive', v: 'verbose' },
}

function subscribe(args) {
  run('subscribe', () => {
    const { flags, rest } = parse(args, OWN)
    if (flags.help) return console.log(help('subscribe'))
    const { verbose, topic = rest.shift(), ...others } = flags
    if (!topic) throw new UsageError('missing topic')
    const client = connect(connectOptions(others))
    client.on('error', (error) => fail(client, error))
    // Whoever has read them has gone: `| head -1`.
    process.stdout.on('error', () => client.end(true))
    client.on('message', (name, payload) => {
      console.log(verbose ? `${name} ${payload}` : payload.toString())
    })
    // The client itself subscribes again after this connection.
    client.once('connect', () => {
      client.subscribe(topic, { qos: flags.qos }, (error) => {
        if (error) fail(client, error)
      })
    })
  })
}

module.exports = { subscribe }

if (require.main === module) subscribe(process.argv.slice(2))
