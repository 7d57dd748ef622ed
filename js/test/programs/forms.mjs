import mqtt, { connect } from 'mqtt'
import * as everything from 'mqtt'

const url = process.argv.at(-1)
for (const make of [mqtt.connect, connect, everything.connect, everything.default.connect]) {
  const client = make(url)
  client.on('connect', () => {
    console.log('connected', client instanceof mqtt.MqttClient, client instanceof everything.Client)
    client.end()
  })
}
