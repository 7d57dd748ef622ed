// What a client does in a page, in a worker and in a service worker: a table that is run
// there, with web APIs alone. `urls` are those of `serve.mjs`.

function check(holds, what) {
  if (!holds) throw new Error(what)
}

function same(actual, expected) {
  const [first, second] = [JSON.stringify(actual), JSON.stringify(expected)]
  check(first === second, `${first} is not ${second}`)
}

const event = (emitter, name) => new Promise((resolve) => emitter.once(name, (...args) => resolve(args)))

/** Waits until it is true; the whole table has a limit. */
async function until(fits) {
  while (!fits()) await new Promise((resolve) => setTimeout(resolve, 10))
}

async function online(mqtt, url, options = {}) {
  const client = mqtt.connect(url, { reconnectPeriod: 20, ...options })
  await event(client, 'connect')
  return client
}

async function exchange(mqtt, urls, protocolVersion) {
  const client = await online(mqtt, urls.broker, { protocolVersion })
  const got = []
  client.on('message', (topic, payload, packet) => got.push([topic, payload.toString(), packet.qos]))
  const topic = `there-and-back/${protocolVersion}/${Math.random()}`
  await client.subscribeAsync(`${topic}/+`, { qos: 2 })
  for (const qos of [0, 1, 2]) await client.publishAsync(`${topic}/${qos}`, `grün ${qos}`, { qos })
  await until(() => got.length === 3)
  same(got, [0, 1, 2].map((qos) => [`${topic}/${qos}`, `grün ${qos}`, qos]))
  await client.endAsync()
}

export const BEHAVIOURS = {
  'every QoS there and back (version 4)': (mqtt, urls) => exchange(mqtt, urls, 4),
  'every QoS there and back (version 5)': (mqtt, urls) => exchange(mqtt, urls, 5),

  async 'a payload has the methods of a Buffer'(mqtt, urls) {
    const client = await online(mqtt, urls.broker)
    const topic = `payload/${Math.random()}`
    await client.subscribeAsync(topic)
    const message = event(client, 'message')
    client.publish(topic, new TextEncoder().encode('{"grün":1}'))
    const [, payload] = await message
    check(payload instanceof Uint8Array, 'a Uint8Array')
    same(JSON.parse(payload), { grün: 1 })
    same([payload.toString('hex'), payload.toString('base64')], ['7b226772c3bc6e223a317d', 'eyJncsO8biI6MX0='])
    same([payload.slice(2, 4).toString(), payload.readUInt16BE(0), payload.indexOf('n')], ['gr', 0x7b22, 6])
    check(payload.equals(payload.subarray()), 'equals')
    await client.endAsync()
  },

  async 'properties of MQTT 5 and what was sent before the connection'(mqtt, urls) {
    const client = mqtt.connect(urls.broker, { protocolVersion: 5 })
    const topic = `early/${Math.random()}`
    const properties = { contentType: 'text/plain', userProperties: { a: 'ä' }, correlationData: new Uint8Array([1, 2]) }
    client.subscribe(topic, { qos: 1 })
    client.publish(topic, 'x', { qos: 1, properties })
    const [, , packet] = await event(client, 'message')
    same([packet.properties.contentType, packet.properties.userProperties.a], ['text/plain', 'ä'])
    same(packet.properties.correlationData.toString('hex'), '0102')
    await client.endAsync()
  },

  async 'a session is resumed with what came meanwhile'(mqtt, urls) {
    const clientId = `resumed-${Math.random()}`
    const first = await online(mqtt, urls.broker, { clientId, clean: false })
    await first.subscribeAsync(clientId, { qos: 1 })
    await first.endAsync()
    const other = await online(mqtt, urls.broker)
    await other.publishAsync(clientId, 'meanwhile', { qos: 1 })
    const second = mqtt.connect(urls.broker, { clientId, clean: false })
    const message = event(second, 'message')
    const [connack] = await event(second, 'connect')
    same(connack.sessionPresent, true)
    same((await message)[1].toString(), 'meanwhile')
    await Promise.all([other.endAsync(), second.endAsync()])
  },

  async 'a megabyte there and back'(mqtt, urls) {
    const client = await online(mqtt, urls.broker)
    const topic = `large/${Math.random()}`
    await client.subscribeAsync(topic, { qos: 1 })
    const payload = new Uint8Array(1_000_000).map((_, index) => index % 251)
    const message = event(client, 'message')
    await client.publishAsync(topic, payload, { qos: 1 })
    const [, got] = await message
    check(got.equals(payload), 'the same bytes')
    await client.endAsync()
  },

  async 'twenty clients, more than there are modules'(mqtt, urls) {
    const clients = await Promise.all(Array.from({ length: 20 }, () => online(mqtt, urls.broker)))
    const topic = `many/${Math.random()}`
    let got = 0
    for (const client of clients) client.on('message', () => (got += 1))
    await Promise.all(clients.map((client) => client.subscribeAsync(topic, { qos: 1 })))
    await clients[0].publishAsync(topic, 'x', { qos: 1 })
    await until(() => got === 20)
    await Promise.all(clients.map((client) => client.endAsync()))
  },

  async 'messages() is a loop that ends its subscription'(mqtt, urls) {
    const client = await online(mqtt, urls.broker)
    const topic = `loop/${Math.random()}`
    const publish = setInterval(() => client.publish(topic, 'x'), 20)
    let count = 0
    for await (const { payload } of client.messages(topic)) {
      same(payload.toString(), 'x')
      if ((count += 1) === 3) break
    }
    clearInterval(publish)
    await client.endAsync()
  },

  async 'a URL without host is that of the page'(mqtt) {
    const client = await online(mqtt, '/mqtt?a=b')
    check(client.stream.url.endsWith(`${location.host}/mqtt?a=b`), client.stream.url)
    await client.endAsync(true)
    const other = await online(mqtt, { path: '/mqtt' })
    same(new URL(other.stream.url).host, location.host)
    await other.endAsync(true)
  },

  async 'mqtt: is ws: here'(mqtt, urls) {
    const { host } = new URL(urls.broker)
    const client = mqtt.connect({ protocol: 'mqtt', hostname: host.split(':')[0], port: Number(host.split(':')[1]), path: '/mqtt' })
    await event(client, 'connect')
    same(client.options.protocol, 'ws')
    await client.endAsync()
  },

  async 'code and reason of a close are told, and the connection is made again'(mqtt, urls) {
    const client = mqtt.connect(urls.closes, { reconnectPeriod: 20 })
    const told = []
    client.on('diagnosis', ({ kind, text }) => told.push([kind, text]))
    const order = []
    for (const name of ['connect', 'close', 'offline', 'reconnect', 'error']) client.on(name, () => order.push(name))
    await until(() => order.filter((name) => name === 'connect').length === 2)
    same(order.slice(0, 5), ['connect', 'offline', 'close', 'reconnect', 'connect'])
    const [, text] = told.find(([kind]) => kind === 'websocket-closed')
    same(text, 'The WebSocket was closed with code 4001: "over \\"here\\""')
    await client.endAsync(true)
  },

  async 'a text frame is an error'(mqtt, urls) {
    const client = mqtt.connect(urls.text, { reconnectPeriod: 0 })
    const [error] = await event(client, 'error')
    same([error.name, error.code], ['EvenkeelError', 'PROTOCOL_ERROR'])
    await client.endAsync(true)
  },

  async 'a server that is not there is an error, and attempts follow'(mqtt, urls) {
    const client = mqtt.connect(urls.nobody, { reconnectPeriod: 20 })
    const [error] = await event(client, 'error')
    same(error.message, 'WebSocket error')
    await event(client, 'reconnect')
    await client.endAsync(true)
  },

  async 'transformWsUrl is waited for before each attempt'(mqtt, urls) {
    let asked = 0
    const transformWsUrl = async (url) => {
      asked += 1
      await new Promise((resolve) => setTimeout(resolve, 5))
      return `${url}?signature=${asked}`
    }
    const client = await online(mqtt, urls.closes, { transformWsUrl })
    await event(client, 'connect')
    check(client.stream.url.endsWith(`?signature=${asked}`) && asked >= 2, client.stream.url)
    await client.endAsync(true)
  },

  async 'createWebsocket makes the socket, with protocols of the user'(mqtt, urls) {
    const asked = []
    const client = await online(mqtt, urls.page, {
      wsOptions: { protocols: ['mqtt', 'other'] },
      createWebsocket(url, protocols) {
        asked.push(protocols)
        return new WebSocket(url, protocols)
      },
    })
    same(asked, [['mqtt', 'other']])
    same([client.stream.socket.protocol, client.stream.socket.binaryType], ['mqtt', 'arraybuffer'])
    await client.endAsync(true)
  },

  async 'a server that reads nothing holds up the client, up to a limit'(mqtt, urls) {
    const client = await online(mqtt, urls.deaf)
    const payload = new Uint8Array(256 * 1024)
    let full = 0
    for (let count = 0; count < 700; count++) {
      client.publish('a', payload, (error) => {
        if (error?.code === 'QUEUE_FULL') full += 1
      })
    }
    await until(() => full > 0)
    const { bufferedAmount } = client.stream.socket
    check(bufferedAmount < 16 * 1024 * 1024, `${bufferedAmount} bytes`)
    await client.endAsync(true)
  },

  async 'an AbortSignal ends it'(mqtt, urls) {
    const controller = new AbortController()
    const client = await online(mqtt, urls.broker, { signal: controller.signal })
    const end = event(client, 'end')
    controller.abort()
    await end
  },
}

/** Runs all, or those that are named; what failed, and why. */
export async function run(mqtt, urls, names = Object.keys(BEHAVIOURS)) {
  const results = []
  for (const name of names) {
    try {
      let timer
      const limit = new Promise((_, reject) => (timer = setTimeout(reject, 30_000, new Error('took more than 30 s'))))
      await Promise.race([BEHAVIOURS[name](mqtt, urls), limit])
      clearTimeout(timer)
      results.push([name, null])
    } catch (error) {
      results.push([name, String(error?.stack ?? error)])
    }
  }
  return results
}
