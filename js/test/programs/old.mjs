import { connect } from 'mqtt'

const client = connect(process.argv.at(-1), { protocolId: 'MQIsdp', protocolVersion: 3, clientId: 'old' })
client.on('connect', (connack) => {
  console.log(connack.cmd, connack.returnCode)
  client.end(false, () => console.log('ended'))
})
