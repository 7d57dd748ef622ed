//! What servers do, and what they are.

mod pr01_malformed_packet;
mod pr02_answered_in_other_version;
mod pr03_not_mqtt;
mod sv01_server_side_event;
mod sv02_planned_lifetime;
mod sv03_broker_overload;
mod sv04_banned_or_throttled;

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    sv01_server_side_event::RULE,
    sv02_planned_lifetime::RULE,
    sv03_broker_overload::RULE,
    sv04_banned_or_throttled::RULE,
    pr01_malformed_packet::RULE,
    pr02_answered_in_other_version::RULE,
    pr03_not_mqtt::RULE,
];
