// What the page does: publishes or receives so many messages, as `client.cjs` does in Node.
const MOST = 100
const BARRIER = { qos: 1 }

/** A client of this bundle that is connected. */
export async function connected(bundle, url) {
  const { default: mqtt } = await import(bundle)
  const client = mqtt.connect(url)
  await new Promise((resolve) => client.once('connect', resolve))
  return { publish: (...given) => publish(client, ...given), receive: (...given) => receive(client, ...given) }
}

function receive(client, qos, size, many) {
  return new Promise((resolve) => {
    const topic = `${many}/${qos}/${size}`
    let left = many
    client.on('message', () => {
      if (--left > 0) return
      client.removeAllListeners('message')
      // As many again are asked for by the same topic.
      client.unsubscribe(topic, resolve)
    })
    client.subscribe(topic, { qos })
  })
}

function publish(client, qos, size, many) {
  const payload = 'x'.repeat(size)
  return new Promise((resolve) => {
    let sent = 0
    let over = 0
    const more = () => {
      over += 1
      // One with an acknowledgement, behind all others: they have left the page.
      if (over === many) client.publish('bench/end', '', BARRIER, resolve)
      else next()
    }
    const next = () => {
      while (sent < many && sent - over < MOST) {
        sent += 1
        client.publish('bench/topic', payload, { qos }, more)
      }
    }
    next()
  })
}
