//! From the options to the settings of the core.
import type { Setting } from './core'
import { Key } from './numbers'
import { encodeProfile } from './profile'
import { encodeProperties } from './properties'
import type { IClientOptions, IReconnectOptions } from './types'

/** No bound of ours: MQTT's own. */
const LARGEST_PACKET = 268_435_455
const FOREVER = 0xffff_ffff
/** Some ten years: the core waits for it, and `reconnect()` comes before. */
const NEVER_MS = 3e11

/** What CONNECT says. User name and password are given with each attempt. */
export function connectSettings(options: IClientOptions): Setting[] {
  const v5 = options.protocolVersion === 5
  const said = (v5 ? options.properties : undefined) ?? {}
  const settings: Setting[] = [
    [Key.ClientId, options.clientId ?? ''],
    [Key.Clean, options.clean === false ? 0 : 1],
    [Key.SessionExpiry, v5 ? (said.sessionExpiryInterval ?? 0) : options.clean === false ? FOREVER : 0],
    [Key.KeepAlive, options.keepalive ?? 60],
    [Key.ReceiveMaximum, said.receiveMaximum ?? 65_535],
    [Key.MaximumPacketSize, said.maximumPacketSize ?? LARGEST_PACKET],
    [Key.TopicAliasMaximum, said.topicAliasMaximum ?? 0],
  ]
  if (said.authenticationMethod !== undefined) {
    settings.push([Key.AuthenticationMethod, said.authenticationMethod])
    if (said.authenticationData !== undefined) {
      settings.push([Key.AuthenticationData, said.authenticationData])
    }
  }
  const { userProperties, requestProblemInformation, requestResponseInformation } = said
  const others = encodeProperties({
    userProperties,
    requestProblemInformation,
    requestResponseInformation,
  })
  if (others.length > 0) settings.push([Key.Properties, others])
  return [...settings, ...willSettings(options, v5)]
}

function willSettings({ will }: IClientOptions, v5: boolean): Setting[] {
  if (!will) return []
  const properties = v5 ? encodeProperties(will.properties) : Buffer.alloc(0)
  return [
    [Key.WillTopic, will.topic],
    [Key.WillPayload, will.payload ?? ''],
    [Key.WillQos, will.qos ?? 0],
    [Key.WillRetain, will.retain ? 1 : 0],
    ...(properties.length > 0 ? [[Key.WillProperties, properties] as const] : []),
  ]
}

/** Everything, for a new core. `period`: the `reconnectPeriod` that the user gave. */
export function allSettings(options: IClientOptions, period: number | undefined): Setting[] {
  const settings: Setting[] = [
    ...connectSettings(options),
    [Key.Version, options.protocolVersion ?? 4],
    [Key.Fallback, 0],
    [Key.Servers, Math.max(1, options.servers?.length ?? 0)],
    [Key.ConnectTimeout, Math.max(1, options.connectTimeout ?? 30_000)],
    [Key.Resubscribe, options.resubscribe === false ? 0 : 1],
    [Key.TopicAliases, options.autoAssignTopicAlias || options.autoUseTopicAlias ? 0 : 1],
    [Key.QueueMessages, 100_000],
    [Key.QueueBytes, 128 * 1024 * 1024],
    [Key.Operations, 65_535],
    [Key.WriteBuffer, 8 * 1024 * 1024],
    ...reconnectSettings(options, period),
  ]
  if (options.subscribeBatchSize) settings.push([Key.FiltersPerPacket, options.subscribeBatchSize])
  const { profile } = options
  if (typeof profile === 'string') settings.push([Key.Profile, profile])
  else if (profile !== undefined) settings.push([Key.OwnProfile, encodeProfile(profile)])
  return settings
}

const REFUSED = { 'halt-unless-proven': 0, halt: 1, 'slow-lane': 2 } as const
const TAKEN_OVER = { halt: 0, 'slow-lane': 1 } as const

/** Names of `reconnect` with their keys; all are numbers. */
const NUMBERS: ReadonlyArray<readonly [keyof IReconnectOptions, number]> = [
  ['base', Key.Base],
  ['cap', Key.Cap],
  ['stableAfter', Key.StableAfter],
  ['attempts', Key.Attempts],
  ['budget', Key.Budget],
  ['budgetWindow', Key.BudgetWindow],
  ['floor', Key.Floor],
]

function reconnectSettings(options: IClientOptions, period: number | undefined): Setting[] {
  const settings = period === undefined ? pacedSettings(options) : periodSettings(period, options.reconnectOnConnackError === true)
  const own = options.reconnect ?? {}
  for (const [name, key] of NUMBERS) {
    const value = own[name]
    if (value !== undefined) settings.push([key, value as number])
  }
  if (own.jitter !== undefined) settings.push([Key.Jitter, own.jitter ? 1 : 0])
  if (own.refused !== undefined) settings.push([Key.Refused, REFUSED[own.refused]])
  if (own.takenOver !== undefined) settings.push([Key.TakenOver, TAKEN_OVER[own.takenOver]])
  return settings
}

/** Our own policy; who asks for attempts after refusals gets them paced, too. */
function pacedSettings(options: IClientOptions): Setting[] {
  if (!options.reconnectOnConnackError) return []
  return [
    [Key.Refused, REFUSED['slow-lane']],
    [Key.SlowLaneLeast, 1_000],
    [Key.SlowLaneMost, 10_000],
  ]
}

/** Exactly this period, as the user wants it; 0 waits for `reconnect()`. */
function periodSettings(period: number, again: boolean): Setting[] {
  const wait = period === 0 ? NEVER_MS : period
  return [
    [Key.Base, wait],
    [Key.Cap, wait],
    [Key.Jitter, 0],
    [Key.Budget, 0],
    [Key.SlowLaneLeast, wait],
    [Key.SlowLaneMost, wait],
    [Key.TakenOver, TAKEN_OVER['slow-lane']],
    [Key.Refused, REFUSED[again ? 'slow-lane' : 'halt-unless-proven']],
  ]
}
