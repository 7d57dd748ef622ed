use crate::{Properties, ReasonCode};

/// DISCONNECT: announces the end of the connection; from the server only in MQTT 5.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disconnect {
    /// Why; success stands for a normal disconnection.
    pub reason: ReasonCode,
    /// Session expiry, reason string, user properties, server reference.
    pub properties: Properties,
}
