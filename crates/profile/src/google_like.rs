//! The profile of Google Cloud IoT Core and its successor.

use alloc::borrow::Cow;
use core::time::Duration;

use crate::{
    ConnectionLimits, KeepAliveGrace, KeepAliveRange, Limit, OnBreak, Profile, PublishLimits,
    SubscribeLimits,
};

const CLEARBLADE: &str =
    "ClearBlade IoT Core documentation, publish over MQTT (clearblade.atlassian.net)";

/// Google Cloud IoT Core, closed in 2023, and ClearBlade IoT Core, which goes
/// on in its way.
pub fn google_like() -> Profile {
    Profile {
        name: Cow::Borrowed("google-like"),
        revised: Cow::Borrowed("2026-11"),
        connection: ConnectionLimits {
            keep_alive: Some(Limit::documented(
                KeepAliveRange { minimum: 1, maximum: 1200, zero_means: 1200 },
                "ClearBlade IoT Core documentation: idle connections end after 20 minutes; 60 s \
                 and more are advised",
                OnBreak::Disconnects,
            )),
            keep_alive_grace: Some(Limit::documented(
                KeepAliveGrace { percent: 150, longest: Some(Duration::from_secs(1200)) },
                CLEARBLADE,
                OnBreak::Disconnects,
            )),
            ..ConnectionLimits::default()
        },
        publish: PublishLimits {
            maximum_qos: Some(Limit::documented(1, CLEARBLADE, OnBreak::Disconnects)),
            maximum_payload_size: Some(Limit::documented(
                256 * 1024,
                "Google Cloud IoT Core quotas (cloud.google.com/iot/quotas): events; a device's \
                 state may have 64 KB",
                OnBreak::Unknown,
            )),
            ..PublishLimits::default()
        },
        subscribe: SubscribeLimits::default(),
    }
}
