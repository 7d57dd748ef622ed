// Topic aliases, first chosen by hand and used again by themselves, then all by themselves.
import mqtt from 'mqtt'

const url = process.argv.at(-1)
const first = await mqtt.connectAsync(url, { protocolVersion: 5, autoUseTopicAlias: true })
await first.publishAsync('site/hall/temperature', '1', { qos: 1, properties: { topicAlias: 1 } })
await first.publishAsync('site/hall/temperature', '2', { qos: 1 })
await first.endAsync()

const second = await mqtt.connectAsync(url, { protocolVersion: 5, autoAssignTopicAlias: true })
for (const [topic, payload] of [['site/hall/temperature', '3'], ['site/hall/temperature', '4'], ['site/yard/temperature', '5'], ['site/yard/temperature', '6']]) {
  await second.publishAsync(topic, payload, { qos: 1 })
}
await second.endAsync()
console.log('published')
