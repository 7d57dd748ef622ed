//! The profile of EMQX Serverless.

use alloc::borrow::Cow;
use core::time::Duration;

use crate::{
    AuthenticationKind, ConnectionLimits, LengthRange, Limit, List, OnBreak, Profile,
    PublishLimits, Rate, SubscribeLimits,
};

const QUOTAS: &str = "EMQX Platform, Quotas and Limits, Serverless (docs.emqx.com), 2026";

/// A Serverless deployment of the EMQX Platform.
pub fn emqx_serverless() -> Profile {
    Profile {
        name: Cow::Borrowed("emqx-serverless"),
        revised: Cow::Borrowed("2026-11"),
        connection: ConnectionLimits {
            client_id_length: Some(Limit::documented(
                LengthRange { minimum: 0, maximum: 1024 },
                "EMQX Platform, Quotas and Limits, Serverless, 2026; a page of version 4 has 23 \
                 before MQTT 5 and 256 from it on",
                OnBreak::Unknown,
            )),
            maximum_session_expiry: Some(Limit::documented(
                Duration::from_secs(2 * 3600),
                "EMQX Platform, Quotas and Limits, Serverless, 2026: sessions of MQTT 3; nothing \
                 is said of MQTT 5",
                OnBreak::Clamps,
            )),
            maximum_packet_size: Some(Limit::documented(1024 * 1024, QUOTAS, OnBreak::Unknown)),
            authentication: Some(Limit::documented(
                List(Cow::Borrowed(&[AuthenticationKind::Password])),
                QUOTAS,
                OnBreak::Unknown,
            )),
            ..ConnectionLimits::default()
        },
        publish: PublishLimits {
            publish_rate: Some(Limit::documented(Rate::per_second(10), QUOTAS, OnBreak::Unknown)),
            maximum_topic_levels: Some(Limit::documented(
                10,
                "EMQX Platform, Quotas and Limits, Serverless, 2026: of topics subscribed to",
                OnBreak::Unknown,
            )),
            ..PublishLimits::default()
        },
        subscribe: SubscribeLimits {
            subscriptions_per_connection: Some(Limit::documented(10, QUOTAS, OnBreak::Unknown)),
            subscribe_packet_rate: Some(Limit::documented(
                Rate::per_second(1000),
                QUOTAS,
                OnBreak::Unknown,
            )),
            ..SubscribeLimits::default()
        },
    }
}
