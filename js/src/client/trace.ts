//! Packets as they were on the wire: for 'packetsend' and 'packetreceive', and
//! for the identifiers of SUBSCRIBE and UNSUBSCRIBE.
import { decodePacket } from '../decode'
import type { Parts } from './parts'

export class Trace {
  private on = false

  constructor(private readonly parts: Parts) {}

  /** Switches it on while somebody wants packets. */
  update(): void {
    const { client, driver, pending } = this.parts
    const wanted =
      pending.filters > 0 ||
      client.listenerCount('packetsend') > 0 ||
      client.listenerCount('packetreceive') > 0
    if (wanted === this.on && driver !== undefined) return
    this.on = wanted
    driver?.core.trace(wanted)
  }

  onPacket(sent: boolean, version: number, bytes: Buffer): void {
    const { client, filters, pending } = this.parts
    const packet = decodePacket(bytes, version)
    if (pending.filters > 0) filters.follow(packet)
    client.emit(sent ? 'packetsend' : 'packetreceive', packet)
  }
}
