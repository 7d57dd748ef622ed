// A program for MQTT.js, built by a bundler.
import mqtt, { connect, validateTopic } from 'evenkeel'
import esm from 'mqtt/dist/mqtt.esm'
import { Store } from 'mqtt/lib/store'

window.behave = async (url) => {
  const client = connect(url, { outgoingStore: new Store() })
  const message = new Promise((resolve) => client.on('message', (topic, payload) => resolve([topic, payload.toString()])))
  await client.subscribeAsync('app/+', { qos: 1 })
  await client.publishAsync('app/grün', 'hello', { qos: 2 })
  const got = await message
  await client.endAsync()
  return { got, same: mqtt.connect === connect, alias: typeof esm.connect, valid: validateTopic('a/#/b') }
}
