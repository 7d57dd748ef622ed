// What the programs say of themselves.
'use strict'

const COMMON = `  -h/--hostname HOST    the server; default localhost
  -p/--port PORT        its port; default that of the protocol
  -C/-l/--protocol P    mqtt, mqtts, ws or wss
  -i/--clientId ID      the client identifier; default a random one
  -u/--username USER
  -P/--password SECRET
  -q/--qos 0|1|2        default 0
  -t/--topic TOPIC`

const SECURE = `  --key FILE            the client's key; with --cert the default protocol is mqtts
  --cert FILE           the client's certificate
  --ca/--cafile FILE    certificates that are trusted
  --insecure            any certificate of the server will do
  --will-topic TOPIC
  --will-message TEXT
  --will-qos 0|1|2
  --will-retain
  -H/--help

Any other option of the client goes by its name: --protocolVersion 5.
The exit status is 1 if something has failed.`

const HELP = {
  publish: `Usage: mqtt publish [options] [topic] [message], or mqtt_pub ..

${COMMON}
  -m/--message TEXT     the payload
  -r/--retain           the server keeps it
  -s/--stdin            the payload is what stdin has
  -M/--multiline        with -s: each line is a message
${SECURE}`,
  subscribe: `Usage: mqtt subscribe [options] [topic], or mqtt_sub ..

${COMMON}; may be given several times
  -v/--verbose          each message with its topic before it
  --no-clean            the session goes on where it was; needs -i
  -k/--keepalive S      seconds; default 60
${SECURE}`,
  mqtt: `Usage: mqtt <command>

  publish, pub          publishes messages
  subscribe, sub        prints messages
  version
  help [command]`,
}

/** Of a command, or of all. */
function help(command) {
  const name = { pub: 'publish', sub: 'subscribe' }[command] ?? command
  return HELP[Object.hasOwn(HELP, name) ? name : 'mqtt']
}

module.exports = { help }
