//! The profile of Naver Cloud IoT Core.

use alloc::borrow::Cow;

use crate::{
    AuthenticationKind, ConnectionLimits, KeepAliveGrace, KeepAliveRange, LengthRange, Limit, List,
    OnBreak, Profile, PublishLimits, SubscribeLimits,
};

const GUIDE: &str = "Naver Cloud, Cloud IoT Core, Connect IoT devices (guide.ncloud-docs.com/docs/cloudiotcore-connect)";

/// Naver Cloud IoT Core.
pub fn naver_iot_core() -> Profile {
    Profile {
        name: Cow::Borrowed("naver-iot-core"),
        revised: Cow::Borrowed("2026-11"),
        connection: ConnectionLimits {
            keep_alive: Some(Limit::documented(
                KeepAliveRange { minimum: 1, maximum: 1800, zero_means: 1800 },
                GUIDE,
                OnBreak::Unknown,
            )),
            keep_alive_grace: Some(Limit::documented(
                KeepAliveGrace { percent: 300, longest: None },
                GUIDE,
                OnBreak::Disconnects,
            )),
            client_id_length: Some(Limit::documented(
                LengthRange { minimum: 0, maximum: 128 },
                GUIDE,
                OnBreak::Unknown,
            )),
            kept_sessions_available: Some(Limit::documented(true, GUIDE, OnBreak::Unknown)),
            authentication: Some(Limit::documented(
                List(Cow::Borrowed(&[AuthenticationKind::Certificate])),
                GUIDE,
                OnBreak::Unknown,
            )),
            ..ConnectionLimits::default()
        },
        publish: PublishLimits {
            maximum_qos: Some(Limit::documented(
                1,
                "Naver Cloud, Cloud IoT Core, Connect IoT devices: QoS 2 is set to 1",
                OnBreak::Clamps,
            )),
            ..PublishLimits::default()
        },
        subscribe: SubscribeLimits::default(),
    }
}
