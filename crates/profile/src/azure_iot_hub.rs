//! The profile of Azure IoT Hub.

use alloc::borrow::Cow;
use core::time::Duration;

use crate::{
    AuthenticationKind, ConnectionLimits, KeepAliveGrace, KeepAliveRange, Limit, List, OnBreak,
    Profile, ProtocolVersion, PublishLimits, Rate, SubscribeLimits, TopicPattern,
};

const GUIDE: &str = "Microsoft, Communicate with an IoT hub using the MQTT protocol, 2023-06";

/// Azure IoT Hub, reached by devices and modules.
///
/// It is no broker between devices: topics are fixed, and most mistakes end the
/// connection without a word.
pub fn azure_iot_hub() -> Profile {
    Profile {
        name: Cow::Borrowed("azure-iot-hub"),
        revised: Cow::Borrowed("2026-11"),
        connection: connection(),
        publish: publish(),
        subscribe: subscribe(),
    }
}

fn connection() -> ConnectionLimits {
    ConnectionLimits {
        versions: Some(Limit::documented(
            List(Cow::Borrowed(&[ProtocolVersion::V311])),
            GUIDE,
            OnBreak::Unknown,
        )),
        keep_alive: Some(Limit::documented(
            KeepAliveRange { minimum: 1, maximum: 1177, zero_means: 1177 },
            "Microsoft, Communicate with an IoT hub using the MQTT protocol, 2023-06: 1767 s / 1.5; \
             0 is not spoken of, and the load balancer closes after 1767 s",
            OnBreak::Clamps,
        )),
        keep_alive_grace: Some(Limit::documented(
            KeepAliveGrace { percent: 150, longest: Some(Duration::from_secs(1767)) },
            GUIDE,
            OnBreak::Disconnects,
        )),
        account_connect_rate: Some(Limit::documented(
            Rate::per_second(100),
            "Microsoft, IoT Hub quotas and throttling, older revision: tier S1, or 12 per second \
             and unit if that is more",
            OnBreak::Throttles,
        )),
        will_available: Some(Limit::documented(true, GUIDE, OnBreak::Unknown)),
        kept_sessions_available: Some(Limit::documented(true, GUIDE, OnBreak::Unknown)),
        authentication: Some(Limit::documented(
            List(Cow::Borrowed(&[AuthenticationKind::SasToken, AuthenticationKind::Certificate])),
            GUIDE,
            OnBreak::Unknown,
        )),
        ..ConnectionLimits::default()
    }
}

fn publish() -> PublishLimits {
    PublishLimits {
        maximum_qos: Some(Limit::documented(1, GUIDE, OnBreak::Disconnects)),
        retain_available: Some(Limit::documented(
            false,
            "Microsoft, Communicate with an IoT hub using the MQTT protocol, 2023-06: the flag \
             becomes the application property mqtt-retain, nothing is kept",
            OnBreak::Clamps,
        )),
        maximum_payload_size: Some(Limit::documented(256 * 1024, GUIDE, OnBreak::Disconnects)),
        publish_topics: Some(Limit::documented(
            List(Cow::Borrowed(&[
                TopicPattern(Cow::Borrowed("devices/{client_id}/messages/events/#")),
                TopicPattern(Cow::Borrowed("devices/+/modules/+/messages/events/#")),
                TopicPattern(Cow::Borrowed("$iothub/twin/GET/#")),
                TopicPattern(Cow::Borrowed("$iothub/twin/PATCH/properties/reported/#")),
                TopicPattern(Cow::Borrowed("$iothub/methods/res/#")),
            ])),
            GUIDE,
            OnBreak::Disconnects,
        )),
        ..PublishLimits::default()
    }
}

fn subscribe() -> SubscribeLimits {
    SubscribeLimits {
        subscriptions_per_connection: Some(Limit::documented(5, GUIDE, OnBreak::Unknown)),
        filters: Some(Limit::documented(
            List(Cow::Borrowed(&[
                TopicPattern(Cow::Borrowed("devices/{client_id}/messages/devicebound/#")),
                TopicPattern(Cow::Borrowed("devices/+/modules/+/#")),
                TopicPattern(Cow::Borrowed("$iothub/twin/res/#")),
                TopicPattern(Cow::Borrowed("$iothub/twin/PATCH/properties/desired/#")),
                TopicPattern(Cow::Borrowed("$iothub/methods/POST/#")),
            ])),
            GUIDE,
            OnBreak::Unknown,
        )),
        ..SubscribeLimits::default()
    }
}
