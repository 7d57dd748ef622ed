//! Lifecycle events: who came, who went and why, who subscribed to what.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::effects::Effects;
use crate::json;
use crate::note::Note;
use crate::state::{self, Parts, Shift, StateError, WrittenState};
use crate::{LifecycleLimits, Time};

/// A client whose CONNECT was accepted.
#[derive(Clone, Copy, Debug)]
pub struct Connected<'a> {
    /// Names the connection from now on: 32 hexadecimal digits, never used before.
    pub session: &'a str,
    /// The client id.
    pub client: &'a str,
    /// The certificate's id, or who signed the upgrade.
    pub principal: &'a str,
    /// Where it comes from.
    pub ip_address: &'a str,
    /// The thing, if the certificate belongs to this one alone.
    pub thing: Option<&'a str>,
}

/// A client whose CONNECT was refused for lack of rights.
#[derive(Clone, Copy, Debug)]
pub struct ConnectFailed<'a> {
    /// The client id.
    pub client: &'a str,
    /// The certificate's id, or who signed the upgrade.
    pub principal: &'a str,
    /// A name for the attempt: 32 hexadecimal digits.
    pub session: &'a str,
    /// Where it comes from.
    pub ip_address: &'a str,
}

/// Why a connection has ended, in AWS's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The client could not be authenticated any more.
    AuthError,
    /// DISCONNECT, or a Close frame on WebSocket.
    ClientInitiated,
    /// The client broke the protocol or a limit of it.
    ClientError,
    /// The transport ended without DISCONNECT.
    ConnectionLost,
    /// Another connection has taken the client id.
    DuplicateClientId,
    /// A policy forbids what the client did.
    ForbiddenAccess,
    /// One and a half keep-alives without a packet.
    KeepAliveTimeout,
    /// The server failed.
    ServerError,
    /// The server ended it, such as at the end of a connection's life.
    ServerInitiated,
    /// DeleteConnection was called.
    ApiInitiated,
    /// Over a rate.
    Throttled,
    /// The signature's 24 hours are over.
    WebSocketTtlExpiration,
    /// What the authorizer granted is over.
    CustomAuthTtlExpiration,
}

impl DisconnectReason {
    /// As in the event's `disconnectReason`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthError => "AUTH_ERROR",
            Self::ClientInitiated => "CLIENT_INITIATED_DISCONNECT",
            Self::ClientError => "CLIENT_ERROR",
            Self::ConnectionLost => "CONNECTION_LOST",
            Self::DuplicateClientId => "DUPLICATE_CLIENTID",
            Self::ForbiddenAccess => "FORBIDDEN_ACCESS",
            Self::KeepAliveTimeout => "MQTT_KEEP_ALIVE_TIMEOUT",
            Self::ServerError => "SERVER_ERROR",
            Self::ServerInitiated => "SERVER_INITIATED_DISCONNECT",
            Self::ApiInitiated => "API_INITIATED_DISCONNECT",
            Self::Throttled => "THROTTLED",
            Self::WebSocketTtlExpiration => "WEBSOCKET_TTL_EXPIRATION",
            Self::CustomAuthTtlExpiration => "CUSTOMAUTH_TTL_EXPIRATION",
        }
    }
}

/// How its parts of the state begin.
const PREFIX: &str = "lifecycle/";

/// Connections and version numbers.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    limits: LifecycleLimits,
    /// By session identifier.
    online: BTreeMap<String, Online>,
    /// By client id.
    versions: BTreeMap<String, Version>,
    /// Clients without a connection, by the elapsed time of its end.
    away: BTreeSet<(Duration, String)>,
    /// Clients whose numbers have changed since that was asked last.
    changed: BTreeSet<String>,
}

#[derive(Debug)]
struct Online {
    client: String,
    principal: String,
    thing: Option<String>,
    version: u64,
}

/// The number of a client's connections, as far as they are remembered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    /// That of its latest connection.
    number: u64,
    /// How many are open; two for a moment when one takes over.
    #[serde(skip)]
    connections: usize,
    /// When it was seen last, by the elapsed time.
    since: Duration,
}

impl Lifecycle {
    pub(crate) fn new(limits: LifecycleLimits) -> Self {
        let (online, versions, away) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { limits, online, versions, away, changed: BTreeSet::new() }
    }

    pub(crate) fn connected(&mut self, time: Time, connected: &Connected<'_>, out: &mut Effects) {
        let Connected { session, client, principal, ip_address, thing } = *connected;
        let version = self.next_version(time, client, out);
        let online = Online {
            client: client.to_owned(),
            principal: principal.to_owned(),
            thing: thing.map(ToOwned::to_owned),
            version,
        };
        let mut event = online.event(time, session, "connected");
        json::set(&mut event, "versionNumber", version);
        json::set(&mut event, "ipAddress", ip_address);
        publish(client, "presence/connected", &event, out);
        self.online.insert(session.to_owned(), online);
    }

    pub(crate) fn connect_failed(&self, time: Time, failed: &ConnectFailed<'_>, out: &mut Effects) {
        let event = json!({
            "clientId": failed.client,
            "timestamp": time.unix_millis(),
            "eventType": "connect_failed",
            "connectFailureReason": "AUTHORIZATION_FAILED",
            "sessionIdentifier": failed.session,
            "principalIdentifier": failed.principal,
            "ipAddress": failed.ip_address,
        });
        publish(failed.client, "presence/connect_failed", &event, out);
    }

    pub(crate) fn disconnected(
        &mut self,
        time: Time,
        session: &str,
        reason: DisconnectReason,
        out: &mut Effects,
    ) {
        let Some(online) = self.online.remove(session) else { return };
        if let Some(version) = self.versions.get_mut(&online.client) {
            self.changed.insert(online.client.clone());
            version.connections = version.connections.saturating_sub(1);
            version.since = time.elapsed;
            if version.connections == 0 {
                self.away.insert((time.elapsed, online.client.clone()));
            }
        }
        let mut event = online.event(time, session, "disconnected");
        json::set(&mut event, "versionNumber", online.version);
        let by_client = reason == DisconnectReason::ClientInitiated;
        json::set(&mut event, "clientInitiatedDisconnect", by_client);
        json::set(&mut event, "disconnectReason", reason.name());
        publish(&online.client, "presence/disconnected", &event, out);
    }

    pub(crate) fn subscribed(
        &self,
        time: Time,
        session: &str,
        filters: &[&str],
        out: &mut Effects,
    ) {
        self.subscription(time, session, "subscribed", filters, out);
    }

    pub(crate) fn unsubscribed(
        &self,
        time: Time,
        session: &str,
        filters: &[&str],
        out: &mut Effects,
    ) {
        self.subscription(time, session, "unsubscribed", filters, out);
    }

    fn subscription(
        &self,
        time: Time,
        session: &str,
        kind: &str,
        filters: &[&str],
        out: &mut Effects,
    ) {
        let Some(online) = self.online.get(session) else { return };
        let mut event = online.event(time, session, kind);
        json::set(&mut event, "topics", filters);
        publish(&online.client, &format!("subscriptions/{kind}"), &event, out);
    }

    /// When the next client may be forgotten.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let (since, _) = self.away.first()?;
        Some(since.saturating_add(self.limits.remembered))
    }

    /// Forgets the numbers of clients that are away for long.
    pub(crate) fn tick(&mut self, time: Time) {
        while self.deadline().is_some_and(|deadline| deadline <= time.elapsed) {
            let Some((_, client)) = self.away.pop_first() else { return };
            self.versions.remove(&client);
            self.changed.insert(client);
        }
    }

    /// What has changed since the last call.
    pub(crate) fn changes(&mut self, into: &mut Parts) {
        for client in std::mem::take(&mut self.changed) {
            let version = self.versions.get(&client).map(state::text);
            into.insert(format!("{PREFIX}{client}"), version);
        }
    }

    /// All numbers, as they are written down.
    pub(crate) fn state(&self) -> impl Iterator<Item = (String, String)> {
        let versions = self.versions.iter();
        versions.map(|(client, version)| (format!("{PREFIX}{client}"), state::text(version)))
    }

    /// All connections have ended with the old process.
    pub(crate) fn load(
        limits: LifecycleLimits,
        written: &mut WrittenState,
        shift: Shift,
    ) -> Result<Self, StateError> {
        let mut lifecycle = Self::new(limits);
        for (client, mut version) in written.take_all::<Version>(PREFIX)? {
            version.since = shift.apply_past(version.since);
            lifecycle.away.insert((version.since, client.clone()));
            lifecycle.versions.insert(client, version);
        }
        state::at_most("lifecycle.clients", limits.clients, lifecycle.versions.len())?;
        Ok(lifecycle)
    }

    /// Counts a connection. Without memory for more clients it is number 0.
    fn next_version(&mut self, time: Time, client: &str, out: &mut Effects) -> u64 {
        self.tick(time);
        if let Some(version) = self.versions.get_mut(client) {
            self.changed.insert(client.to_owned());
            self.away.remove(&(version.since, client.to_owned()));
            version.number += 1;
            version.connections += 1;
            return version.number;
        }
        let value = self.limits.clients;
        if self.versions.len() >= value {
            out.note(Note::LimitReached { limit: "lifecycle.clients", value });
            return 0;
        }
        let first = Version { number: 0, connections: 1, since: time.elapsed };
        self.versions.insert(client.to_owned(), first);
        self.changed.insert(client.to_owned());
        0
    }
}

impl Online {
    /// What all events of a connection hold.
    fn event(&self, time: Time, session: &str, kind: &str) -> Value {
        let mut event = json!({
            "clientId": self.client,
            "timestamp": time.unix_millis(),
            "eventType": kind,
            "sessionIdentifier": session,
            "principalIdentifier": self.principal,
        });
        if let Some(thing) = &self.thing {
            json::set(&mut event, "thingName", thing.as_str());
        }
        event
    }
}

/// Publishes an event, unless the client id would make a filter of its topic.
fn publish(client: &str, kind: &str, event: &Value, out: &mut Effects) {
    if !client.contains(['#', '+']) {
        out.publish_json(format!("$aws/events/{kind}/{client}"), event);
    }
}
