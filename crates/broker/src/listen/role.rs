//! The well-known ports of AWS IoT Core, which a listener may stand for.

/// A well-known port: what is spoken there, and by which ways clients come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// 8883: MQTT.
    Mqtt,
    /// 8443: the HTTP API.
    Https,
    /// 443: ALPN decides. `x-amzn-mqtt-ca` and `mqtt` are MQTT, `x-amzn-http-ca` is the
    /// HTTP API, `http/1.1` and none are the API and WebSocket.
    Alpn,
}

impl Role {
    /// The role of a port, if it is one of them.
    pub const fn of(port: u16) -> Option<Self> {
        match port {
            8883 => Some(Self::Mqtt),
            8443 => Some(Self::Https),
            443 => Some(Self::Alpn),
            _ => None,
        }
    }

    /// The port.
    pub const fn port(self) -> u16 {
        match self {
            Self::Mqtt => 8883,
            Self::Https => 8443,
            Self::Alpn => 443,
        }
    }
}
