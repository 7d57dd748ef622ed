//! The package where there is no Node: each name, and all of them as the default. Bundlers
//! leave out the default and what is behind it where it is not used.
import * as names from './mqtt'

export * from './mqtt'

const mqtt: typeof names = {
  applyMixin: names.applyMixin,
  Client: names.Client,
  connect: names.connect,
  connectAsync: names.connectAsync,
  DefaultMessageIdProvider: names.DefaultMessageIdProvider,
  DurableSession: names.DurableSession,
  ErrorWithReasonCode: names.ErrorWithReasonCode,
  ErrorWithSubackPacket: names.ErrorWithSubackPacket,
  EvenkeelError: names.EvenkeelError,
  KeepaliveManager: names.KeepaliveManager,
  MqttClient: names.MqttClient,
  MQTTJS_VERSION: names.MQTTJS_VERSION,
  nextTick: names.nextTick,
  ReasonCodes: names.ReasonCodes,
  Store: names.Store,
  UniqueMessageIdProvider: names.UniqueMessageIdProvider,
  validateTopic: names.validateTopic,
  validateTopics: names.validateTopics,
}

export default mqtt
