//! The profile of Alibaba Cloud IoT Platform.

use alloc::borrow::Cow;

use crate::{
    ConnectionLimits, KeepAliveRange, Limit, List, OnBreak, Profile, ProtocolVersion,
    PublishLimits, SubscribeLimits,
};

const STANDARD: &str = "Alibaba Cloud IoT Platform, MQTT standard (document 30540)";

/// Alibaba Cloud IoT Platform.
///
/// Its rates per device are not in here: no text with them was found.
pub fn alibaba_iot_platform() -> Profile {
    Profile {
        name: Cow::Borrowed("alibaba-iot-platform"),
        revised: Cow::Borrowed("2026-11"),
        connection: ConnectionLimits {
            versions: Some(Limit::documented(
                List(Cow::Borrowed(&[
                    ProtocolVersion::V31,
                    ProtocolVersion::V311,
                    ProtocolVersion::V5,
                ])),
                "Alibaba Cloud IoT Platform, MQTT standard (document 30540): MQTT 5 with an \
                 enterprise instance",
                OnBreak::Unknown,
            )),
            keep_alive: Some(Limit::documented(
                KeepAliveRange { minimum: 30, maximum: 1200, zero_means: 1200 },
                "Alibaba Cloud IoT Platform, establish MQTT connections: others are refused, 300 s \
                 and more are advised",
                OnBreak::Refuses,
            )),
            will_available: Some(Limit::documented(false, STANDARD, OnBreak::Unknown)),
            ..ConnectionLimits::default()
        },
        publish: PublishLimits {
            maximum_qos: Some(Limit::documented(1, STANDARD, OnBreak::Unknown)),
            retain_available: Some(Limit::documented(false, STANDARD, OnBreak::Unknown)),
            ..PublishLimits::default()
        },
        subscribe: SubscribeLimits::default(),
    }
}
