const mqtt = require('mqtt')

const client = mqtt.connect(process.argv.at(-1))

client.on('connect', () => {
  client.subscribe('site/hall', (error) => {
    if (!error) client.publish('site/hall', 'Good morning')
  })
})

client.on('message', (topic, message) => {
  console.log(topic, message.toString())
  client.end()
})
