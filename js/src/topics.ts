//! Subscriptions that the client holds, and which topics they take.
import type { IClientSubscribeOptions, ISubscriptionMap, ISubscriptionRequest } from './types'

/** Whether a topic is one of this filter's, shared or not. */
export function matches(filter: string, topic: string): boolean {
  const own = filter.startsWith('$share/') ? filter.split('/').slice(2) : filter.split('/')
  const levels = topic.split('/')
  if (topic.startsWith('$') && (own[0] === '+' || own[0] === '#')) return false
  for (let index = 0; index < own.length; index++) {
    if (own[index] === '#') return true
    if (index >= levels.length) return false
    if (own[index] !== '+' && own[index] !== levels[index]) return false
  }
  return own.length === levels.length
}

export type Requested = string | string[] | ISubscriptionMap

/** Each filter with its options; `resubscribe` in a map asks for all of them again. */
export function requestsOf(
  topics: Requested,
  options: Partial<IClientSubscribeOptions>,
  v5: boolean,
): { requests: ISubscriptionRequest[]; again: boolean } {
  if (typeof topics !== 'object' || topics === null || Array.isArray(topics)) {
    const list = Array.isArray(topics) ? topics : [topics]
    const extras = v5
      ? { nl: false, rap: false, rh: 0, properties: undefined, ...pick(options) }
      : {}
    const requests = list.map((topic) => ({ topic, qos: options.qos ?? 0, ...extras }))
    return { requests, again: false }
  }
  const { resubscribe, ...map } = topics
  const requests = Object.entries(map as Record<string, IClientSubscribeOptions | null>).map(
    ([topic, own]) => ({
      topic,
      qos: own?.qos ?? 0,
      ...(v5
        ? { nl: own?.nl, rap: own?.rap, rh: own?.rh, properties: own?.properties ?? options.properties }
        : {}),
    }),
  )
  return { requests, again: resubscribe === true }
}

function pick(options: Partial<IClientSubscribeOptions>): Partial<IClientSubscribeOptions> {
  const { nl, rap, rh, properties } = options
  return {
    ...(nl === undefined ? {} : { nl }),
    ...(rap === undefined ? {} : { rap }),
    ...(rh === undefined ? {} : { rh }),
    properties,
  }
}

/** The options byte of a filter. */
export function optionsByte(request: ISubscriptionRequest): number {
  const { qos, nl, rap, rh } = request
  return qos | (nl ? 4 : 0) | (rap ? 8 : 0) | ((rh ?? 0) << 4)
}
