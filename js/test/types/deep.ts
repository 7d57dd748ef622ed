// Compiled, never run: the import paths below the package that programs have.
import type { MqttClient as FromRoot } from 'mqtt'
import { connect } from 'mqtt/dist/mqtt'
import * as esm from 'mqtt/dist/mqtt.esm'
import mqtt from 'mqtt/dist/mqtt.min'
import { type IClientOptions, MqttClient } from 'mqtt/lib/client'
import { connectAsync } from 'mqtt/lib/connect'
import { connect as connectToo } from 'mqtt/lib/connect/index'
import { DefaultMessageIdProvider } from 'mqtt/lib/default-message-id-provider'
import { KeepaliveManager } from 'mqtt/lib/KeepaliveManager'
import { ErrorWithReasonCode, ReasonCodes } from 'mqtt/lib/shared'
import { type IStore, Store } from 'mqtt/lib/store'
import { TypedEventEmitter } from 'mqtt/lib/TypedEmitter'
import { UniqueMessageIdProvider } from 'mqtt/lib/unique-message-id-provider'
import { validateTopic } from 'mqtt/lib/validations'

const options: IClientOptions = { messageIdProvider: new UniqueMessageIdProvider() }
const store: IStore = new Store()
// One class, whatever the path.
const made: FromRoot = connect('mqtt://h', { ...options, outgoingStore: store })
const others: MqttClient[] = [made, mqtt.connect('mqtt://h'), esm.connect('mqtt://h'), connectToo('mqtt://h')]
const Client: typeof MqttClient = MqttClient
const waiting: Promise<FromRoot> = connectAsync('mqtt://h')
new KeepaliveManager(made, 'native').destroy()
new DefaultMessageIdProvider().allocate()
new TypedEventEmitter<{ done: (code: number) => void }>().on('done', (code) => code.toFixed())
const error: Error = new ErrorWithReasonCode(ReasonCodes[135]!, 135)
const valid: boolean = validateTopic('a/+')
void [others, Client, waiting, error, valid]
