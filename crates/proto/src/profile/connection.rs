//! The limits of connections.

use alloc::format;

use evenkeel_profile::Profile;

use crate::config::{Config, ConfigError};

use super::BrokenLimit;

pub(super) fn obey(config: &mut Config, profile: &Profile) -> Result<(), ConfigError> {
    keep_alive(config, profile)?;
    if let Some(spacing) = profile.min_ping_spacing() {
        let configured = &mut config.keep_alive.min_ping_spacing;
        *configured = spacing.max(*configured);
    }
    if let Some(floor) = profile.connect_floor() {
        config.reconnect.floor = config.reconnect.floor.max(floor.spacing_after_short);
    }
    if let Some(size) = profile.maximum_packet_size() {
        let own = &mut config.bounds.packet_size;
        *own = Some(own.map_or(size, |own| own.min(size)));
    }
    Ok(())
}

fn keep_alive(config: &mut Config, profile: &Profile) -> Result<(), ConfigError> {
    let Some(limit) = &profile.connection.keep_alive else { return Ok(()) };
    let seconds = config.connect.keep_alive;
    if seconds == 0 {
        // Some brokers turn zero into a value of theirs, and close by that.
        config.connect.keep_alive = limit.value.zero_means;
    } else if !limit.value.allows(seconds) {
        let asked = format!("a keep-alive of {seconds} s");
        return Err(ConfigError::Profile(BrokenLimit::new("keep_alive", limit, asked)));
    }
    Ok(())
}
