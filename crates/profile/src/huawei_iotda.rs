//! The profile of Huawei Cloud IoT Device Access.

use alloc::borrow::Cow;

use crate::{
    Confidence, ConnectionLimits, KeepAliveGrace, KeepAliveRange, Limit, List, OnBreak, Profile,
    ProtocolVersion, PublishLimits, Rate, SubscribeLimits,
};

const LIMITS: &str = "Huawei Cloud IoTDA, Limitations (iot_04_0010), page of 2026";

/// Huawei Cloud IoT Device Access (IoTDA).
pub fn huawei_iotda() -> Profile {
    Profile {
        name: Cow::Borrowed("huawei-iotda"),
        revised: Cow::Borrowed("2026-11"),
        connection: connection(),
        publish: PublishLimits {
            maximum_qos: Some(Limit::documented(1, LIMITS, OnBreak::Unknown)),
            retain_available: Some(Limit::documented(false, LIMITS, OnBreak::Unknown)),
            maximum_payload_size: Some(Limit::documented(1024 * 1024, LIMITS, OnBreak::Refuses)),
            publish_rate: Some(Limit::documented(Rate::per_second(50), LIMITS, OnBreak::Unknown)),
            maximum_topic_length: Some(Limit::documented(
                128,
                "Huawei Cloud IoTDA, Limitations (iot_04_0010): topics that the account defines",
                OnBreak::Unknown,
            )),
            ..PublishLimits::default()
        },
        subscribe: SubscribeLimits {
            subscriptions_per_connection: Some(Limit::documented(
                50,
                "Huawei Cloud IoTDA, Limitations (iot_04_0010); an older text has 100",
                OnBreak::Unknown,
            )),
            ..SubscribeLimits::default()
        },
    }
}

fn connection() -> ConnectionLimits {
    ConnectionLimits {
        versions: Some(Limit::documented(
            List(Cow::Borrowed(&[
                ProtocolVersion::V31,
                ProtocolVersion::V311,
                ProtocolVersion::V5,
            ])),
            LIMITS,
            OnBreak::Unknown,
        )),
        keep_alive: Some(Limit::documented(
            KeepAliveRange { minimum: 30, maximum: 1200, zero_means: 1200 },
            "Huawei Cloud IoTDA, Limitations (iot_04_0010): others are refused, 120 s are advised",
            OnBreak::Refuses,
        )),
        keep_alive_grace: Some(Limit::documented(
            KeepAliveGrace { percent: 150, longest: None },
            LIMITS,
            OnBreak::Disconnects,
        )),
        byte_rate: Some(
            Limit::documented(
                Rate::per_second(125_000),
                "Huawei Cloud IoTDA, Limitations (iot_04_0010): 1 Mbit/s in English, 1 MB/s in \
                 Chinese",
                OnBreak::Unknown,
            )
            .confidence(Confidence::Disputed),
        ),
        will_available: Some(Limit::documented(false, LIMITS, OnBreak::Unknown)),
        ..ConnectionLimits::default()
    }
}
