//! The profile of the MQTT broker of Azure Event Grid.

use alloc::borrow::Cow;
use core::time::Duration;

use crate::{
    AuthenticationKind, Confidence, ConnectionLimits, KeepAliveRange, LengthRange, Limit, List,
    OnBreak, Profile, ProtocolVersion, PublishLimits, Rate, SubscribeLimits,
};

const FEATURES: &str = "Microsoft, MQTT features of Azure Event Grid's MQTT broker, 2023-11";
const QUOTAS: &str = "Microsoft, Azure Event Grid quotas and limits, 2023-11";

/// The MQTT broker of Azure Event Grid, a namespace with one throughput unit.
pub fn azure_event_grid() -> Profile {
    Profile {
        name: Cow::Borrowed("azure-event-grid"),
        revised: Cow::Borrowed("2026-11"),
        connection: connection(),
        publish: publish(),
        subscribe: subscribe(),
    }
}

fn connection() -> ConnectionLimits {
    ConnectionLimits {
        versions: Some(Limit::documented(
            List(Cow::Borrowed(&[ProtocolVersion::V311, ProtocolVersion::V5])),
            FEATURES,
            OnBreak::Unknown,
        )),
        keep_alive: Some(Limit::documented(
            KeepAliveRange { minimum: 1, maximum: 1160, zero_means: 1160 },
            "Microsoft, MQTT features of Azure Event Grid's MQTT broker, 2023-11: at most 1,160 s; \
             0 is not spoken of",
            OnBreak::Unknown,
        )),
        account_connect_rate: Some(Limit::documented(
            Rate::per_second(200),
            QUOTAS,
            OnBreak::Unknown,
        )),
        client_id_length: Some(Limit::documented(
            LengthRange { minimum: 1, maximum: u16::MAX },
            "Microsoft, MQTT features of Azure Event Grid's MQTT broker, 2023-11: the identifier is \
             required; no upper bound is named",
            OnBreak::Refuses,
        )),
        kept_sessions_available: Some(Limit::documented(true, FEATURES, OnBreak::Unknown)),
        maximum_session_expiry: Some(Limit::documented(
            Duration::from_secs(8 * 3600),
            "Microsoft, MQTT features of Azure Event Grid's MQTT broker, 2023-11: a namespace allows \
             1 hour unless configured, up to 8",
            OnBreak::Clamps,
        )),
        maximum_packet_size: Some(Limit::documented(512 * 1024, FEATURES, OnBreak::Unknown)),
        byte_rate: Some(Limit::documented(Rate::per_second(1_000_000), QUOTAS, OnBreak::Unknown)),
        will_available: Some(Limit::documented(true, FEATURES, OnBreak::Unknown)),
        authentication: Some(Limit::documented(
            List(Cow::Borrowed(&[AuthenticationKind::Certificate])),
            FEATURES,
            OnBreak::Refuses,
        )),
        forbidden_properties: Some(Limit::documented(
            List(Cow::Borrowed(&[
                Cow::Borrowed("connect user-property"),
                Cow::Borrowed("subscribe user-property"),
                Cow::Borrowed("disconnect user-property"),
                Cow::Borrowed("puback user-property"),
                Cow::Borrowed("auth user-property"),
            ])),
            FEATURES,
            OnBreak::Refuses,
        )),
        ..ConnectionLimits::default()
    }
}

fn publish() -> PublishLimits {
    let rate = || {
        Limit::documented(
            Rate::per_second(100),
            "Microsoft, Azure Event Grid quotas and limits: 100 per session in 2023-11, 1,000 in \
             another revision",
            OnBreak::Unknown,
        )
        .confidence(Confidence::Disputed)
    };
    let text = |bytes| Some(Limit::documented(bytes, QUOTAS, OnBreak::Unknown));
    PublishLimits {
        maximum_qos: Some(
            Limit::documented(1, FEATURES, OnBreak::Unknown).on_break_v3(OnBreak::Disconnects),
        ),
        retain_available: Some(Limit::documented(
            true,
            "Microsoft, MQTT Retain in Azure Event Grid, 2025: messages up to 64 KB; before, the \
             flag closed the connection",
            OnBreak::Unknown,
        )),
        publish_rate: Some(rate()),
        delivery_rate: Some(rate()),
        receive_maximum: Some(Limit::documented(1000, QUOTAS, OnBreak::Unknown)),
        maximum_topic_length: text(256),
        maximum_topic_levels: text(8),
        topic_alias_maximum: Some(Limit::documented(10, FEATURES, OnBreak::Unknown)),
        user_properties_size: Some(Limit::documented(32 * 1024, QUOTAS, OnBreak::Unknown)),
        correlation_data_size: Some(Limit::documented(256, QUOTAS, OnBreak::Unknown)),
        response_topic_length: text(256),
        content_type_length: text(256),
        ..PublishLimits::default()
    }
}

fn subscribe() -> SubscribeLimits {
    SubscribeLimits {
        filters_per_subscribe: Some(Limit::documented(10, QUOTAS, OnBreak::Unknown)),
        subscriptions_per_connection: Some(Limit::documented(50, QUOTAS, OnBreak::Unknown)),
        subscribe_packet_rate: Some(Limit::documented(
            Rate::per_second(5),
            QUOTAS,
            OnBreak::Unknown,
        )),
        identifiers_available: Some(Limit::documented(false, FEATURES, OnBreak::Unknown)),
        shared_available: Some(Limit::documented(false, FEATURES, OnBreak::Unknown)),
        ..SubscribeLimits::default()
    }
}
