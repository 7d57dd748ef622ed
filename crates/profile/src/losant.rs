//! The profile of Losant.

use alloc::borrow::Cow;
use core::time::Duration;

use crate::{Ban, ConnectionLimits, Limit, OnBreak, Profile, PublishLimits, Rate, SubscribeLimits};

const THROTTLING: &str =
    "Losant, Message Throttling (docs.losant.com/references/message-throttling), 2026";

/// The window in which Losant counts.
const WINDOW: Duration = Duration::from_secs(15);

/// Losant's message broker.
pub fn losant() -> Profile {
    Profile {
        name: Cow::Borrowed("losant"),
        revised: Cow::Borrowed("2026-11"),
        connection: ConnectionLimits {
            ban: Some(Limit::documented(
                Ban { first: Duration::from_secs(30), longest: Duration::from_secs(3600) },
                THROTTLING,
                OnBreak::Refuses,
            )),
            account_connect_rate: Some(Limit::documented(
                Rate { amount: 300, period: WINDOW },
                "Losant, Message Throttling, 2026: new connections of one application",
                OnBreak::Unknown,
            )),
            ..ConnectionLimits::default()
        },
        publish: PublishLimits {
            maximum_payload_size: Some(Limit::documented(256 * 1024, THROTTLING, OnBreak::Unknown)),
            publish_rate: Some(Limit::documented(
                Rate { amount: 300, period: WINDOW },
                THROTTLING,
                OnBreak::Disconnects,
            )),
            publish_rate_per_topic: Some(Limit::documented(
                Rate { amount: 30, period: WINDOW },
                THROTTLING,
                OnBreak::Disconnects,
            )),
            ..PublishLimits::default()
        },
        subscribe: SubscribeLimits::default(),
    }
}
