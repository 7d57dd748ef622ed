//! The built-in profiles hold the numbers their sources state.

use core::time::Duration;

use evenkeel_profile::{
    BUILT_IN, Confidence, ConnectFloor, KeepAliveRange, LengthRange, Limit, OnBreak, Profile, Rate,
    TopicPrefixes, about, aws_iot_core, aws_iot_core_vpc, standard,
};

/// What a client needs between its own schedule and the broker's grace.
const MARGIN: Duration = Duration::from_secs(5);

fn all() -> Vec<Profile> {
    BUILT_IN.iter().map(|name| Profile::built_in(name).expect(name)).collect()
}

#[test]
fn names_are_those_they_are_found_by() {
    for (name, profile) in BUILT_IN.iter().zip(all()) {
        assert_eq!(*name, profile.name);
    }
    assert_eq!(Profile::built_in("aws"), None);
    assert!(BUILT_IN.iter().all(|name| about(name).is_some()));
    assert_eq!(about("none"), None);
}

#[test]
fn every_profile_is_consistent() {
    for profile in all() {
        assert_eq!(profile.check(), Ok(()), "{}", profile.name);
    }
}

#[test]
fn every_limit_names_its_source() {
    for profile in all() {
        let limits = profile.limits();
        assert!(limits.len() >= 3, "{} lists only {} limits", profile.name, limits.len());
        for limit in limits {
            assert!(limit.source.len() > 20, "{}: {limit:?}", profile.name);
            assert_ne!(limit.confidence, Confidence::Unconfirmed, "{}: {limit:?}", profile.name);
        }
    }
}

/// K8: the smallest keep-alive leaves room for pings at the required spacing.
#[test]
fn ping_spacing_fits_into_the_smallest_grace() {
    for profile in all() {
        let Some(spacing) = profile.min_ping_spacing() else { continue };
        let smallest = profile.keep_alive().expect("a spacing needs a keep-alive range").minimum;
        let grace = Duration::from_secs(smallest.into()) * 3 / 2;
        assert!(spacing + MARGIN < grace, "{}: {spacing:?} against {grace:?}", profile.name);
    }
}

fn value<T: Clone>(limit: &Option<Limit<T>>) -> Option<T> {
    limit.as_ref().map(|limit| limit.value.clone())
}

#[test]
fn aws_connections() {
    let aws = aws_iot_core();
    assert_eq!(
        aws.keep_alive(),
        Some(KeepAliveRange { minimum: 30, maximum: 1200, zero_means: 1200 })
    );
    assert_eq!(aws.min_ping_spacing(), Some(Duration::from_millis(30_500)));
    assert_eq!(
        aws.connect_floor(),
        Some(ConnectFloor {
            spacing: Duration::from_secs(1),
            spacing_after_short: Duration::from_secs(11),
            short: Duration::from_secs(30),
        })
    );
    let twelve = Rate { amount: 12, period: Duration::from_secs(300) };
    assert_eq!(aws.expected_connects(), Some(twelve));
    assert_eq!(aws.client_id_length(), Some(LengthRange { minimum: 1, maximum: 128 }));
    assert_eq!(aws.maximum_packet_size(), None, "before MQTT 5 the payload alone is bounded");
    assert_eq!(aws.maximum_packet_size_v5(), Some(146 * 1024));
    assert_eq!(aws.byte_rate(), Some(Rate::per_second(512 * 1024)));
    let connection = &aws.connection;
    assert_eq!(value(&connection.account_connect_rate), Some(Rate::per_second(500)));
    assert_eq!(value(&connection.client_id_reserved_prefix).as_deref(), Some("$"));
    assert_eq!(value(&connection.assigned_client_id_reusable), Some(false));
    assert_eq!(value(&connection.enhanced_authentication_available), Some(false));
    let days = |n: u64| Duration::from_secs(n * 24 * 60 * 60);
    assert_eq!(value(&connection.maximum_session_expiry), Some(days(7)));
    assert_eq!(value(&connection.maximum_connection_age), Some(days(1)));
}

#[test]
fn aws_messages() {
    let aws = aws_iot_core();
    assert_eq!(aws.maximum_qos(), Some(1));
    assert_eq!(aws.publish_rate(), Some(Rate::per_second(100)));
    assert_eq!(aws.receive_maximum(), Some(100));
    assert_eq!(aws.maximum_payload_size(), Some(128 * 1024));
    assert_eq!(aws.topic_alias_maximum(), Some(8));
    let publish = &aws.publish;
    assert_eq!(value(&publish.delivery_rate), Some(Rate::per_second(100)));
    assert_eq!(value(&publish.replay_rate), Some(Rate::per_second(10)));
    assert_eq!(value(&publish.delivery_receive_maximum), Some(100));
    assert_eq!(value(&publish.maximum_topic_length), Some(256));
    assert_eq!(value(&publish.maximum_topic_levels), Some(8), "seven slashes");
    assert_eq!(value(&publish.retain_available), Some(true));
    assert_eq!(value(&publish.maximum_message_expiry), Some(Duration::from_secs(604_800)));
}

#[test]
fn aws_subscriptions() {
    let aws = aws_iot_core();
    assert_eq!(aws.max_subscribe_filters(), Some(8));
    assert_eq!(aws.max_unsubscribe_filters(), Some(8));
    assert_eq!(aws.max_subscriptions(), Some(50));
    assert_eq!(aws.subscribe_rate(), Some(Rate::per_second(500)));
    let subscribe = &aws.subscribe;
    assert_eq!(value(&subscribe.identifiers_available), Some(false));
    assert_eq!(value(&subscribe.wildcards_available), Some(true));
    assert_eq!(value(&subscribe.shared_available), Some(true));
    assert_eq!(value(&subscribe.retained_on_wildcard), Some(false));
    assert_eq!(value(&subscribe.hash_matches_parent), Some(false));
    assert_eq!(value(&subscribe.maximum_share_name_length), Some(128));
}

#[test]
fn aws_says_what_it_does_to_those_who_break_its_limits() {
    let aws = aws_iot_core();
    let rate = aws.publish.publish_rate.expect("a publish rate");
    assert_eq!(rate.on_break, OnBreak::Rejects(0x97));
    assert_eq!(rate.on_break_before_v5(), OnBreak::Ignores, "no PUBACK before MQTT 5");
    let filters = aws.subscribe.filters_per_subscribe.expect("a number of filters");
    assert_eq!(filters.on_break, OnBreak::Disconnects);
    assert_eq!(filters.on_break_before_v5(), OnBreak::Disconnects);
    let packet = aws.connection.maximum_packet_size_v5.expect("a packet size");
    assert_eq!(packet.confidence, Confidence::Observed);
    let spacing = aws.connection.min_ping_spacing.expect("a ping spacing");
    assert_eq!((spacing.confidence, spacing.on_break), (Confidence::Observed, OnBreak::Ignores));
}

#[test]
fn aws_vpc_differs_in_keep_alive_only() {
    let (public, mut vpc) = (aws_iot_core(), aws_iot_core_vpc());
    assert_eq!(
        vpc.keep_alive(),
        Some(KeepAliveRange { minimum: 30, maximum: 230, zero_means: 230 })
    );

    vpc.name = public.name.clone();
    vpc.connection.keep_alive = public.connection.keep_alive.clone();
    assert_eq!(vpc, public);
}

#[test]
fn standard_has_the_limits_of_the_wire_format() {
    let standard = standard();
    assert_eq!(
        standard.keep_alive(),
        Some(KeepAliveRange { minimum: 1, maximum: 65_535, zero_means: 0 })
    );
    assert_eq!(standard.maximum_packet_size(), Some(268_435_455 + 5));
    assert_eq!(standard.maximum_qos(), Some(2));
    assert_eq!(standard.receive_maximum(), Some(65_535));
    assert_eq!(standard.min_ping_spacing(), None);
    assert_eq!(standard.connect_floor(), None);
    assert_eq!(standard.max_subscribe_filters(), None);
    assert_eq!(standard.publish_rate(), None);
    assert_eq!(standard.subscribe_rate(), None);
}

#[test]
fn keep_alive_is_clamped_at_both_ends_and_zero_has_its_own_meaning() {
    let aws = aws_iot_core().keep_alive().expect("a range");
    for (requested, effective) in
        [(0, 1200), (1, 30), (29, 30), (30, 30), (31, 31), (1200, 1200), (1201, 1200)]
    {
        assert_eq!(aws.effective(requested), effective, "asked for {requested}");
        assert_eq!(aws.allows(requested), requested == effective, "asked for {requested}");
    }
    let standard = standard().keep_alive().expect("a range");
    for requested in [0, 1, u16::MAX] {
        assert!(standard.allows(requested), "{requested}");
    }
}

#[test]
fn lengths_are_allowed_up_to_both_bounds() {
    let id = aws_iot_core().client_id_length().expect("a length");
    assert_eq!([0, 1, 128, 129].map(|len| id.allows(len)), [false, true, true, false]);
}

#[test]
fn basic_ingest_and_share_prefixes_are_not_counted() {
    let prefixes: TopicPrefixes =
        aws_iot_core().publish.uncounted_topic_prefixes.expect("prefixes").value;
    for (topic, counted) in [
        ("$aws/rules/store/a/b", "a/b"),
        ("$share/group/a/+/#", "a/+/#"),
        ("$aws/rules/store/", ""),
        ("$aws/rules/store", "$aws/rules/store"),
        ("$aws/things/a/shadow", "$aws/things/a/shadow"),
        ("a/$share/b/c", "a/$share/b/c"),
        ("", ""),
    ] {
        assert_eq!(prefixes.counted(topic), counted);
    }
}
