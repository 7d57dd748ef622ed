//! A stored message as text and as JSON.

use evenkeel_store::record::{Priority, StoredMessage, StoredState, UnixMillis};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::StateName;
use crate::format::{MessageProperties, Payload, timestamp};

/// Field names and meanings are part of the program's interface; docs/cli.md
/// lists them.
#[derive(Serialize)]
struct Line<'a> {
    v: u8,
    r#type: &'static str,
    serial: u64,
    #[serde(flatten)]
    stands: Stands,
    priority: &'static str,
    accepted: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    topic: &'a str,
    qos: u8,
    retain: bool,
    payload_bytes: usize,
    #[serde(flatten)]
    payload: Option<Payload<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<MessageProperties>,
}

/// Where the message stands.
#[derive(Serialize)]
struct Stands {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet_id: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deaths: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
}

/// The message as one line of JSON, without the line end.
pub(super) fn line(message: &StoredMessage, with_payload: bool) -> String {
    let publish = &message.publish;
    let (packet_id, deaths, attempts) = match message.state {
        StoredState::Queued => (None, None, None),
        StoredState::Sent(packet_id) => (Some(packet_id.get()), None, None),
        StoredState::Quarantined { deaths, attempts } => (None, Some(deaths), Some(attempts)),
    };
    let line = Line {
        v: 1,
        r#type: "stored",
        serial: message.serial.0,
        stands: Stands { state: state(message.state), packet_id, deaths, attempts },
        priority: priority(message.priority),
        accepted: time(message.accepted),
        expires: message.expires.map(time),
        topic: publish.topic.as_str(),
        qos: publish.qos.level(),
        retain: publish.retain,
        payload_bytes: publish.payload.len(),
        payload: with_payload.then(|| Payload::new(&publish.payload)),
        properties: MessageProperties::new(&publish.properties),
    };
    // Strings and numbers serialize without a way to fail.
    serde_json::to_string(&line).unwrap_or_default()
}

/// The message as a row of a table whose last column is the topic.
pub(super) fn row(message: &StoredMessage) -> String {
    format!(
        "{:>8}  {:<11}  {:<6}  {}  {:<20}  {:>8}  {}",
        message.serial.0,
        state(message.state),
        priority(message.priority),
        message.publish.qos.level(),
        short_time(message.accepted),
        message.publish.payload.len(),
        message.publish.topic.as_str(),
    )
}

/// The words above the columns of [`row`].
pub(super) const HEAD: &str =
    "  SERIAL  STATE        PRIOR.  Q  ACCEPTED (UTC)           BYTES  TOPIC";

/// The state as a word.
pub(super) const fn state(state: StoredState) -> &'static str {
    match state {
        StoredState::Queued => "queued",
        StoredState::Sent(_) => "sent",
        StoredState::Quarantined { .. } => "quarantined",
    }
}

/// True if the message is in the state of this name.
pub(super) const fn is_in(message: &StoredMessage, name: StateName) -> bool {
    matches!(
        (message.state, name),
        (StoredState::Queued, StateName::Queued)
            | (StoredState::Sent(_), StateName::Sent)
            | (StoredState::Quarantined { .. }, StateName::Quarantined)
    )
}

pub(super) const fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
    }
}

/// RFC 3339 in UTC with nanoseconds, as everywhere in JSON.
pub(super) fn time(moment: UnixMillis) -> String {
    timestamp(calendar(moment))
}

/// To the second.
fn short_time(moment: UnixMillis) -> String {
    format!("{:.0}", calendar(moment))
}

/// A time beyond what calendars know is shown as the last they know.
fn calendar(moment: UnixMillis) -> Timestamp {
    i64::try_from(moment.0)
        .ok()
        .and_then(|millis| Timestamp::from_millisecond(millis).ok())
        .unwrap_or(Timestamp::MAX)
}
