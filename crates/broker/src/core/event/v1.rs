//! Events as JSON, version 1: goes with 0.4.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Event, EventKind};
use crate::core::ids::ConnectionId;

#[derive(Serialize)]
struct Line<'a> {
    /// Seconds since the broker was started.
    time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<ConnectionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    event: &'static str,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

pub(super) fn line(event: &Event) -> String {
    let line = Line {
        time: event.time.since_start().as_secs_f64(),
        connection: event.connection,
        client_id: event.client_id.as_deref(),
        event: event.name(),
        fields: fields(&event.kind),
    };
    serde_json::to_string(&line).unwrap_or_default()
}

/// The event's own: those of version 2 by their older names.
fn fields(kind: &EventKind) -> Map<String, Value> {
    let Ok(Value::Object(of_v2)) = serde_json::to_value(kind) else { return Map::new() };
    let renamed = of_v2.into_iter().filter(|(name, value)| is_told(name, value));
    let mut fields: Map<_, _> =
        renamed.map(|(name, value)| (name_of(kind, &name).to_owned(), value)).collect();
    fields.extend(written_otherwise(kind).map(|(name, value)| (name.to_owned(), value)));
    fields
}

/// What was not there was left out, packet identifiers apart.
fn is_told(name: &str, value: &Value) -> bool {
    name != "closer" && (!value.is_null() || name == "packet_id")
}

fn name_of<'a>(kind: &EventKind, name: &'a str) -> &'a str {
    match (kind, name) {
        (EventKind::Quota { .. }, "reason_code") => "code",
        (EventKind::Denied { .. }, "detail") => "why",
        (EventKind::ProtocolError { .. }, "detail") => "detail",
        (_, "detail") => "text",
        (_, "reason_code") => "reason",
        (_, "session_expiry_s") => "session_expiry",
        (_, "silence_s") => "silence",
        (_, "delay_s") => "delay",
        _ => name,
    }
}

/// The field whose value version 2 writes otherwise, or not at all.
fn written_otherwise(kind: &EventKind) -> Option<(&'static str, Value)> {
    match kind {
        EventKind::Connected { keep_alive, .. } => Some(("keep_alive", (*keep_alive).into())),
        EventKind::Tls { version, .. } => Some(("version", version.as_str().into())),
        EventKind::Refused { why, .. } => Some(("why", (*why).into())),
        EventKind::Quota { action, .. } => Some(("action", (*action).into())),
        EventKind::Service { service, .. } => Some(("service", (*service).into())),
        EventKind::KeepAliveTimeout { silence } => Some(("silence", (*silence).into())),
        _ => None,
    }
}
