//! The limits of connections.

use alloc::boxed::Box;
use alloc::format;
use core::time::Duration;

use evenkeel_codec::{Packet, Properties, Property, PropertyId, Text, Version};
use evenkeel_profile::{KeepAliveGrace, Limit, Profile, ProtocolVersion};

use crate::config::{Config, ConfigError, ConnectConfig};

use super::publish::{Message, longest_expiry};
use super::{BrokenLimit, properties};

pub(super) fn obey(config: &mut Config, profile: &Profile) -> Result<(), ConfigError> {
    choose_version(config, profile).map_err(ConfigError::Profile)?;
    connect(&mut config.connect, profile).map_err(ConfigError::Profile)?;
    if let Some(spacing) = profile.min_ping_spacing() {
        let configured = &mut config.keep_alive.min_ping_spacing;
        *configured = spacing.max(*configured);
    }
    Ok(())
}

/// The newest version that both sides have, and no other from then on: a
/// session of one version need not be known to another.
fn choose_version(config: &mut Config, profile: &Profile) -> Result<(), Box<BrokenLimit>> {
    let Some(limit) = &profile.connection.versions else { return Ok(()) };
    let is_spoken = |version: &Version| limit.value.0.contains(&named(*version));
    let may_choose = config.fallback;
    let chosen = [Version::V5, Version::V311, Version::V31].into_iter().find(is_spoken);
    match chosen {
        Some(version) if may_choose => config.version = version,
        _ if is_spoken(&config.version) => {}
        _ => {
            let asked = format!("MQTT {}", named(config.version));
            return Err(BrokenLimit::new("versions", limit, asked));
        }
    }
    config.fallback = false;
    Ok(())
}

const fn named(version: Version) -> ProtocolVersion {
    match version {
        Version::V31 => ProtocolVersion::V31,
        Version::V311 => ProtocolVersion::V311,
        Version::V5 => ProtocolVersion::V5,
    }
}

/// What CONNECT says, as near to what is wanted as the profile allows; a
/// keep-alive that it does not allow is refused.
pub(crate) fn connect(
    connect: &mut ConnectConfig,
    profile: &Profile,
) -> Result<(), Box<BrokenLimit>> {
    let limits = &profile.connection;
    if let Some(limit) = &limits.keep_alive {
        let seconds = connect.keep_alive;
        if seconds == 0 {
            // Some brokers turn zero into a value of theirs, and close by that.
            connect.keep_alive = limit.value.zero_means;
        } else if !limit.value.allows(seconds) {
            let asked = format!("a keep-alive of {seconds} s");
            return Err(BrokenLimit::new("keep_alive", limit, asked));
        }
    }
    if let Some(limit) = &limits.maximum_session_expiry {
        let most = u32::try_from(limit.value.as_secs()).unwrap_or(u32::MAX);
        connect.session_expiry = connect.session_expiry.min(most);
    }
    if let Some(limit) = &profile.publish.delivery_receive_maximum {
        connect.receive_maximum = connect.receive_maximum.min(limit.value.max(1));
    }
    if let Some(will) = &mut connect.will
        && let Some(most) = longest_expiry(profile)
        && let Some(expiry) = will.properties.message_expiry_interval()
        && expiry > most
    {
        will.properties.remove(PropertyId::MESSAGE_EXPIRY_INTERVAL);
        will.properties.push(Property::MessageExpiryInterval(most));
    }
    Ok(())
}

/// What the profile rules out of all that CONNECT and DISCONNECT say.
pub(crate) fn check(
    config: &Config,
    profile: &Profile,
    client_id: &Text,
) -> Result<(), Box<BrokenLimit>> {
    let (connect, limits) = (&config.connect, &profile.connection);
    let broken = broken_by_name(profile, client_id)
        .or_else(|| broken_by_pings(config, profile))
        .or_else(|| broken_by_session(config, profile))
        .or_else(|| broken_by_will(connect, profile, client_id));
    if let Some(broken) = broken {
        return Err(broken);
    }
    if let Some(limit @ Limit { value: false, .. }) = &limits.enhanced_authentication_available
        && connect.authentication.is_some()
    {
        let asked = "enhanced authentication";
        return Err(BrokenLimit::new("enhanced_authentication_available", limit, asked));
    }
    if let Some(broken) = properties::broken(profile, "connect", &connect.properties) {
        return Err(broken);
    }
    match broken_by_size(config, profile, client_id) {
        Some(broken) => Err(broken),
        None => Ok(()),
    }
}

fn broken_by_name(profile: &Profile, client_id: &Text) -> Option<Box<BrokenLimit>> {
    let limits = &profile.connection;
    let length = client_id.len();
    if let Some(limit) = &limits.client_id_length
        && !limit.value.allows(length)
    {
        let asked = format!("a client identifier of {length} B");
        return Some(BrokenLimit::new("client_id_length", limit, asked));
    }
    let limit = limits.client_id_reserved_prefix.as_ref()?;
    let is_reserved = client_id.as_str().starts_with(&*limit.value);
    let asked = || format!("the client identifier {:?}", client_id.as_str());
    is_reserved.then(|| BrokenLimit::new("client_id_reserved_prefix", limit, asked()))
}

/// Pings so far apart that a connection would be closed between two of them.
fn broken_by_pings(config: &Config, profile: &Profile) -> Option<Box<BrokenLimit>> {
    let limit = profile.connection.keep_alive_grace.as_ref()?;
    let seconds = config.connect.keep_alive;
    let grace = limit.value.of(Duration::from_secs(seconds.into()));
    let spacing = config.keep_alive.min_ping_spacing;
    let asked = || format!("pings {spacing:?} apart with a keep-alive of {seconds} s");
    (seconds > 0 && spacing >= grace).then(|| BrokenLimit::new("keep_alive_grace", limit, asked()))
}

fn broken_by_session(config: &Config, profile: &Profile) -> Option<Box<BrokenLimit>> {
    let connect = &config.connect;
    let asks_to_keep = match config.version {
        Version::V5 => connect.session_expiry > 0,
        Version::V31 | Version::V311 => !config.clean_session(),
    };
    match &profile.connection.kept_sessions_available {
        Some(limit @ Limit { value: false, .. }) if asks_to_keep => {
            let asked = "a session that is kept";
            Some(BrokenLimit::new("kept_sessions_available", limit, asked))
        }
        _ => None,
    }
}

fn broken_by_will(
    connect: &ConnectConfig,
    profile: &Profile,
    client_id: &Text,
) -> Option<Box<BrokenLimit>> {
    let will = connect.will.as_deref()?;
    match &profile.connection.will_available {
        Some(limit @ Limit { value: false, .. }) => {
            Some(BrokenLimit::new("will_available", limit, "a will"))
        }
        _ => Message::of_will(will).broken(profile, client_id),
    }
}

fn broken_by_size(
    config: &Config,
    profile: &Profile,
    client_id: &Text,
) -> Option<Box<BrokenLimit>> {
    let (version, connect) = (config.version, &config.connect);
    let (_, limit) = packet_size(profile, version)?;
    let packet = connect.packet(version, client_id, connect.credentials.clone(), None);
    // What cannot be encoded has an error of its own.
    let size = Packet::Connect(packet).encoded_len(version).ok()?;
    packet_too_large(profile, version, size, limit.value)
}

/// The limit that a packet of this size breaks, if it is the profile's that is
/// this low.
pub(crate) fn packet_too_large(
    profile: &Profile,
    version: Version,
    size: usize,
    lowest: u32,
) -> Option<Box<BrokenLimit>> {
    let (name, limit) = packet_size(profile, version)?;
    let is_above = limit.value == lowest && size > lowest as usize;
    is_above.then(|| BrokenLimit::new(name, limit, format!("a packet of {size} B")))
}

/// The limit of what DISCONNECT says.
pub(crate) fn broken_by_disconnect(
    profile: &Profile,
    held: &Properties,
) -> Option<Box<BrokenLimit>> {
    if let Some(limit) = &profile.connection.maximum_session_expiry
        && let Some(seconds) = held.session_expiry_interval()
        && u64::from(seconds) > limit.value.as_secs()
    {
        let asked = format!("a session expiry of {seconds} s in DISCONNECT");
        return Some(BrokenLimit::new("maximum_session_expiry", limit, asked));
    }
    properties::broken(profile, "disconnect", held)
}

/// The limit of packets in this version, with its name.
pub(crate) fn packet_size(
    profile: &Profile,
    version: Version,
) -> Option<(&'static str, &Limit<u32>)> {
    let limits = &profile.connection;
    match &limits.maximum_packet_size_v5 {
        Some(limit) if version == Version::V5 => Some(("maximum_packet_size_v5", limit)),
        _ => Some(("maximum_packet_size", limits.maximum_packet_size.as_ref()?)),
    }
}

/// How long the client may be silent: as long as the keep-alive, or less if the
/// broker waits for less than the usual 1.5 times that. Two thirds of its wait
/// leave the margins of pings as they are.
pub(crate) fn longest_silence(profile: &Profile, keep_alive: Duration) -> Duration {
    let grace = profile.connection.keep_alive_grace.as_ref();
    let limit = |grace: &Limit<KeepAliveGrace>| grace.value.of(keep_alive) * 2 / 3;
    grace.map_or(keep_alive, |grace| limit(grace).min(keep_alive))
}
