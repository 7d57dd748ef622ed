use crate::{Properties, ReasonCode};

/// AUTH: a step of enhanced authentication (MQTT 5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auth {
    /// Success, continue authentication or re-authenticate.
    pub reason: ReasonCode,
    /// Method, data, reason string, user properties.
    pub properties: Properties,
}
