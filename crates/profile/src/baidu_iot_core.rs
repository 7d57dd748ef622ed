//! The profile of Baidu AI Cloud IoT Core.

use alloc::borrow::Cow;
use core::time::Duration;

use crate::{
    ConnectionLimits, KeepAliveRange, LengthRange, Limit, OnBreak, Profile, PublishLimits, Rate,
    SubscribeLimits,
};

const LIMITS: &str =
    "Baidu AI Cloud, IoT Core, system limits (cloud.baidu.com/doc/IoTCore/s/3k7o8yehh), 2025-07";

/// Baidu AI Cloud IoT Core, much like AWS IoT Core.
///
/// A subscription takes effect up to 5 s after it was asked for.
pub fn baidu_iot_core() -> Profile {
    Profile {
        name: Cow::Borrowed("baidu-iot-core"),
        revised: Cow::Borrowed("2026-11"),
        connection: ConnectionLimits {
            keep_alive: Some(Limit::documented(
                KeepAliveRange { minimum: 30, maximum: 1200, zero_means: 1200 },
                LIMITS,
                OnBreak::Unknown,
            )),
            account_connect_rate: Some(Limit::documented(
                Rate::per_second(200),
                LIMITS,
                OnBreak::Unknown,
            )),
            client_id_length: Some(Limit::documented(
                LengthRange { minimum: 1, maximum: 128 },
                "Baidu AI Cloud, IoT Core, system limits, 2025-07: letters, digits, - and _; 23 \
                 with MQTT 3.1",
                OnBreak::Unknown,
            )),
            byte_rate: Some(Limit::documented(
                Rate::per_second(512 * 1024),
                LIMITS,
                OnBreak::Unknown,
            )),
            will_available: Some(Limit::documented(true, LIMITS, OnBreak::Unknown)),
            ..ConnectionLimits::default()
        },
        publish: publish(),
        subscribe: SubscribeLimits {
            filters_per_subscribe: Some(Limit::documented(8, LIMITS, OnBreak::Unknown)),
            subscriptions_per_connection: Some(Limit::documented(100, LIMITS, OnBreak::Refuses)),
            subscribe_packet_rate: Some(Limit::documented(
                Rate::per_second(10),
                LIMITS,
                OnBreak::Unknown,
            )),
            ..SubscribeLimits::default()
        },
    }
}

fn publish() -> PublishLimits {
    PublishLimits {
        maximum_qos: Some(Limit::documented(1, LIMITS, OnBreak::Unknown)),
        retain_available: Some(Limit::documented(
            false,
            "Baidu AI Cloud, IoT Core, system limits, 2025-07: off unless asked for by a ticket",
            OnBreak::Unknown,
        )),
        maximum_payload_size: Some(Limit::documented(32 * 1024, LIMITS, OnBreak::Unknown)),
        publish_rate: Some(Limit::documented(
            Rate::per_second(10),
            "Baidu AI Cloud, IoT Core, system limits, 2025-07: QoS 1; QoS 0 may be 30 per second",
            OnBreak::Unknown,
        )),
        maximum_topic_length: Some(Limit::documented(255, LIMITS, OnBreak::Unknown)),
        maximum_topic_levels: Some(Limit::documented(16, LIMITS, OnBreak::Unknown)),
        maximum_message_expiry: Some(Limit::documented(
            Duration::from_secs(7 * 86_400),
            "Baidu AI Cloud, IoT Core, system limits, 2025-07: messages for clients that are \
             offline",
            OnBreak::Clamps,
        )),
        ..PublishLimits::default()
    }
}
