//! The profile of Alibaba Cloud ApsaraMQ for MQTT.

use alloc::borrow::Cow;
use core::time::Duration;

use crate::{
    ConnectionLimits, KeepAliveRange, LengthRange, Limit, OnBreak, Profile, PublishLimits, Rate,
    SubscribeLimits,
};

const LIMITS: &str = "Alibaba Cloud, Limits on ApsaraMQ for MQTT metrics (alibabacloud.com/help)";

/// Alibaba Cloud ApsaraMQ for MQTT; a Platinum instance can have other numbers.
pub fn alibaba_apsaramq() -> Profile {
    Profile {
        name: Cow::Borrowed("alibaba-apsaramq"),
        revised: Cow::Borrowed("2026-11"),
        connection: ConnectionLimits {
            keep_alive: Some(Limit::documented(
                KeepAliveRange { minimum: 1, maximum: 480, zero_means: 480 },
                "Alibaba Cloud, ApsaraMQ for MQTT, Optimized device-cloud interactions, 2025-04: \
                 the server's keep-alive is 8 minutes at most",
                OnBreak::Clamps,
            )),
            client_id_length: Some(Limit::documented(
                LengthRange { minimum: 1, maximum: 64 },
                LIMITS,
                OnBreak::Disconnects,
            )),
            ..ConnectionLimits::default()
        },
        publish: PublishLimits {
            maximum_payload_size: Some(Limit::documented(64 * 1024, LIMITS, OnBreak::Ignores)),
            publish_rate: Some(Limit::documented(
                Rate::per_second(20),
                "Alibaba Cloud, ApsaraMQ for MQTT, Limits: what one client is advised to keep to; \
                 beyond an instance's plan clients are cut",
                OnBreak::Disconnects,
            )),
            maximum_topic_length: Some(Limit::documented(64, LIMITS, OnBreak::Unknown)),
            maximum_message_expiry: Some(Limit::documented(
                Duration::from_secs(3 * 86_400),
                LIMITS,
                OnBreak::Clamps,
            )),
            ..PublishLimits::default()
        },
        subscribe: SubscribeLimits {
            subscriptions_per_connection: Some(Limit::documented(30, LIMITS, OnBreak::Refuses)),
            ..SubscribeLimits::default()
        },
    }
}
