#!/usr/bin/env node
// mqtt_pub: publishes a message, or what stdin has.
'use strict'

const { createInterface } = require('node:readline')

const { connect } = require('../dist/evenkeel.cjs')
const { help } = require('./help')
const { connectOptions, parse, UsageError } = require('./options')
const { fail, run } = require('./run')

const OWN = {
  strings: ['message'],
  booleans: ['stdin', 'retain', 'multiline'],
  aliases: { m: 'message', r: 'retain', s: 'stdin', M: 'multiline' },
}

function publish(args) {
  run('publish', () => {
    const { flags, rest } = parse(args, OWN)
    if (flags.help) return console.log(help('publish'))
    const topic = flags.topic || rest.shift()
    if (!topic) throw new UsageError('missing topic')
    if (Array.isArray(topic)) throw new UsageError('topic: one is expected')
    const { message, retain = false, stdin, multiline, topic: _, ...others } = flags
    const client = connect(connectOptions(others))
    client.on('error', (error) => fail(client, error))
    const send = (payload) => client.publishAsync(topic, payload, { qos: flags.qos, retain })
    client.once('connect', () => {
      sendAll(send, { message: message || rest.shift() || '', stdin, multiline })
        .then(() => client.end())
        .catch((error) => fail(client, error))
    })
  })
}

async function sendAll(send, { message, stdin, multiline }) {
  if (!stdin) return send(message)
  if (!multiline) {
    const chunks = []
    for await (const chunk of process.stdin) chunks.push(chunk)
    return send(Buffer.concat(chunks))
  }
  for await (const line of createInterface({ input: process.stdin })) await send(line.trim())
}

module.exports = { publish }

if (require.main === module) publish(process.argv.slice(2))
