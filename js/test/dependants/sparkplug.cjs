// A Sparkplug edge node: `sparkplug.cjs URL`. The server sends what the node says of
// itself back as a command, once per connection, and ends the first one after that.
const assert = require('node:assert/strict')

const sparkplug = require('sparkplug-client')

const [serverUrl] = process.argv.slice(2)
const node = sparkplug.newClient({
  serverUrl,
  username: 'u',
  password: 'p',
  groupId: 'plant',
  edgeNode: 'edge',
  clientId: 'edge-1',
  publishDeath: true,
  mqttOptions: { reconnectPeriod: 20 },
})

const metrics = () => [{ name: 'level', value: 4, type: 'int' }]
const said = []
for (const event of ['connect', 'close', 'offline', 'reconnect', 'birth']) node.on(event, () => said.push(event))
node.on('error', (error) => said.push(error.message))
node.on('birth', () => node.publishNodeBirth({ timestamp: 1, metrics: metrics() }))
let commands = 0
node.on('ncmd', (payload) => {
  assert.equal(payload.metrics[0].name, 'level')
  commands += 1
  node.publishNodeData({ timestamp: 2, metrics: metrics() }, { compress: commands === 2 })
  if (commands === 2) node.stop()
})
// Nothing is left to do once the client has ended.
process.on('exit', () => console.log(said.join(' ')))
