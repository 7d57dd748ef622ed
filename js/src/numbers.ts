//! Numbers of the core that this side looks at: `crates/proto/src/words/names.txt`
//! and the keys of `crates/wasm/ABI.md`.

export const enum Key {
  ClientId = 1,
  Clean = 2,
  SessionExpiry = 3,
  KeepAlive = 4,
  ReceiveMaximum = 7,
  MaximumPacketSize = 8,
  TopicAliasMaximum = 9,
  AuthenticationMethod = 10,
  AuthenticationData = 11,
  Properties = 12,
  WillTopic = 20,
  WillPayload = 21,
  WillQos = 22,
  WillRetain = 23,
  WillProperties = 24,
  Version = 40,
  Fallback = 41,
  Servers = 42,
  ConnectTimeout = 43,
  Resubscribe = 47,
  TopicAliases = 49,
  Profile = 51,
  OwnProfile = 52,
  Base = 61,
  Cap = 62,
  Jitter = 63,
  StableAfter = 64,
  Attempts = 65,
  Budget = 66,
  BudgetWindow = 67,
  Floor = 68,
  Refused = 69,
  TakenOver = 70,
  SlowLaneLeast = 71,
  SlowLaneMost = 72,
  QueueMessages = 80,
  QueueBytes = 81,
  FiltersPerPacket = 94,
  Operations = 95,
  WriteBuffer = 96,
  WallClock = 111,
}

export const enum State { Online = 203, Halted = 204, Closed = 205 }

export const enum EventCode {
  Connecting = 100,
  Retry = 104,
  Halted = 105,
  PingSent = 108,
  Pong = 109,
  PongUnsolicited = 110,
  ReadingPaused = 114,
  ReadingResumed = 115,
  SubscriptionLost = 113,
}

/** Why there is no further attempt. */
export const enum Halt { Disabled = 440, Refused = 441, TakenOver = 442, Attempts = 443 }

export const enum Cause {
  Refused = 300,
  ServerDisconnect = 301,
  Transport = 302,
  ConnectTimeout = 303,
  KeepAlive = 304,
  Malformed = 305,
  ProtocolError = 306,
  Authentication = 307,
  ReconnectRequested = 308,
  Shutdown = 309,
  Renewal = 310,
}

export const enum Failure {
  Eof = 320,
  Reset = 321,
  Refused = 322,
  Unreachable = 323,
  TimedOut = 324,
  Resolve = 325,
  TlsRefused = 326,
  CertificateNotYetValid = 327,
  CertificateExpired = 328,
  Tls = 329,
  ProxyRefused = 330,
  WebSocketRefused = 331,
  TryLater = 332,
  WebSocket = 333,
  Credentials = 334,
  Config = 337,
  Other = 338,
}

export const enum Phase { Credentials = 420, Resolve = 422, Connect = 423, Tls = 425 }

/** How a publish may end, or be refused, otherwise than by the server. */
export const enum Outcome {
  Refused = 500,
  Abandoned = 506,
  ConnectionRefused = 507,
  Removed = 512,
  Uncertain = 513,
  Withdrawn = 514,
  WriteBufferFull = 531,
  Offline = 532,
  Closed = 535,
  NotSupported = 552,
  Quarantined = 554,
  SubscribeAbandoned = 555,
  SubscribeConnectionRefused = 556,
}

/** Answers to questions about a client. */
export const enum Question { KeepAlive = 21 }

export const NONE = 0xffff_ffff
