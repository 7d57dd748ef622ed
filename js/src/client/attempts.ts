//! What an attempt to connect needs: whose turn it is, who asks, and with what.
import { checkLogin, checkOptions } from '../checks'
import type { Setting } from '../core'
import { connectSettings } from '../settings'
import type { IClientOptions, ICredentials } from '../types'
import type { Parts } from './parts'

export type Server = NonNullable<IClientOptions['servers']>[number]

export class Attempts {
  /** The next attempt is not the first one. */
  connectedBefore = false
  private lastSettings = ''

  constructor(private readonly parts: Parts) {}

  /** There is a new core. */
  begin(): void {
    this.lastSettings = fingerprint(connectSettings(this.parts.client.options))
    this.connectedBefore = false
  }

  onOpening(server: number, redirect: string): void {
    const { client } = this.parts
    const { servers } = client.options
    client._target = servers && servers.length > 0 ? servers[server % servers.length] : undefined
    if (redirect !== '') client._target = redirected(redirect, client.options)
    if (!this.connectedBefore) {
      this.connectedBefore = true
      return
    }
    client._reconnectCount += 1
    client.reconnecting = true
    client.emit('reconnect')
  }

  credentials(): ICredentials | undefined | Promise<ICredentials | undefined> {
    const { credentials, username, password } = this.parts.client.options
    if (credentials) return Promise.resolve().then(async () => checkLogin(await credentials()))
    if (username === undefined && password === undefined) return undefined
    try {
      // They may have been changed since they were checked.
      return checkLogin({
        ...(username == null ? {} : { username }),
        ...(password == null ? {} : { password }),
      })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** What CONNECT is to say from now on, if the user has changed that. */
  changedSettings(): Setting[] | undefined {
    const { client, events } = this.parts
    let settings
    try {
      checkOptions(client.options)
      settings = connectSettings(client.options)
    } catch (error) {
      // The attempt is made with what was there before.
      events.onStreamError(error as Error)
      return undefined
    }
    const now = fingerprint(settings)
    if (now === this.lastSettings) return undefined
    this.lastSettings = now
    return settings
  }
}

/** Equal for settings that say the same. */
function fingerprint(settings: Setting[]): string {
  return JSON.stringify(
    settings.map(([key, value]) => [
      key,
      typeof value === 'object' ? Buffer.from(value).toString('latin1') : value,
    ]),
  )
}

/** `host` or `host:port`, as the server named it. */
function redirected(reference: string, options: IClientOptions): Server {
  const [, host = reference, port] = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(reference) ?? []
  return { host, port: port === undefined ? (options.port ?? 1883) : Number(port) }
}
