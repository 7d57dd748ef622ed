//! CONNECT held against a profile: how often, by whom, and what it asks for.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_codec::{Connect, Version};
use evenkeel_profile::{Profile, ProtocolVersion};

use super::Judge;
use super::shape::{self, Message, value};
use super::verdict::Break;
use crate::core::Instant;

/// How identifiers begin that the service makes and does not take back.
pub(crate) const ASSIGNED: &str = "$GEN/";

impl Judge {
    /// A CONNECT that comes too often, or of a client that is kept out; else it
    /// counts.
    pub(crate) fn connect_rate(&mut self, now: Instant, client: &Arc<str>) -> Option<Break> {
        if let Some(until) = self.clients.banned(now, client) {
            let seen = format!("{} s to go", seconds(until.since(now)));
            return Some(Break::until("ban", seen, until));
        }
        if let Some(window) = &mut self.account_connects
            && let Err(over) = window.check(now)
        {
            let seen = format!("{} connects", over.count);
            return Some(Break::until("account_connect_rate", seen, over.until));
        }
        if let Some(floor) = value(&self.rules.connection.connect_floor)
            && !client.is_empty()
            && let Some((gap, until)) = self.clients.too_soon(now, client, floor)
        {
            let seen = format!("{} s after the last", seconds(gap));
            return Some(Break::until("connect_floor", seen, until));
        }
        if let Some(window) = &mut self.account_connects {
            // There is room: it was asked above.
            let _ = window.admit(now);
        }
        if !client.is_empty() {
            self.clients.came(self.backlog.earliest(now), client);
        }
        None
    }
}

/// Seconds with three digits behind the point at most.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

/// What a CONNECT asks for that the profile does not allow.
pub(crate) fn asked(rules: &Profile, connect: &Connect) -> Vec<Break> {
    let mut breaks = Vec::new();
    let limits = &rules.connection;
    if let Some(versions) = &limits.versions {
        let version = match connect.version {
            Version::V31 => ProtocolVersion::V31,
            Version::V311 => ProtocolVersion::V311,
            Version::V5 => ProtocolVersion::V5,
        };
        if !versions.value.0.contains(&version) {
            breaks.push(Break::new("versions", version.to_string()));
        }
    }
    identifier(rules, connect, &mut breaks);
    if limits.enhanced_authentication_available.as_ref().is_some_and(|limit| !limit.value)
        && let Some(method) = connect.properties.authentication_method()
    {
        breaks.push(Break::new("enhanced_authentication_available", method.as_str()));
    }
    if let Some(range) = value(&limits.keep_alive)
        && !range.allows(connect.keep_alive)
    {
        breaks.push(Break::new("keep_alive", format!("{} s", connect.keep_alive)));
    }
    session(rules, connect, &mut breaks);
    will(rules, connect, &mut breaks);
    breaks
}

fn identifier(rules: &Profile, connect: &Connect, into: &mut Vec<Break>) {
    let limits = &rules.connection;
    let client = connect.client_id.as_str();
    let assigns = connect.version == Version::V5 && limits.assigned_client_id_reusable.is_some();
    if let Some(length) = value(&limits.client_id_length)
        && !length.allows(client.len())
        && !(client.is_empty() && assigns)
    {
        into.push(Break::new("client_id_length", format!("{} B", client.len())));
    }
    let is_once = limits.assigned_client_id_reusable.as_ref().is_some_and(|limit| !limit.value);
    if is_once && client.starts_with(ASSIGNED) {
        into.push(Break::new("assigned_client_id_reusable", client));
    } else if let Some(prefix) = &limits.client_id_reserved_prefix
        && !prefix.value.is_empty()
        && client.starts_with(&*prefix.value)
    {
        into.push(Break::new("client_id_reserved_prefix", client));
    }
}

/// The session: older versions cannot say for how long, and break nothing by it.
fn session(rules: &Profile, connect: &Connect, into: &mut Vec<Break>) {
    let limits = &rules.connection;
    let expiry = connect.properties.session_expiry_interval().unwrap_or_default();
    let is_kept = match connect.version {
        Version::V5 => expiry > 0,
        Version::V31 | Version::V311 => !connect.clean_start,
    };
    if is_kept && limits.kept_sessions_available.as_ref().is_some_and(|limit| !limit.value) {
        into.push(Break::new("kept_sessions_available", "a session to be kept"));
    }
    if let Some(longest) = value(&limits.maximum_session_expiry)
        && u64::from(expiry) > longest.as_secs()
    {
        into.push(Break::new("maximum_session_expiry", format!("{expiry} s")));
    }
}

fn will(rules: &Profile, connect: &Connect, into: &mut Vec<Break>) {
    let Some(will) = &connect.will else { return };
    if rules.connection.will_available.as_ref().is_some_and(|limit| !limit.value) {
        into.push(Break::new("will_available", "a will"));
    }
    let message = Message {
        qos: will.qos,
        retain: will.retain,
        topic: &will.topic,
        payload: will.payload.len(),
        properties: &will.properties,
        of: " of a will",
    };
    shape::message(rules, &message, &connect.client_id, into);
}
