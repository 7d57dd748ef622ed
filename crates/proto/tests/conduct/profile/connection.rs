//! The limits of connections.

use bytes::Bytes;
use evenkeel_proto::codec::{Packet, Properties, Property, PropertyId, ReasonCode, Version};
use evenkeel_proto::profile::aws_iot_core;
use evenkeel_proto::{AckError, Client, Config, ConfigError, Credentials, Instant, SetBy};

use super::{obeyed, obeying, profile, refused};
use crate::support::*;

fn named(version: Version, client_id: &str) -> Config {
    let mut config = config(version);
    config.connect.client_id = text(client_id);
    config
}

/// Settings with this change, and the limit that they break.
fn limit_of(version: Version, limits: &str, change: impl Fn(&mut Config)) -> Option<&'static str> {
    let mut config = config(version);
    change(&mut config);
    match config.obey(&profile(limits)) {
        Err(ConfigError::Profile(broken)) => Some(broken.limit),
        Err(other) => panic!("{other}"),
        Ok(()) => refused(&config).map(|broken| broken.limit),
    }
}

#[test]
fn the_version_is_one_that_the_broker_speaks() {
    let first = |limits: &str| {
        let mut settings = config(Version::V5);
        settings.fallback = true;
        Rig::started(obeyed(settings, limits)).accept().version
    };
    assert_eq!(first("connection.versions.value = ['3.1.1']\n"), Version::V311);
    assert_eq!(first("connection.versions.value = ['3.1', '3.1.1']\n"), Version::V311);
    assert_eq!(first("connection.versions.value = ['3.1', '3.1.1', '5']\n"), Version::V5);
    for (version, spoken, limit) in [
        (Version::V5, "5", None),
        (Version::V5, "3.1.1", Some("versions")),
        (Version::V311, "3.1.1", None),
        (Version::V311, "5", Some("versions")),
    ] {
        let limits = format!("connection.versions.value = ['{spoken}']\n");
        assert_eq!(limit_of(version, &limits, |_| {}), limit, "{version:?} of {spoken}");
    }
}

/// Sessions of one version need not be known to another: the client stays with one.
#[test]
fn no_other_version_is_tried_with_a_profile_that_names_them() {
    for (limits, second) in
        [("", Version::V311), ("connection.versions.value = ['3.1.1', '5']\n", Version::V5)]
    {
        let mut settings = lasting(Version::V5);
        settings.fallback = true;
        let mut rig = Rig::started(obeyed(settings, limits));
        assert_eq!(rig.accept().version, Version::V5);
        rig.cut();
        rig.await_open();
        assert_eq!(rig.accept().version, second, "after a close without a word");
    }
}

#[test]
fn keep_alive_is_within_the_range() {
    let limits = "connection.keep_alive.value = { minimum = 30, maximum = 90, zero_means = 77 }\n";
    each_version(|version| {
        for (seconds, limit) in
            [(29, Some("keep_alive")), (30, None), (90, None), (91, Some("keep_alive")), (0, None)]
        {
            let broken = limit_of(version, limits, |it| it.connect.keep_alive = seconds);
            assert_eq!(broken, limit, "{seconds} s");
        }
        let mut rig = Rig::started(obeyed(quiet(config(version)), limits));
        assert_eq!(rig.accept_with(&accepted()).keep_alive, 77);
        assert_eq!(rig.client.limits().unwrap().keep_alive.set_by, SetBy::Profile);
        let mut connect = rig.client.connect_config();
        connect.keep_alive = 29;
        let refused = rig.client.set_connect(connect);
        assert!(
            matches!(refused, Err(ConfigError::Profile(broken)) if broken.limit == "keep_alive")
        );
    });
}

/// A broker that waits for less than 1.5 keep-alives is pinged as much more often;
/// what CONNECT says stays.
#[test]
fn pings_keep_within_a_shorter_grace() {
    for (grace, longest, set_by) in [
        ("{ percent = 150 }", 60, SetBy::Client),
        ("{ percent = 300 }", 60, SetBy::Client),
        ("{ percent = 100 }", 40, SetBy::Profile),
        ("{ percent = 150, longest = 30 }", 20, SetBy::Profile),
    ] {
        each_version(|version| {
            let limits = format!("connection.keep_alive_grace.value = {grace}\n");
            let mut rig = Rig::started(obeying(version, &limits));
            assert_eq!(rig.accept_with(&accepted()).keep_alive, 60);
            let in_force = rig.client.limits().unwrap().keep_alive;
            assert_eq!((in_force.value, in_force.set_by), (secs(longest), set_by));
            let begin = rig.now;
            rig.advance(secs(longest) * 85 / 100);
            let first = *rig.pings().first().expect("a ping within 0.85 of it");
            assert!(first.since(begin) >= secs(longest) * 67 / 100, "and no sooner than is due");
        });
    }
    let limits = "connection.keep_alive_grace.value = { percent = 100 }\n\
                  connection.min_ping_spacing.value = 60\n";
    assert_eq!(limit_of(Version::V5, limits, |_| {}), Some("keep_alive_grace"));
    let longer = |it: &mut Config| it.connect.keep_alive = 61;
    assert_eq!(limit_of(Version::V5, limits, longer), None);
}

#[test]
fn client_identifiers_are_as_the_broker_wants_them() {
    let limits = "connection.client_id_length.value = { minimum = 2, maximum = 4 }\n\
                  connection.client_id_reserved_prefix.value = '$'\n";
    each_version(|version| {
        for (client_id, limit) in [
            ("a", Some("client_id_length")),
            ("ab", None),
            ("abcd", None),
            ("abcde", Some("client_id_length")),
            ("$abc", Some("client_id_reserved_prefix")),
            ("a$bc", None),
        ] {
            let broken = refused(&obeyed(named(version, client_id), limits));
            assert_eq!(broken.map(|broken| broken.limit), limit, "{client_id}");
            // Clients that share a configuration are held to it one by one.
            let shared = obeying(version, limits);
            let own = Client::named(shared, text(client_id), 7, Instant::from_micros(0));
            assert_eq!(own.is_err(), limit.is_some(), "{client_id}");
        }
    });
}

#[test]
fn an_own_uuid_stands_in_for_an_assigned_identifier_that_cannot_come_back() {
    let limits = "connection.assigned_client_id_reusable.value = false\n";
    each_version(|version| {
        let name = |seed| {
            let mut rig = Rig::seeded(obeyed(named(version, ""), limits), seed);
            rig.client.start(rig.now);
            rig.settle();
            let first = rig.accept_with(&accepted()).client_id;
            assert_eq!(rig.reconnect_with(&accepted()).client_id, first, "it stays");
            first.as_str().to_owned()
        };
        let uuid = name(1);
        let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{uuid}");
        assert!(uuid.chars().all(|it| it == '-' || it.is_ascii_hexdigit()), "{uuid}");
        assert_eq!((&uuid[14..15], "89ab".contains(&uuid[19..20])), ("4", true), "{uuid}");
        assert_eq!(name(1), uuid, "by the seed");
        assert_ne!(name(2), uuid);
        let mut named = Rig::started(obeying(version, limits));
        assert_eq!(named.accept().client_id, "boat", "a name that was given is kept");
    });
    let mut asks = Rig::started(named(Version::V5, ""));
    assert_eq!(asks.accept().client_id, "", "without the profile the server is asked");
}

/// The identifier of a durable session is the same after a restart.
#[test]
fn an_own_uuid_outlives_the_process() {
    let limits = "connection.assigned_client_id_reusable.value = false\n";
    let mut settings = lasting(Version::V5);
    settings.connect.client_id = text("");
    let mut rig = Rig::durable(obeyed(settings, limits));
    rig.client.start(rig.now);
    rig.settle();
    let first = rig.accept_with(&accepted()).client_id;
    assert_eq!(first.len(), 36);
    assert_eq!(rig.restart_with(&resumed()).client_id, first);
}

#[test]
fn a_kept_session_is_refused_where_there_are_none() {
    let limits = "connection.kept_sessions_available.value = false\n";
    let refusal = Some("kept_sessions_available");
    for (version, clean_start, expiry, limit) in [
        (Version::V5, true, 0, None),
        (Version::V5, false, 0, None),
        (Version::V5, true, 1, refusal),
        (Version::V311, true, 0, None),
        (Version::V311, false, 0, refusal),
        (Version::V311, true, 1, refusal),
    ] {
        let broken = limit_of(version, limits, |it| {
            (it.connect.clean_start, it.connect.session_expiry) = (clean_start, expiry);
        });
        assert_eq!(broken, limit, "{version:?} {clean_start} {expiry}");
    }
}

#[test]
fn session_expiry_is_clamped() {
    let limits = "connection.maximum_session_expiry.value = 100\n";
    for (asked, expected) in [(99, 99), (100, 100), (101, 100), (u32::MAX, 100)] {
        let mut settings = lasting(Version::V5);
        settings.connect.session_expiry = asked;
        let mut rig = Rig::started(obeyed(settings, limits));
        let connect = rig.accept_with(&accepted());
        assert_eq!(connect.properties.session_expiry_interval(), Some(expected));
        assert_eq!(rig.client.limits().unwrap().session_expiry.value, expected);
    }
    let with = |seconds: u32| {
        move |it: &mut Config| {
            it.connect.session_expiry = 50;
            it.disconnect_properties.push(Property::SessionExpiryInterval(seconds));
        }
    };
    assert_eq!(limit_of(Version::V5, limits, with(100)), None);
    assert_eq!(limit_of(Version::V5, limits, with(101)), Some("maximum_session_expiry"));
}

#[test]
fn the_size_of_connect_is_bounded_with_all_that_it_holds() {
    each_version(|version| {
        let bare = config(version);
        let mut rig = Rig::started(bare);
        let connect = Packet::Connect(rig.accept());
        let size = connect.encoded_len(version).unwrap();
        for (most, limit) in [(size, None), (size - 1, Some("maximum_packet_size"))] {
            let limits = format!("connection.maximum_packet_size.value = {most}\n");
            assert_eq!(limit_of(version, &limits, |_| {}), limit);
        }
        // What a hook says is known only later: then nothing is sent.
        let limits = format!("connection.maximum_packet_size.value = {}\n", size + 20);
        for (password, goes_out) in [(10, true), (20, false)] {
            let mut rig = Rig::started(obeying(version, &limits));
            let conn = rig.conn();
            let credentials = Credentials {
                username: Some(text("user")),
                password: Some(Bytes::from(vec![b'x'; password])),
            };
            rig.client.handle(rig.now, evenkeel_proto::Input::Opened(conn, Some(credentials)));
            rig.settle();
            assert_eq!(!rig.wire.is_empty(), goes_out, "{password}");
        }
    });
}

#[test]
fn authentication_and_properties_that_the_broker_lacks_are_refused() {
    let limits = "connection.enhanced_authentication_available.value = false\n\
                  connection.forbidden_properties.value = [\
                  'connect user-property', 'disconnect reason-string', 'puback user-property']\n";
    let user = || Property::UserProperty(text("a"), text("b"));
    let changes: [(fn(&mut Config), _); 5] = [
        (|_| {}, None),
        (
            |it| it.connect.authentication = Some((text("SCRAM"), Bytes::new())),
            Some("enhanced_authentication_available"),
        ),
        (
            |it| it.connect.properties.push(Property::UserProperty(text("a"), text("b"))),
            Some("forbidden_properties"),
        ),
        (
            |it| it.disconnect_properties.push(Property::ReasonString(text("bye"))),
            Some("forbidden_properties"),
        ),
        (|it| it.disconnect_properties.push(Property::UserProperty(text("a"), text("b"))), None),
    ];
    for (change, limit) in changes {
        assert_eq!(limit_of(Version::V5, limits, change), limit);
    }
    let mut rig = Rig::online(obeying(Version::V5, limits));
    for (qos, is_refused) in [(AtLeastOnce, true), (ExactlyOnce, false)] {
        rig.send(&Packet::Publish(delivery("a", qos, 5)));
        let key = rig.message().ack.unwrap();
        let properties = Properties::new().with(user());
        let said = rig.client.acknowledge_with(rig.now, key, ReasonCode::SUCCESS, properties);
        match said {
            Err(AckError::Profile(broken)) if is_refused => {
                assert_eq!(broken.limit, "forbidden_properties");
                rig.expect_nothing();
                rig.acknowledge(key, ReasonCode::SUCCESS);
            }
            other => assert_eq!((other, is_refused), (Ok(()), false)),
        }
        rig.settle();
        rig.expect();
    }
}

/// What the client would say by itself is left out.
#[test]
fn own_properties_that_are_forbidden_are_left_out() {
    let limits = "connection.forbidden_properties.value = ['connect topic-alias-maximum']\n";
    let mut rig = Rig::started(obeying(Version::V5, limits));
    let connect = rig.accept();
    assert_eq!(connect.properties.topic_alias_maximum(), None);
    assert_eq!(connect.properties.receive_maximum(), Some(1024));
}

#[test]
fn our_receive_maximum_is_clamped() {
    for (limit, expected) in [(100, 100), (1024, 1024), (2000, 1024)] {
        let limits = format!("publish.delivery_receive_maximum.value = {limit}\n");
        let mut rig = Rig::started(obeying(Version::V5, &limits));
        assert_eq!(rig.accept().properties.receive_maximum(), Some(expected));
    }
}

/// All that AWS allows of a CONNECT, in both of its versions.
#[test]
fn aws_connects_as_it_should() {
    let mut settings = lasting(Version::V5);
    settings.fallback = true;
    settings.connect.client_id = text("");
    settings.connect.session_expiry = u32::MAX;
    settings.obey(&aws_iot_core()).unwrap();
    let connect = Rig::started(settings).accept();
    assert_eq!(connect.version, Version::V5);
    assert_eq!(connect.client_id.len(), 36);
    assert_eq!(connect.properties.session_expiry_interval(), Some(604_800));
    assert_eq!(connect.properties.receive_maximum(), Some(100));
    let forbidden = [PropertyId::AUTHENTICATION_METHOD, PropertyId::AUTHENTICATION_DATA];
    assert!(connect.properties.iter().all(|it| !forbidden.contains(&it.id())));
}
