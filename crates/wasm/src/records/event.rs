//! What the core tells of its own accord.

use alloc::string::ToString;
use core::time::Duration;

use evenkeel_proto::keepalive::Pong;
use evenkeel_proto::{Connected, ConnectionId, DisconnectCause, Event};

use super::{Record, Records, connection, kind, milliseconds};
use crate::arguments::NONE;

/// An event without a record of its own.
pub(crate) fn event(records: &mut Records<'_>, event: &Event) {
    let (conn, a, b) = numbers(event);
    let text = event.to_string();
    records.put(kind::EVENT, |record| {
        record.word(event.code().into());
        record.word(conn.map_or(0, connection));
        record.float(a);
        record.float(b);
        record.count(text.len());
        record.bytes(text.as_bytes());
    });
}

/// The connection it names, and two numbers of its own.
fn numbers(event: &Event) -> (Option<ConnectionId>, f64, f64) {
    const NO: f64 = f64::NAN;
    match event {
        Event::Connecting { conn, attempt, server } => {
            (Some(*conn), f64::from(*attempt), *server as f64)
        }
        Event::Reauthenticated { conn }
        | Event::FilesRenewed { conn }
        | Event::FilesKept { conn } => (Some(*conn), NO, NO),
        Event::RetryScheduled { retry, delay } => {
            (None, f64::from(retry.attempt), milliseconds(*delay))
        }
        Event::Halted(halt) => (None, f64::from(halt.code()), NO),
        Event::VersionFallback(version) => (None, f64::from(version.level()), NO),
        Event::Loop(repetition) => {
            (None, f64::from(repetition.count), milliseconds(repetition.period))
        }
        Event::PongReceived(Pong::Matched { round_trip }) => (None, milliseconds(*round_trip), NO),
        Event::PingUnanswered { after, heard } => {
            (None, milliseconds(*after), f64::from(u8::from(*heard)))
        }
        Event::SubscriptionsRestoring { filters } | Event::SubscriptionsForgotten { filters } => {
            (None, *filters as f64, NO)
        }
        Event::SubscriptionLost { reason, .. } => (None, f64::from(reason.0), NO),
        Event::ReceiveMaximumExceeded { maximum } => (None, f64::from(*maximum), NO),
        Event::DeliveryStalled { unacknowledged } => (None, *unacknowledged as f64, NO),
        Event::Quarantined { deaths, .. } => (None, f64::from(*deaths), NO),
        Event::Renewed { gap } => (None, milliseconds(*gap), NO),
        Event::AcknowledgementsWithheld { packet_ids, after } => {
            (None, packet_ids.len() as f64, milliseconds(*after))
        }
        Event::RateReached(wait) => (None, f64::from(wait.limit.amount), wait.queued as f64),
        Event::Lagged { lost } => (None, *lost as f64, NO),
        _ => (None, NO, NO),
    }
}

pub(crate) fn connected(records: &mut Records<'_>, connected: &Connected) {
    records.put(kind::CONNECTED, |record| {
        record.word(connection(connected.conn));
        record.word(connected.version.level().into());
        record.word(connected.session_present.into());
        record.float(milliseconds(connected.took));
        let assigned = connected.assigned_client_id.as_ref();
        record.word(assigned.map_or(NONE, |id| u32::try_from(id.len()).unwrap_or(NONE)));
        record.count(connected.properties.encoded_len());
        record.bytes(assigned.map_or(&[], |id| id.as_bytes()));
        record.encode(|out| connected.properties.to_wire(out));
    });
}

pub(crate) fn disconnected(
    records: &mut Records<'_>,
    conn: ConnectionId,
    cause: &DisconnectCause,
    online_for: Option<Duration>,
) {
    let text = cause.to_string();
    records.put(kind::DISCONNECTED, |record| {
        record.word(connection(conn));
        record.word(cause.code().into());
        record.word(cause.class().code().into());
        said(record, cause);
        record.float(online_for.map_or(f64::NAN, milliseconds));
        let properties = match cause {
            DisconnectCause::Refused { properties, .. }
            | DisconnectCause::ServerDisconnect { properties, .. } => Some(properties),
            _ => None,
        };
        record.count(properties.map_or(0, |properties| properties.encoded_len()));
        record.count(text.len());
        if let Some(properties) = properties {
            record.encode(|out| properties.to_wire(out));
        }
        record.bytes(text.as_bytes());
    });
}

/// Detail, reason code, code on the wire, and phase.
fn said(record: &mut Record<'_>, cause: &DisconnectCause) {
    let (mut detail, mut reason, mut wire, mut phase) = (0, NONE, NONE, 0);
    match cause {
        DisconnectCause::Refused { reason: code, wire_code, .. } => {
            (reason, wire) = (code.0.into(), (*wire_code).into());
        }
        DisconnectCause::ServerDisconnect { reason: code, .. } => reason = code.0.into(),
        DisconnectCause::Transport { failure, phase: at } => {
            detail = failure.code().into();
            phase = at.map_or(0, |phase| phase.code().into());
        }
        DisconnectCause::ConnectTimeout { phase: at, .. } => phase = at.code().into(),
        DisconnectCause::KeepAlive(death) => detail = death.code().into(),
        DisconnectCause::ProtocolError(error) => detail = error.code().into(),
        _ => {}
    }
    for word in [detail, reason, wire, phase] {
        record.word(word);
    }
}
