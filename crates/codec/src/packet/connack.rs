use crate::{Properties, ReasonCode};

/// CONNACK: accepts or refuses a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnAck {
    /// True where the server still holds the session.
    pub session_present: bool,
    /// The outcome. Return codes 1 to 5 of MQTT 3.1.1 are translated; others
    /// become [`ReasonCode::UNSPECIFIED_ERROR`].
    pub reason: ReasonCode,
    /// The byte on the wire before translation.
    pub wire_code: u8,
    /// What the server announces.
    pub properties: Properties,
}
