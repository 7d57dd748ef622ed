// MQTT over WebSocket to AWS IoT Core, with a URL that is signed anew (SigV4)
// before every attempt: a client that runs for months never uses an old one.
//
//   ENDPOINT=xxxx-ats.iot.eu-central-1.amazonaws.com AWS_REGION=eu-central-1 \
//   AWS_ACCESS_KEY_ID=.. AWS_SECRET_ACCESS_KEY=.. node examples/aws-signed-url.mjs
import { createHash, createHmac } from 'node:crypto'
import { pathToFileURL } from 'node:url'

import mqtt from 'evenkeel'

const hmac = (key, text) => createHmac('sha256', key).update(text).digest()
const hash = (text) => createHash('sha256').update(text).digest('hex')

/** The URL with a signature of `now`; the session's token is no part of what is signed. */
export function sign(url, { accessKeyId, secretAccessKey, sessionToken }, region, now) {
  const { host, pathname, protocol } = new URL(url)
  const time = now.toISOString().replace(/[-:]|\.\d{3}/g, '')
  const day = time.slice(0, 8)
  const scope = `${day}/${region}/iotdevicegateway/aws4_request`
  const query = new URLSearchParams({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-SignedHeaders': 'host',
  })
  const request = ['GET', pathname, query, `host:${host}\n`, 'host', hash('')].join('\n')
  const signed = ['AWS4-HMAC-SHA256', time, scope, hash(request)].join('\n')
  const parts = [day, region, 'iotdevicegateway', 'aws4_request']
  const key = parts.reduce(hmac, `AWS4${secretAccessKey}`)
  query.set('X-Amz-Signature', hmac(key, signed).toString('hex'))
  if (sessionToken) query.set('X-Amz-Security-Token', sessionToken)
  return `${protocol}//${host}${pathname}?${query}`
}

/** A client whose URL is signed with what `provider` gives at that time. */
export function connect(endpoint, region, provider, options = {}) {
  return mqtt.connect(`${endpoint}/mqtt`, {
    profile: 'aws-iot-core',
    ...options,
    transformWsUrl: async (url) => sign(url, await provider(), region, new Date()),
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { ENDPOINT, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env
  const provider = async () => ({
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN,
  })
  const client = connect(`wss://${ENDPOINT}`, AWS_REGION, provider)
  client.on('state', (state) => console.log(state))
  client.on('error', (error) => console.error(error.message))
}
