//! The profile of AWS IoT Core.

use alloc::borrow::Cow;
use core::time::Duration;

use crate::{
    AuthenticationKind, Confidence, ConnectFloor, ConnectionLimits, KeepAliveGrace, KeepAliveRange,
    LengthRange, Limit, List, OnBreak, Profile, ProtocolVersion, PublishLimits, Rate,
    SubscribeLimits, TopicPrefixes,
};

const QUOTAS: &str = "AWS IoT Core message broker and protocol limits, page of about 2020";
const MQTT_GUIDE: &str = "AWS IoT developer guide, page MQTT, 2025/26";

/// AWS IoT Core's message broker, reached over the public endpoint.
///
/// Amazon no longer publishes some of these numbers and contradicts itself in
/// others; if sources differ the careful value is taken and the limit says
/// so. Real accounts can have raised quotas: load a profile of your own then.
pub fn aws_iot_core() -> Profile {
    Profile {
        name: Cow::Borrowed("aws-iot-core"),
        revised: Cow::Borrowed("2026-11"),
        connection: connection(),
        publish: publish(),
        subscribe: subscribe(),
    }
}

/// AWS IoT Core reached through a VPC endpoint (PrivateLink), which cuts
/// keep-alive to 230 s without telling clients of MQTT 3.1.1.
pub fn aws_iot_core_vpc() -> Profile {
    let public = aws_iot_core();
    Profile {
        name: Cow::Borrowed("aws-iot-core-vpc"),
        connection: ConnectionLimits {
            keep_alive: Some(Limit::documented(
                KeepAliveRange { minimum: 30, maximum: 230, zero_means: 230 },
                "AWS IoT developer guide, VPC endpoints, 2023: longer keep-alive is cut to 230 s",
                OnBreak::Clamps,
            )),
            ..public.connection
        },
        ..public
    }
}

fn connection() -> ConnectionLimits {
    ConnectionLimits {
        keep_alive: Some(Limit::documented(
            KeepAliveRange { minimum: 30, maximum: 1200, zero_means: 1200 },
            QUOTAS,
            OnBreak::Clamps,
        )),
        keep_alive_grace: Some(Limit::documented(
            KeepAliveGrace { percent: 150, longest: None },
            QUOTAS,
            OnBreak::DisconnectsWith(0x8D),
        )),
        min_ping_spacing: Some(min_ping_spacing()),
        connect_floor: Some(connect_floor()),
        expected_connects: Some(Limit::documented(
            Rate { amount: 12, period: Duration::from_secs(300) },
            "AWS IoT Core Device Advisor, MQTT_Connect_Jitter_Backoff_Retries: twice five CONNECTs \
             without answer and one with, within the 300 s of EXECUTION_TIMEOUT",
            OnBreak::Unknown,
        )),
        account_connect_rate: Some(
            Limit::documented(Rate::per_second(500), QUOTAS, OnBreak::Rejects(0x97))
                .on_break_v3(OnBreak::Disconnects),
        ),
        client_id_length: Some(
            Limit::documented(
                LengthRange { minimum: 1, maximum: 128 },
                QUOTAS,
                OnBreak::Rejects(0x85),
            )
            .on_break_v3(OnBreak::Disconnects),
        ),
        client_id_reserved_prefix: Some(Limit::documented(
            Cow::Borrowed("$"),
            QUOTAS,
            OnBreak::Rejects(0x85),
        )),
        assigned_client_id_reusable: Some(
            Limit::documented(
                false,
                "aws-c-mqtt mqtt5_options_storage.c: a $GEN/ identifier cannot reconnect",
                OnBreak::Rejects(0x85),
            )
            .confidence(Confidence::Observed),
        ),
        maximum_session_expiry: Some(Limit::documented(
            Duration::from_secs(604_800),
            "AWS IoT developer guide, page MQTT, 2025/26: 7 days; an account's default is 1 hour",
            OnBreak::Clamps,
        )),
        maximum_connection_age: Some(Limit::documented(
            Duration::from_secs(86_400),
            "AWS IoT limits page of about 2020: WebSocket connections signed with SigV4",
            OnBreak::Disconnects,
        )),
        byte_rate: Some(Limit::documented(
            Rate::per_second(512 * 1024),
            QUOTAS,
            OnBreak::Throttles,
        )),
        ..capabilities()
    }
}

/// What the broker can, and how large packets are.
fn capabilities() -> ConnectionLimits {
    ConnectionLimits {
        versions: Some(Limit::documented(
            List(Cow::Borrowed(&[ProtocolVersion::V311, ProtocolVersion::V5])),
            "AWS IoT developer guide, page MQTT: a session of one version is unknown to the other",
            OnBreak::Unknown,
        )),
        maximum_packet_size_v5: Some(
            Limit::documented(
                149_504,
                "AWS Service Quotas, Maximum MQTT5 packet size (variable header and payload): \
                 146 KB, as an emulator of 2026 quotes it; trust CONNACK. Before MQTT 5 only the \
                 payload has a limit",
                OnBreak::Disconnects,
            )
            .confidence(Confidence::Observed),
        ),
        will_available: Some(Limit::documented(true, MQTT_GUIDE, OnBreak::Unknown)),
        kept_sessions_available: Some(Limit::documented(true, MQTT_GUIDE, OnBreak::Unknown)),
        enhanced_authentication_available: Some(Limit::documented(
            false,
            MQTT_GUIDE,
            OnBreak::Unknown,
        )),
        authentication: Some(Limit::documented(
            List(Cow::Borrowed(&[
                AuthenticationKind::Certificate,
                AuthenticationKind::SignedWebSocket,
                AuthenticationKind::CustomAuthorizer,
            ])),
            "AWS IoT developer guide, Device communication protocols, 2023",
            OnBreak::Refuses,
        )),
        ..ConnectionLimits::default()
    }
}

fn min_ping_spacing() -> Limit<Duration> {
    Limit::documented(
        Duration::from_millis(30_500),
        "AWS IoT Core pricing page of 2020: pings more often than every 30 s may stay unanswered, \
         seen in MQTT.js issue 1845; half a second is our margin",
        OnBreak::Ignores,
    )
    .confidence(Confidence::Observed)
}

fn connect_floor() -> Limit<ConnectFloor> {
    Limit::documented(
        ConnectFloor {
            spacing: Duration::from_secs(1),
            spacing_after_short: Duration::from_secs(11),
            short: Duration::from_secs(30),
        },
        "AWS IoT Core limits page: 1 CONNECT per second and client id; AWS's own Greengrass still \
         met throttling at 0.25/s and keeps to 0.09/s",
        OnBreak::Rejects(0x97),
    )
    .confidence(Confidence::Observed)
    .on_break_v3(OnBreak::Disconnects)
}

fn publish() -> PublishLimits {
    let one_hundred_per_second =
        || Limit::documented(Rate::per_second(100), QUOTAS, OnBreak::Rejects(0x97));
    PublishLimits {
        maximum_qos: Some(
            Limit::documented(1, MQTT_GUIDE, OnBreak::DisconnectsWith(0x9B))
                .on_break_v3(OnBreak::Ignores),
        ),
        retain_available: Some(Limit::documented(true, MQTT_GUIDE, OnBreak::Unknown)),
        maximum_payload_size: Some(Limit::documented(131_072, QUOTAS, OnBreak::Disconnects)),
        publish_rate: Some(one_hundred_per_second().on_break_v3(OnBreak::Ignores)),
        delivery_rate: Some(Limit { on_break: OnBreak::Throttles, ..one_hundred_per_second() }),
        replay_rate: Some(Limit::documented(Rate::per_second(10), MQTT_GUIDE, OnBreak::Throttles)),
        receive_maximum: Some(
            Limit::documented(100, QUOTAS, OnBreak::DisconnectsWith(0x93))
                .on_break_v3(OnBreak::Ignores),
        ),
        delivery_receive_maximum: Some(Limit::documented(100, QUOTAS, OnBreak::Throttles)),
        maximum_topic_length: Some(
            Limit::documented(256, QUOTAS, OnBreak::Rejects(0x90))
                .on_break_v3(OnBreak::Disconnects),
        ),
        maximum_topic_levels: Some(
            Limit::documented(8, QUOTAS, OnBreak::Rejects(0x90)).on_break_v3(OnBreak::Disconnects),
        ),
        uncounted_topic_prefixes: Some(Limit::documented(
            TopicPrefixes(Cow::Borrowed(&[
                Cow::Borrowed("$aws/rules/+/"),
                Cow::Borrowed("$share/+/"),
            ])),
            QUOTAS,
            OnBreak::Unknown,
        )),
        topic_alias_maximum: Some(
            Limit::documented(
                8,
                "AWS IoT developer guide, page MQTT; the value seen in aws-crt-java issue 618",
                OnBreak::DisconnectsWith(0x94),
            )
            .confidence(Confidence::Observed),
        ),
        maximum_message_expiry: Some(Limit::documented(
            Duration::from_secs(604_800),
            MQTT_GUIDE,
            OnBreak::Clamps,
        )),
        ..PublishLimits::default()
    }
}

fn subscribe() -> SubscribeLimits {
    SubscribeLimits {
        filters_per_subscribe: Some(Limit::documented(8, QUOTAS, OnBreak::Disconnects)),
        filters_per_unsubscribe: Some(
            Limit::documented(8, "aws-iot-device-sdk-js issue 361: no UNSUBACK", OnBreak::Ignores)
                .confidence(Confidence::Observed),
        ),
        subscriptions_per_connection: Some(
            Limit::documented(
                50,
                "AWS General Reference, IoT Core quotas, 2021; reports of the 51st differ: closed, \
                 refused in SUBACK, or granted and silent",
                OnBreak::Rejects(0x97),
            )
            .confidence(Confidence::Disputed)
            .on_break_v3(OnBreak::Disconnects),
        ),
        account_subscribe_rate: Some(
            Limit::documented(Rate::per_second(500), QUOTAS, OnBreak::Rejects(0x97))
                .on_break_v3(OnBreak::Rejects(0x80)),
        ),
        wildcards_available: Some(Limit::documented(true, MQTT_GUIDE, OnBreak::Unknown)),
        identifiers_available: Some(Limit::documented(
            false,
            MQTT_GUIDE,
            OnBreak::DisconnectsWith(0xA1),
        )),
        shared_available: Some(Limit::documented(true, MQTT_GUIDE, OnBreak::Unknown)),
        maximum_share_name_length: Some(Limit::documented(128, MQTT_GUIDE, OnBreak::Rejects(0x8F))),
        retained_on_wildcard: Some(Limit::documented(false, MQTT_GUIDE, OnBreak::Unknown)),
        hash_matches_parent: Some(Limit::documented(false, MQTT_GUIDE, OnBreak::Unknown)),
        ..SubscribeLimits::default()
    }
}
