//! Properties of MQTT 5 (section 2.2.2.2) between their names and their bytes,
//! without the length in front.

export type Properties = Record<string, unknown>

const BOOL = 0
const BYTE = 1
const U16 = 2
const U32 = 3
const VARINT = 4
const TEXT = 5
const BINARY = 6
const PAIR = 7

/** Name and kind by identifier. */
const TABLE: ReadonlyArray<readonly [id: number, name: string, kind: number]> = [
  [1, 'payloadFormatIndicator', BOOL],
  [2, 'messageExpiryInterval', U32],
  [3, 'contentType', TEXT],
  [8, 'responseTopic', TEXT],
  [9, 'correlationData', BINARY],
  [11, 'subscriptionIdentifier', VARINT],
  [17, 'sessionExpiryInterval', U32],
  [18, 'assignedClientIdentifier', TEXT],
  [19, 'serverKeepAlive', U16],
  [21, 'authenticationMethod', TEXT],
  [22, 'authenticationData', BINARY],
  [23, 'requestProblemInformation', BOOL],
  [24, 'willDelayInterval', U32],
  [25, 'requestResponseInformation', BOOL],
  [26, 'responseInformation', TEXT],
  [28, 'serverReference', TEXT],
  [31, 'reasonString', TEXT],
  [33, 'receiveMaximum', U16],
  [34, 'topicAliasMaximum', U16],
  [35, 'topicAlias', U16],
  [36, 'maximumQoS', BYTE],
  [37, 'retainAvailable', BOOL],
  [38, 'userProperties', PAIR],
  [39, 'maximumPacketSize', U32],
  [40, 'wildcardSubscriptionAvailable', BOOL],
  [41, 'subscriptionIdentifiersAvailable', BOOL],
  [42, 'sharedSubscriptionAvailable', BOOL],
]

const BY_ID = /* @__PURE__ */ new Map(/* @__PURE__ */ TABLE.map(([id, name, kind]) => [id, { name, kind }]))
const BY_NAME = /* @__PURE__ */ new Map(/* @__PURE__ */ TABLE.map(([id, name, kind]) => [name, { id, kind }]))
const LARGEST = [1, 0xff, 0xffff, 0xffff_ffff, 0x0fff_ffff]
const EMPTY = Buffer.alloc(0)

/**
 * The bytes of these properties. A name that MQTT has not is left out, as is
 * one without a value; a value of the wrong kind throws.
 */
export function encodeProperties(properties: object | undefined | null): Buffer {
  if (!properties) return EMPTY
  const parts: Buffer[] = []
  for (const [name, value] of Object.entries(properties)) {
    const known = BY_NAME.get(name)
    if (known === undefined || value === undefined || value === null) continue
    if (known.kind === PAIR) pairs(parts, known.id, value)
    else for (const one of Array.isArray(value) ? value : [value]) parts.push(single(name, known, one))
  }
  return parts.length === 0 ? EMPTY : Buffer.concat(parts)
}

function pairs(parts: Buffer[], id: number, value: unknown): void {
  if (typeof value !== 'object' || value === null) throw invalid('userProperties', value)
  for (const [key, all] of Object.entries(value)) {
    for (const one of Array.isArray(all) ? all : [all]) {
      parts.push(Buffer.from([id]), sized('userProperties', Buffer.from(key)))
      parts.push(sized('userProperties', Buffer.from(String(one))))
    }
  }
}

function single(name: string, { id, kind }: { id: number; kind: number }, value: unknown): Buffer {
  if (kind === TEXT) {
    if (typeof value !== 'string') throw invalid(name, value)
    return Buffer.concat([Buffer.from([id]), sized(name, Buffer.from(value))])
  }
  if (kind === BINARY) {
    if (typeof value !== 'string' && !(value instanceof Uint8Array)) throw invalid(name, value)
    return Buffer.concat([Buffer.from([id]), sized(name, Buffer.from(value as Uint8Array))])
  }
  const number = typeof value === 'boolean' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isInteger(number)) throw invalid(name, value)
  if (number < 0 || number > LARGEST[kind]!) throw invalid(name, value)
  if (kind === VARINT) return Buffer.from([id, ...varint(number)])
  const bytes = Buffer.alloc(kind === U32 ? 5 : kind === U16 ? 3 : 2, id)
  if (kind === U32) bytes.writeUInt32BE(number, 1)
  else if (kind === U16) bytes.writeUInt16BE(number, 1)
  else bytes[1] = number
  return bytes
}

function sized(name: string, bytes: Buffer): Buffer {
  if (bytes.length > 0xffff) throw new Error(`Property ${name} is longer than 65535 bytes`)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

function varint(value: number): number[] {
  const bytes = []
  let rest = value
  do {
    const digit = rest & 0x7f
    rest >>>= 7
    bytes.push(rest > 0 ? digit | 0x80 : digit)
  } while (rest > 0)
  return bytes
}

function invalid(name: string, value: unknown): Error {
  const kind = value === null ? 'null' : typeof value
  return new TypeError(`Invalid value for property ${name} (${kind})`)
}

/**
 * The properties in these bytes, which the core has checked; `undefined` if
 * there are none.
 */
export function decodeProperties(bytes: Uint8Array): Properties | undefined {
  if (bytes.length === 0) return undefined
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const properties: Properties = {}
  let at = 0
  const text = (): string => {
    const length = buffer.readUInt16BE(at)
    at += 2 + length
    return buffer.toString('utf8', at - length, at)
  }
  while (at < buffer.length) {
    const id = buffer[at++]!
    const known = BY_ID.get(id)
    if (known === undefined) throw new Error(`Unknown property ${id}`)
    const { name, kind } = known
    switch (kind) {
      case BOOL:
        properties[name] = buffer[at++] !== 0
        break
      case BYTE:
        properties[name] = buffer[at++]
        break
      case U16:
        properties[name] = buffer.readUInt16BE(at)
        at += 2
        break
      case U32:
        properties[name] = buffer.readUInt32BE(at)
        at += 4
        break
      case VARINT: {
        let value = 0
        let shift = 0
        let digit
        do {
          digit = buffer[at++]!
          value |= (digit & 0x7f) << shift
          shift += 7
        } while (digit > 0x7f)
        put(properties, name, value)
        break
      }
      case TEXT:
        properties[name] = text()
        break
      case BINARY: {
        const length = buffer.readUInt16BE(at)
        at += 2 + length
        properties[name] = Buffer.from(buffer.subarray(at - length, at))
        break
      }
      default: {
        const pairs = (properties[name] ??= Object.create(null) as object) as Properties
        put(pairs, text(), text())
      }
    }
  }
  return properties
}

/** A second value of the same name makes a list. */
function put(target: Properties, name: string, value: unknown): void {
  const before = target[name]
  if (before === undefined) target[name] = value
  else if (Array.isArray(before)) before.push(value)
  else target[name] = [before, value]
}
