//! Which events of the core are worth a line, and under which name.

const KINDS: Record<number, string> = {
  102: 'reauthenticated',
  105: 'halted',
  106: 'version-fallback',
  107: 'loop',
  110: 'pong-unsolicited',
  111: 'ping-unanswered',
  112: 'subscriptions-restoring',
  113: 'subscription-lost',
  116: 'receive-maximum-exceeded',
  117: 'delivery-stalled',
  118: 'delivery-resumed',
  119: 'quarantined',
  120: 'recovered',
  122: 'settled',
  123: 'session-failed',
  124: 'session-restored',
  127: 'lagged',
  128: 'subscriptions-forgotten',
  130: 'renewed',
  131: 'acknowledgements-withheld',
  132: 'rate-reached',
}

export function diagnosisOf(code: number): string | undefined {
  return KINDS[code]
}

export function describe(kind: string, text: string): string {
  return `${kind}: ${text}`
}
