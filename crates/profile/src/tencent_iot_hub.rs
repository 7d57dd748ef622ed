//! The profile of Tencent IoT Hub outside of China.

use alloc::borrow::Cow;
use core::time::Duration;

use crate::{
    ConnectFloor, ConnectionLimits, KeepAliveRange, Limit, OnBreak, Profile, PublishLimits, Rate,
    SubscribeLimits,
};

const LIMITS: &str = "Tencent Cloud, IoT Hub, Use Limits (document 1105/41464), 2022-03";

/// Tencent IoT Hub as sold on Tencent's international site.
///
/// A subscription takes effect up to 5 s after its SUBACK.
pub fn tencent_iot_hub() -> Profile {
    Profile {
        name: Cow::Borrowed("tencent-iot-hub"),
        revised: Cow::Borrowed("2026-11"),
        connection: ConnectionLimits {
            keep_alive: Some(Limit::documented(
                KeepAliveRange { minimum: 1, maximum: 900, zero_means: 0 },
                LIMITS,
                OnBreak::Refuses,
            )),
            connect_floor: Some(Limit::documented(one_in_five_seconds(), LIMITS, OnBreak::Unknown)),
            ..ConnectionLimits::default()
        },
        publish: PublishLimits {
            maximum_payload_size: Some(Limit::documented(16 * 1024, LIMITS, OnBreak::Refuses)),
            publish_rate: Some(Limit::documented(Rate::per_second(30), LIMITS, OnBreak::Unknown)),
            delivery_rate: Some(Limit::documented(Rate::per_second(50), LIMITS, OnBreak::Unknown)),
            maximum_topic_length: Some(Limit::documented(255, LIMITS, OnBreak::Unknown)),
            maximum_topic_levels: Some(Limit::documented(
                11,
                "Tencent Cloud, IoT Hub, Use Limits (document 1105/41464), 2022-03: ten slashes",
                OnBreak::Unknown,
            )),
            ..PublishLimits::default()
        },
        subscribe: SubscribeLimits {
            filters_per_subscribe: Some(Limit::documented(1, LIMITS, OnBreak::Unknown)),
            ..SubscribeLimits::default()
        },
    }
}

/// One CONNECT of a device in 5 s.
pub(crate) const fn one_in_five_seconds() -> ConnectFloor {
    let spacing = Duration::from_secs(5);
    ConnectFloor { spacing, spacing_after_short: spacing, short: spacing }
}
