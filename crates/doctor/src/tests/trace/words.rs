//! The words of logs in a trace.

use core::time::Duration;

use super::event::Rest;
use crate::Texts;
use crate::event::{Denied, Side, Words};

#[track_caller]
pub(super) fn read(rest: &Rest<'_>, texts: &mut Texts) -> Words {
    let seconds = || Duration::from_secs_f64(rest.word(1).parse().expect("seconds"));
    let mut text = || texts.keep(rest.word(1));
    match rest.word(0) {
        "timeout" if rest.word(1) == "client" => Words::KeepAliveTimeout { by: Side::Client },
        "timeout" => Words::KeepAliveTimeout { by: Side::Server },
        "ping-checked" => Words::PingChecked,
        "written-off" => Words::PingWrittenOff,
        "forced-close" => Words::ForcedClose,
        "taken-over" => Words::TakenOver,
        "goodbye" => Words::Goodbye,
        "denied-connect" => Words::Denied(Denied::Connect, text()),
        "denied-publish" => Words::Denied(Denied::Publish, text()),
        "denied-subscribe" => Words::Denied(Denied::Subscribe, text()),
        "credentials-expired" => Words::CredentialsExpired,
        "lifetime-reached" => Words::LifetimeReached,
        "no-ack" => Words::NoAck,
        "connack-timeout" => Words::ConnAckTimeout,
        "retry" => Words::Retry(seconds()),
        "gave-up" => Words::GaveUp,
        "dropped" => Words::Dropped,
        "too-large" => Words::TooLarge,
        "qos-unsupported" => Words::QosUnsupported,
        "retain-unsupported" => Words::RetainUnsupported,
        "receive-maximum" => Words::ReceiveMaximum,
        "alias-invalid" => Words::AliasInvalid,
        "throttled" => Words::Throttled,
        "connect-rate" => Words::ConnectRate,
        "banned" => Words::Banned,
        "flapping" => Words::Flapping,
        "server-event" => Words::ServerEvent,
        "administrative" => Words::Administrative,
        "protocol-error" => Words::ProtocolError,
        "tls-failed" => Words::TlsFailed(rest.word(1).parse().unwrap_or(0)),
        "tls-on-plain" => Words::TlsOnPlain,
        "plain-on-tls" => Words::PlainOnTls,
        "full" => Words::Full,
        "not-mqtt" => Words::NotMqtt,
        "websocket" => Words::WebSocket(rest.word(1).parse().expect("a status")),
        "link-down" => Words::LinkDown,
        "clock-jump" => Words::ClockJump,
        "stalled" => Words::Stalled(seconds()),
        "reading-paused" => Words::ReadingPaused(seconds()),
        "quarantined" => Words::Quarantined(text()),
        other => panic!("{other} are no words of a log"),
    }
}
