use std::time::Duration;

use evenkeel_codec::Will;

use super::time::Instant;

/// A will whose connection has ended and whose delay has not.
#[derive(Debug)]
pub(crate) struct PendingWill {
    pub(crate) will: Will,
    pub(crate) at: Instant,
}

/// Time between the end of a connection and its will: never longer than the
/// session lives.
//= [MQTT-3.1.2-8]
//= [MQTT-3.1.3-9]
pub(crate) fn delay(will: &Will, session_expiry: u32) -> Duration {
    let seconds = will.properties.will_delay_interval().unwrap_or_default();
    Duration::from_secs(seconds.min(session_expiry).into())
}
