//! The limits of messages.

use evenkeel_codec::QoS;
use evenkeel_profile::Profile;

use crate::config::Config;

pub(super) fn obey(config: &mut Config, profile: &Profile) {
    let bounds = &mut config.bounds;
    if let Some(messages) = profile.receive_maximum() {
        bounds.in_flight = bounds.in_flight.min(messages);
    }
    if let Some(qos) = profile.maximum_qos().and_then(QoS::from_level) {
        bounds.maximum_qos = bounds.maximum_qos.min(qos);
    }
}
