//! The limits on when a connection may begin, and how long it lives.

use evenkeel_profile::{OnBreak, Profile};

use crate::config::Config;
use crate::reconnect::{Ban, Expected};

pub(super) fn obey(config: &mut Config, profile: &Profile) {
    let reconnect = &mut config.reconnect;
    if let Some(floor) = profile.connect_floor() {
        reconnect.spacing = reconnect.spacing.max(floor.spacing);
        reconnect.floor = reconnect.floor.max(floor.spacing_after_short);
        reconnect.short_life = reconnect.short_life.max(floor.short);
    }
    if let Some(rate) = profile.expected_connects() {
        let theirs = Expected { connects: rate.amount, within: rate.period };
        reconnect.server.expected = Some(reconnect.server.expected.unwrap_or(theirs));
    }
    if let Some(limit) = &profile.connection.ban {
        let (first, longest) = (limit.value.first, limit.value.longest);
        let own = reconnect.server.ban.unwrap_or(Ban { first, longest });
        let (first, longest) = (own.first.max(first), own.longest.max(longest));
        reconnect.server.ban = Some(Ban { first, longest });
    }
    if let Some(limit) = &profile.connection.maximum_connection_age {
        let own = &mut config.bounds.connection_age;
        *own = Some(own.map_or(limit.value, |own| own.min(limit.value)));
    }
    let rate = profile.publish.publish_rate.as_ref();
    config.rates.withheld |=
        rate.is_some_and(|limit| limit.on_break_before_v5() == OnBreak::Ignores);
}
