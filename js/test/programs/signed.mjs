// A URL and a name for each connection.
import mqtt from 'mqtt'

const url = process.argv.at(-1)
let tokens = 0
const transformWsUrl = (given, options, client) => {
  tokens += 1
  client.options.username = `token=${tokens}`
  client.options.clientId = `device-${tokens}`
  return `${given}?signature=${tokens}&same=${options === client.options}`
}

const client = await mqtt.connectAsync(url, { transformWsUrl, reconnectPeriod: 10 })
console.log('connected', client.options.clientId)
client.stream.destroy()
await new Promise((resolve) => client.once('connect', resolve))
console.log('again', client.options.clientId)
await client.endAsync()
