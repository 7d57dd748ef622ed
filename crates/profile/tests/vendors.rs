//! The profiles of the vendors hold what their pages say: the numbers that
//! differ from vendor to vendor, in one table.

use core::time::Duration;

use evenkeel_profile::{KeepAliveRange, LimitInfo, OnBreak, Profile, Rate, TopicPattern};

/// The limits of a profile as people read them.
fn texts(name: &str) -> Vec<(String, String)> {
    let profile = Profile::built_in(name).expect(name);
    let text = |limit: &LimitInfo<'_>| (limit.name.to_owned(), limit.text());
    profile.limits().iter().map(text).collect()
}

#[test]
fn numbers_are_those_of_the_vendors_pages() {
    for (name, limits) in [
        (
            "azure-iot-hub",
            &[
                ("versions", "3.1.1"),
                ("keep_alive", "1 to 1177 s, 0: 1177 s"),
                ("keep_alive_grace", "150 %, at most 1,767 s"),
                ("authentication", "sas-token, certificate"),
                ("maximum_qos", "1"),
                ("retain_available", "no"),
                ("maximum_payload_size", "262,144 B"),
                ("subscriptions_per_connection", "5 subscriptions"),
            ][..],
        ),
        (
            "azure-event-grid",
            &[
                ("keep_alive", "1 to 1160 s, 0: 1160 s"),
                ("account_connect_rate", "200 connects per s"),
                ("maximum_session_expiry", "8 h"),
                ("maximum_packet_size", "524,288 B"),
                ("byte_rate", "1,000,000 B per s"),
                ("publish_rate", "100 messages per s"),
                ("receive_maximum", "1,000 messages"),
                ("maximum_topic_length", "256 B"),
                ("maximum_topic_levels", "8 levels"),
                ("topic_alias_maximum", "10"),
                ("user_properties_size", "32,768 B"),
                ("correlation_data_size", "256 B"),
                ("filters_per_subscribe", "10 filters"),
                ("subscriptions_per_connection", "50 subscriptions"),
                ("subscribe_packet_rate", "5 packets per s"),
                ("identifiers_available", "no"),
            ],
        ),
        (
            "emqx-serverless",
            &[
                ("client_id_length", "0 to 1,024 B"),
                ("maximum_session_expiry", "2 h"),
                ("maximum_packet_size", "1,048,576 B"),
                ("publish_rate", "10 messages per s"),
                ("maximum_topic_levels", "10 levels"),
                ("subscriptions_per_connection", "10 subscriptions"),
            ],
        ),
        (
            "tencent-iot-hub",
            &[
                ("keep_alive", "1 to 900 s, 0: off"),
                ("connect_floor", "5 s"),
                ("maximum_payload_size", "16,384 B"),
                ("publish_rate", "30 messages per s"),
                ("delivery_rate", "50 messages per s"),
                ("maximum_topic_levels", "11 levels"),
                ("filters_per_subscribe", "1 filters"),
            ],
        ),
        (
            "tencent-iot-hub-cn",
            &[
                ("keep_alive", "60 to 850 s, 0: 850 s"),
                ("connect_floor", "5 s"),
                ("publish_rate", "20 messages per s"),
                ("maximum_topic_levels", "7 levels"),
                ("subscriptions_per_connection", "100 subscriptions"),
            ],
        ),
        (
            "huawei-iotda",
            &[
                ("versions", "3.1, 3.1.1, 5"),
                ("keep_alive", "30 to 1200 s, 0: 1200 s"),
                ("byte_rate", "125,000 B per s"),
                ("will_available", "no"),
                ("maximum_qos", "1"),
                ("maximum_payload_size", "1,048,576 B"),
                ("publish_rate", "50 messages per s"),
                ("maximum_topic_length", "128 B"),
                ("subscriptions_per_connection", "50 subscriptions"),
            ],
        ),
        (
            "alibaba-iot-platform",
            &[
                ("keep_alive", "30 to 1200 s, 0: 1200 s"),
                ("maximum_qos", "1"),
                ("will_available", "no"),
            ],
        ),
        (
            "alibaba-apsaramq",
            &[
                ("keep_alive", "1 to 480 s, 0: 480 s"),
                ("client_id_length", "1 to 64 B"),
                ("maximum_payload_size", "65,536 B"),
                ("publish_rate", "20 messages per s"),
                ("maximum_message_expiry", "3 days"),
                ("subscriptions_per_connection", "30 subscriptions"),
            ],
        ),
        (
            "baidu-iot-core",
            &[
                ("keep_alive", "30 to 1200 s, 0: 1200 s"),
                ("byte_rate", "524,288 B per s"),
                ("publish_rate", "10 messages per s"),
                ("maximum_payload_size", "32,768 B"),
                ("maximum_topic_length", "255 B"),
                ("maximum_topic_levels", "16 levels"),
                ("filters_per_subscribe", "8 filters"),
                ("subscriptions_per_connection", "100 subscriptions"),
                ("subscribe_packet_rate", "10 packets per s"),
            ],
        ),
        (
            "naver-iot-core",
            &[
                ("keep_alive", "1 to 1800 s, 0: 1800 s"),
                ("keep_alive_grace", "300 %"),
                ("client_id_length", "0 to 128 B"),
                ("maximum_qos", "1"),
            ],
        ),
        (
            "losant",
            &[
                ("ban", "30 s, later up to 1 h"),
                ("account_connect_rate", "300 connects per 15 s"),
                ("publish_rate", "300 messages per 15 s"),
                ("publish_rate_per_topic", "30 messages per 15 s"),
                ("maximum_payload_size", "262,144 B"),
            ],
        ),
        (
            "adafruit-io",
            &[
                ("connect_floor", "10 s"),
                ("maximum_qos", "1"),
                ("publish_rate", "30 messages per min"),
            ],
        ),
        (
            "thingsboard-cloud",
            &[
                ("keep_alive_grace", "150 %, at most 10 min"),
                (
                    "publish_rates",
                    "100 messages per s, 2,000 messages per min, 15,000 messages per h",
                ),
            ],
        ),
        (
            "google-like",
            &[
                ("keep_alive", "1 to 1200 s, 0: 1200 s"),
                ("maximum_qos", "1"),
                ("maximum_payload_size", "262,144 B"),
            ],
        ),
    ] {
        let texts = texts(name);
        for (limit, text) in limits {
            let found = texts.iter().find(|(name, _)| name == limit);
            let found = found.unwrap_or_else(|| panic!("{name} has no {limit}"));
            assert_eq!(found.1, *text, "{name}, {limit}");
        }
    }
}

/// Refused, not clamped: the client has to keep to the range by itself.
#[test]
fn some_brokers_refuse_a_keep_alive_out_of_range() {
    for name in ["tencent-iot-hub", "tencent-iot-hub-cn", "huawei-iotda", "alibaba-iot-platform"] {
        let limit = Profile::built_in(name).unwrap().connection.keep_alive.unwrap();
        assert_eq!(limit.on_break, OnBreak::Refuses, "{name}");
    }
    let zero = |range: KeepAliveRange| range.effective(0);
    let tencent = Profile::built_in("tencent-iot-hub").unwrap();
    assert_eq!(tencent.keep_alive().map(zero), Some(0), "0 is within its range");
}

#[test]
fn a_grace_is_a_share_of_the_keep_alive_up_to_a_bound() {
    let grace = |name: &str, seconds| {
        let grace = Profile::built_in(name).unwrap().keep_alive_grace().unwrap();
        grace.of(Duration::from_secs(seconds)).as_secs()
    };
    assert_eq!([1177, 1178, 1179].map(|s| grace("azure-iot-hub", s)), [1765, 1767, 1767]);
    assert_eq!(grace("naver-iot-core", 60), 180);
}

#[test]
fn the_topics_of_azure_iot_hub_are_fixed() {
    let hub = Profile::built_in("azure-iot-hub").unwrap();
    let topics = hub.publish.publish_topics.unwrap().value.0;
    let publishes = |topic: &str| topics.iter().any(|pattern| pattern.allows(topic, "pump-7"));
    for (topic, allowed) in [
        ("devices/pump-7/messages/events/", true),
        ("devices/pump-7/messages/events/$.ct=text", true),
        ("devices/pump-8/messages/events/", false),
        ("devices/pump-7/messages", false),
        ("devices/pump-7/modules/m/messages/events/", true),
        ("$iothub/twin/GET/?$rid=1", true),
        ("site/7/level", false),
    ] {
        assert_eq!(publishes(topic), allowed, "{topic}");
    }
    let filters = hub.subscribe.filters.unwrap().value.0;
    let subscribes = |filter: &str| filters.iter().any(|pattern| pattern.allows(filter, "pump-7"));
    for (filter, allowed) in [
        ("devices/pump-7/messages/devicebound/#", true),
        ("devices/pump-8/messages/devicebound/#", false),
        ("devices/+/messages/devicebound/#", false),
        ("$iothub/methods/POST/#", true),
        ("#", false),
    ] {
        assert_eq!(subscribes(filter), allowed, "{filter}");
    }
}

#[test]
fn patterns_end_where_topics_end() {
    let pattern = TopicPattern("a/+".into());
    for (topic, allowed) in
        [("a/b", true), ("a/+", true), ("a/#", false), ("a", false), ("a/b/c", false)]
    {
        assert_eq!(pattern.allows(topic, "id"), allowed, "{topic}");
    }
}

/// What nobody has a source for is not in here, so that nothing made up is obeyed.
#[test]
fn vendors_have_no_limits_beyond_their_pages() {
    let names =
        |name: &str| -> Vec<String> { texts(name).into_iter().map(|(limit, _)| limit).collect() };
    assert!(!names("alibaba-iot-platform").contains(&"publish_rate".to_owned()));
    assert!(!names("google-like").contains(&"publish_rate".to_owned()));
    assert!(!names("tencent-iot-hub-cn").contains(&"filters_per_subscribe".to_owned()));
    let losant = Profile::built_in("losant").unwrap();
    assert_eq!((losant.keep_alive(), losant.maximum_qos()), (None, None));
    let window = Duration::from_secs(15);
    assert_eq!(losant.publish_rate_per_topic(), Some(Rate { amount: 30, period: window }));
}
