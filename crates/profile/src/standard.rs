//! The profile of the specification itself.

use alloc::borrow::Cow;
use core::time::Duration;

use crate::{
    ConnectionLimits, KeepAliveRange, LengthRange, Limit, OnBreak, Profile, PublishLimits,
    SubscribeLimits,
};

/// What the specification itself allows: the limits every broker has because
/// the wire format has them.
pub fn standard() -> Profile {
    Profile {
        name: Cow::Borrowed("standard"),
        revised: Cow::Borrowed("2026-11"),
        connection: connection(),
        publish: publish(),
        subscribe: SubscribeLimits::default(),
    }
}

fn connection() -> ConnectionLimits {
    ConnectionLimits {
        keep_alive: Some(Limit::documented(
            KeepAliveRange { minimum: 1, maximum: u16::MAX, zero_means: 0 },
            "MQTT 5.0 section 3.1.2.10: a two byte integer of seconds, 0 turns keep-alive off",
            OnBreak::Unknown,
        )),
        client_id_length: Some(Limit::documented(
            LengthRange { minimum: 0, maximum: u16::MAX },
            "MQTT 5.0 section 3.1.3.1: any UTF-8 string; servers must take 1 to 23 bytes",
            OnBreak::Rejects(0x85),
        )),
        maximum_session_expiry: Some(Limit::documented(
            Duration::from_secs(u32::MAX as u64),
            "MQTT 5.0 section 3.1.2.11.2: a four byte integer, the largest means without end",
            OnBreak::Clamps,
        )),
        maximum_packet_size: Some(Limit::documented(
            268_435_460,
            "MQTT 5.0 section 1.5.5: a remaining length of at most 268,435,455 and its header",
            OnBreak::DisconnectsWith(0x95),
        )),
        ..ConnectionLimits::default()
    }
}

fn publish() -> PublishLimits {
    PublishLimits {
        maximum_qos: Some(Limit::documented(
            2,
            "MQTT 5.0 section 3.2.2.3.4: 2 unless CONNACK says less",
            OnBreak::DisconnectsWith(0x9B),
        )),
        receive_maximum: Some(Limit::documented(
            u16::MAX,
            "MQTT 5.0 section 3.2.2.3.3: 65,535 unless CONNACK says less",
            OnBreak::DisconnectsWith(0x93),
        )),
        maximum_topic_length: Some(Limit::documented(
            u16::MAX,
            "MQTT 5.0 section 1.5.4: length of a UTF-8 string",
            OnBreak::Unknown,
        )),
        ..PublishLimits::default()
    }
}
