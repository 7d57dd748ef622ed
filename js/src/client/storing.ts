//! Messages of QoS 1 and 2 are in the outgoing store before they are written, and until
//! their outcome.
import type { Failed } from '../core'
import type { Driver } from '../driver'
import { Outcome } from '../numbers'
import type { PendingPublish } from '../pending'
import type { DoneCallback } from '../types'
import type { MqttClient } from './index'

/** What somebody has to do with the storing of a message. */
export interface Storing {
  /** Calls back once there is room for it in the store. */
  mayStore?: (then: DoneCallback) => void
  onStored?: (() => void) | undefined
}

interface Kept extends PendingPublish {
  readonly storing: Storing
}

/** Puts it in, unless it waits no more. `onFailed` hears if the store does not take it. */
export function store(
  client: MqttClient,
  driver: Driver,
  one: Kept,
  waits: () => boolean,
  onFailed: (error: Error) => void,
): void {
  one.stored = true
  let told = false
  driver.holdWrites()
  const onPut = (error?: Error | null): void => {
    if (told) return
    told = true
    driver.releaseWrites()
    if (!error) return one.storing.onStored?.()
    one.stored = false
    if (waits()) onFailed(error)
  }
  const put = (error?: Error): void => {
    if (error || !waits()) return onPut(error)
    try {
      client.outgoingStore.put(one.packet, onPut)
    } catch (error) {
      onPut(error as Error)
    }
  }
  const { mayStore } = one.storing
  if (mayStore === undefined) put()
  else mayStore(put)
}

/** Takes it out; what the client had to let go of at its end stays for the next run. */
export function unstore(
  client: MqttClient,
  one: PendingPublish,
  failed: Failed | undefined,
  then: () => void,
): void {
  if (!one.stored || (client.disconnecting && isLetGo(failed))) then()
  else client.outgoingStore.del(one.packet, then)
}

function isLetGo(failed: Failed | undefined): boolean {
  return failed?.error === Outcome.Abandoned || failed?.error === Outcome.ConnectionRefused
}
