// Accepts one message after the other while nobody is there to take them, and says which
// are kept: node keeps.mjs PATH FIRST
import mqtt from 'evenkeel'

const [, , path, first] = process.argv
const session = new mqtt.DurableSession(path)
const append = session.append.bind(session)
let number = Number(first)
session.append = async (bytes) => {
  await append(bytes)
  if (!Buffer.from(bytes).includes(`n${number}`)) return
  console.log(number)
  number += 1
  next()
}
const client = mqtt.connect('mqtt://127.0.0.1:9', { clientId: 'c', clean: false, session })
client.on('error', () => {})

function next() {
  client.publish(`n${number}`, String(number), { qos: 1 })
}
next()
