//! The profile of Tencent IoT Hub in China.

use alloc::borrow::Cow;

use crate::tencent_iot_hub::one_in_five_seconds;
use crate::{
    ConnectionLimits, KeepAliveRange, Limit, OnBreak, Profile, PublishLimits, Rate, SubscribeLimits,
};

const LIMITS: &str = "Tencent Cloud (China), use limits (document 634/15241)";

/// Tencent IoT Hub on the mainland of China, stricter than the international
/// one.
///
/// A subscription takes effect up to 5 s after its SUBACK.
pub fn tencent_iot_hub_cn() -> Profile {
    Profile {
        name: Cow::Borrowed("tencent-iot-hub-cn"),
        revised: Cow::Borrowed("2026-11"),
        connection: ConnectionLimits {
            keep_alive: Some(Limit::documented(
                KeepAliveRange { minimum: 60, maximum: 850, zero_means: 850 },
                LIMITS,
                OnBreak::Refuses,
            )),
            connect_floor: Some(Limit::documented(one_in_five_seconds(), LIMITS, OnBreak::Unknown)),
            ..ConnectionLimits::default()
        },
        publish: PublishLimits {
            maximum_payload_size: Some(Limit::documented(16 * 1024, LIMITS, OnBreak::Refuses)),
            publish_rate: Some(Limit::documented(Rate::per_second(20), LIMITS, OnBreak::Unknown)),
            delivery_rate: Some(Limit::documented(Rate::per_second(20), LIMITS, OnBreak::Unknown)),
            maximum_topic_length: Some(Limit::documented(255, LIMITS, OnBreak::Unknown)),
            maximum_topic_levels: Some(Limit::documented(
                7,
                "Tencent Cloud (China), use limits (document 634/15241): six slashes",
                OnBreak::Unknown,
            )),
            ..PublishLimits::default()
        },
        subscribe: SubscribeLimits {
            subscriptions_per_connection: Some(Limit::documented(100, LIMITS, OnBreak::Unknown)),
            ..SubscribeLimits::default()
        },
    }
}
