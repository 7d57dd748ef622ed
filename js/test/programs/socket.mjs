// A WebSocket of one's own making.
import mqtt from 'mqtt'
import WebSocket from 'ws'

const createWebsocket = (url, protocols, options) => {
  console.log(protocols, options.keepalive)
  return new WebSocket(url, [protocols[0], 'a-token'])
}

const client = await mqtt.connectAsync(process.argv.at(-1), { createWebsocket, forceNativeWebSocket: true })
await client.publishAsync('a', 'x', { qos: 1 })
console.log('published')
await client.endAsync()
