//! A connection begins and ends: the client's state, and who is told.
import type { Disconnected } from '../core'
import { KeepaliveManager } from '../keepalive'
import { Cause, Question } from '../numbers'
import { endError } from '../outcomes'
import type { IAuthPacket, IConnackPacket, IDisconnectPacket } from '../packets'
import { decodeProperties } from '../properties'
import { EMPTY } from './common'
import type { Parts } from './parts'

export class Connection {
  /** Properties of the last CONNACK. */
  server: IConnackPacket['properties']
  /** How the last connection ended, until that is told. */
  private ended: Disconnected | undefined
  /** 'offline' was said, once per outage. */
  private offlineTold = false

  constructor(private readonly parts: Parts) {}

  /** There is a new core. */
  begin(): void {
    this.offlineTold = false
  }

  /** Why the last connection ended, in words, until that is told. */
  get cause(): string | undefined {
    return this.ended?.text
  }

  /** Seconds in force. */
  get keepalive(): number {
    const inForce = this.parts.driver?.core.number(Question.KeepAlive)
    if (inForce !== undefined && !Number.isNaN(inForce)) return inForce
    return this.parts.client.options.keepalive ?? 60
  }

  onConnected(
    version: number,
    sessionPresent: boolean,
    assigned: string | undefined,
    properties: Buffer,
  ): void {
    const { client, events, publishing } = this.parts
    client.connected = true
    client.reconnecting = false
    client.disconnected = false
    this.offlineTold = false
    publishing.forgetAliases()
    const said = decodeProperties(properties) as IConnackPacket['properties']
    this.server = assigned === undefined ? said : { ...said, assignedClientIdentifier: assigned }
    const { keepalive } = client
    if (keepalive > 0) {
      client.keepaliveManager = new KeepaliveManager(client, 'native', false)
      client.keepaliveManager.setKeepalive(keepalive)
    }
    const length = version === 5 ? 3 + properties.length : 2
    events.tellState({ state: 'online' })
    client.emit('connect', connackPacket(version, length, sessionPresent, this.server))
  }

  onDisconnected(ended: Disconnected): void {
    this.tellEnded()
    this.ended = ended
  }

  /** A connection or an attempt is over, and what follows is known by now. */
  tellEnded(): void {
    const { client, start, filters, events } = this.parts
    const ended = this.ended
    if (ended === undefined) return
    this.ended = undefined
    const wasConnected = client.connected
    client.connected = false
    client.reconnecting = !start.halted && !client.disconnecting
    client.keepaliveManager?.destroy()
    client.keepaliveManager = null
    if (wasConnected) filters.failAll()
    client.log('disconnected:', ended.text)
    events.diagnose('disconnected', ended.text)
    if (ended.cause === Cause.ServerDisconnect) client.emit('disconnect', disconnectPacket(ended))
    const error = client.disconnecting ? undefined : endError(ended)
    const late = ended.cause === Cause.ConnectTimeout || ended.cause === Cause.KeepAlive
    if (error !== undefined && !late) client.emit('error', error)
    this.tellOffline()
    if (error !== undefined && late) client.emit('error', error)
    client.emit('close')
  }

  private tellOffline(): void {
    const { client } = this.parts
    if (this.offlineTold || !client.reconnecting) return
    this.offlineTold = true
    client.emit('offline')
  }

  /** A step of enhanced authentication. */
  onAuthenticate(conn: number, done: boolean, data: Buffer): void {
    const { parts } = this
    const { client, driver } = parts
    const packet: IAuthPacket = {
      cmd: 'auth',
      reasonCode: done ? 0 : 24,
      properties: {
        authenticationMethod: client.options.properties?.authenticationMethod ?? '',
        authenticationData: data,
      },
    }
    let told = false
    client.handleAuth(packet, (error, answer) => {
      if (told || driver === undefined || driver !== parts.driver) return
      told = true
      const given = (answer as IAuthPacket | undefined) ?? client.options.authPacket
      const said = given?.properties?.authenticationData
      if (error) client.emit('error', error)
      driver.core.authenticate(conn, error ? undefined : (said ?? EMPTY))
      driver.schedule()
    })
  }
}

function connackPacket(
  version: number,
  length: number,
  sessionPresent: boolean,
  properties: IConnackPacket['properties'],
): IConnackPacket {
  return {
    cmd: 'connack',
    retain: false,
    qos: 0,
    dup: false,
    length,
    topic: null,
    payload: null,
    sessionPresent,
    [version === 5 ? 'reasonCode' : 'returnCode']: 0,
    ...(properties === undefined ? {} : { properties }),
  } as unknown as IConnackPacket
}

function disconnectPacket(ended: Disconnected): IDisconnectPacket {
  const properties = decodeProperties(ended.properties)
  return {
    cmd: 'disconnect',
    retain: false,
    qos: 0,
    dup: false,
    length: 1 + (ended.properties.length > 0 ? 1 + ended.properties.length : 0),
    topic: null,
    payload: null,
    reasonCode: ended.reason ?? 0,
    ...(properties === undefined ? {} : { properties }),
  } as unknown as IDisconnectPacket
}
