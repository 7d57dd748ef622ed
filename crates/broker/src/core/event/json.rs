//! Events as JSON, version 2.

use std::time::Duration;

use serde::Serialize;

use super::{Event, EventKind, Situation};
use crate::core::date::Date;
use crate::core::ids::ConnectionId;

/// What is not known is null.
#[derive(Serialize)]
struct Line<'a> {
    v: u8,
    r#type: &'static str,
    time: Option<String>,
    mono_ns: u64,
    event: &'static str,
    client_id: Option<&'a str>,
    connection: Option<ConnectionId>,
    #[serde(flatten)]
    situation: Situation,
    /// The event's own.
    #[serde(flatten)]
    kind: &'a EventKind,
}

pub(super) fn line(event: &Event) -> String {
    let line = Line {
        v: 2,
        r#type: "broker_event",
        time: event.unix.map(rfc3339),
        mono_ns: event.time.as_micros().saturating_mul(1000),
        event: event.name(),
        client_id: event.client_id.as_deref(),
        connection: event.connection,
        situation: event.situation,
        kind: &event.kind,
    };
    // Strings and numbers serialize without a way to fail.
    serde_json::to_string(&line).unwrap_or_default()
}

fn rfc3339(unix: Duration) -> String {
    let Date { year, month, day, hour, minute, second } = Date::of(unix);
    let nanos = unix.subsec_nanos();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_nine_digits_behind_the_second() {
        assert_eq!(rfc3339(Duration::ZERO), "1970-01-01T00:00:00.000000000Z");
        let leap = Duration::new(1_709_210_096, 7);
        assert_eq!(rfc3339(leap), "2024-02-29T12:34:56.000000007Z");
    }
}
