//! From the decision to connect to CONNACK.

use bytes::Bytes;
use evenkeel_proto::codec::{
    Ack, Auth, ConnAck, Packet, PacketId, Properties, Property, ReasonCode, TopicName, Version,
    Will,
};
use evenkeel_proto::{
    CauseClass, Client, Config, ConfigError, ConnectPhase, Credentials, DisconnectCause, Event,
    Halt, Input, Instant, Output, ProtocolError, State, Timer, TransportFailure,
};

use crate::support::*;

pub(crate) fn will() -> Will {
    Will {
        qos: AtLeastOnce,
        retain: true,
        topic: TopicName::try_from("boat/gone").unwrap(),
        payload: Bytes::from_static(b"sunk"),
        properties: [Property::WillDelayInterval(9), Property::ContentType(text("text/plain"))]
            .into_iter()
            .collect(),
    }
}

fn full(version: Version) -> Config {
    let mut config = config(version);
    config.connect.clean_start = false;
    config.connect.session_expiry = 77;
    config.connect.keep_alive = 33;
    config.connect.credentials =
        Credentials { username: Some(text("ann")), password: Some(Bytes::from_static(b"key")) };
    let properties = if version.has_properties() { will().properties } else { Properties::new() };
    config.connect.will = Some(Box::new(Will { properties, ..will() }));
    config.connect.receive_maximum = 5;
    config.connect.maximum_packet_size = 1000;
    config.connect.topic_alias_maximum = 6;
    config
}

//= [MQTT-3.1.0-1] test
//= [MQTT311-3.1.0-1] test
//= [MQTT-3.1.3-2] test
//= [MQTT311-3.1.3-2] test
#[test]
fn connect_says_all_that_is_configured() {
    for version in [Version::V31, Version::V311, Version::V5] {
        let mut rig = Rig::started(full(version));
        let connect = rig.accept();
        rig.expect_nothing();
        assert_eq!(connect.version, version);
        assert_eq!(connect.client_id, "boat");
        assert!(!connect.clean_start);
        assert_eq!(connect.keep_alive, 33);
        assert_eq!(connect.username, Some(text("ann")));
        assert_eq!(connect.password.as_deref(), Some(&b"key"[..]));
        let mut expected = will();
        if version != Version::V5 {
            expected.properties = Default::default();
        }
        assert_eq!(connect.will.as_deref(), Some(&expected));
    }
}

#[test]
fn connect_carries_the_properties_of_mqtt_5_alone_on_mqtt_5() {
    let mut settings = full(Version::V5);
    settings.connect.properties = [
        Property::RequestProblemInformation(0),
        Property::RequestResponseInformation(1),
        Property::UserProperty(text("hull"), text("steel")),
        Property::UserProperty(text("hull"), text("wood")),
    ]
    .into_iter()
    .collect();
    let connect = Rig::started(settings).accept();
    let expected = [
        Property::SessionExpiryInterval(77),
        Property::ReceiveMaximum(5),
        Property::MaximumPacketSize(1000),
        Property::TopicAliasMaximum(6),
        Property::RequestProblemInformation(0),
        Property::RequestResponseInformation(1),
        Property::UserProperty(text("hull"), text("steel")),
        Property::UserProperty(text("hull"), text("wood")),
    ];
    assert_eq!(connect.properties, expected.into_iter().collect());
    assert!(Rig::started(full(Version::V311)).accept().properties.is_empty());
}

#[test]
fn what_is_off_is_left_out() {
    let mut settings = config(Version::V5);
    settings.connect.session_expiry = 0;
    settings.connect.topic_alias_maximum = 0;
    let connect = Rig::started(settings).accept();
    assert_eq!(connect.properties.session_expiry_interval(), None);
    assert_eq!(connect.properties.topic_alias_maximum(), None);
    assert_eq!(connect.properties.authentication_method(), None);
    assert!(connect.will.is_none() && connect.username.is_none() && connect.password.is_none());
}

/// R8: asked before every attempt.
#[test]
fn the_hooks_credentials_stand_in_for_the_configured_ones() {
    each_version(|version| {
        let mut rig = Rig::started(full(version));
        let other = Credentials { username: Some(text("bob")), password: None };
        let connect = rig.accept_as(Some(other));
        assert_eq!((connect.username, connect.password), (Some(text("bob")), None));
        rig.cut();
        rig.await_open();
        assert_eq!(
            rig.accept().username,
            Some(text("ann")),
            "nothing is kept of the hook's answer"
        );
    });
}

#[test]
fn debug_shows_no_secret() {
    let config = full(Version::V5);
    let shown = format!("{config:?} {:?}", config.connect.credentials);
    assert!(shown.contains("boat"));
    assert!(!shown.contains("key") && !shown.contains("ann"), "{shown}");
}

#[test]
fn a_password_without_user_name_never_leaves_before_mqtt_5() {
    let password = Credentials { username: None, password: Some(Bytes::from_static(b"key")) };
    let mut rig = Rig::started(config(Version::V311));
    let conn = rig.conn();
    rig.client.handle(rig.now, Input::Opened(conn, Some(password.clone())));
    rig.settle();
    rig.expect_nothing();
    let expected = DisconnectCause::Transport {
        failure: TransportFailure::Config,
        phase: Some(ConnectPhase::Handshake),
    };
    assert_eq!(rig.cause(), expected);
    let connect = Rig::started(config(Version::V5)).accept_as(Some(password));
    assert_eq!(connect.password.as_deref(), Some(&b"key"[..]));
}

#[test]
fn the_connect_time_out_names_the_phase_it_ran_out_in() {
    use ConnectPhase::{Connect, Credentials, Proxy, Resolve, Tls, WebSocket};
    for phase in [Credentials, Resolve, Connect, Proxy, Tls, WebSocket] {
        let mut rig = Rig::started(config(Version::V5));
        let conn = rig.conn();
        rig.client.handle(rig.now, Input::Phase(conn, phase));
        rig.settle();
        assert_eq!(rig.until(Timer::ConnectTimeout), secs(30));
        rig.advance(secs(30) - MICRO);
        assert!(rig.link.is_some(), "not a moment early");
        rig.advance(MICRO);
        assert_eq!(rig.cause(), DisconnectCause::ConnectTimeout { phase, after: secs(30) });
        assert!(rig.link.is_none());
    }
}

#[test]
fn the_connect_time_out_covers_all_up_to_connack() {
    each_version(|version| {
        let mut rig = Rig::started(config(version));
        rig.advance(secs(20));
        rig.accept();
        rig.advance(secs(10) - MICRO);
        assert!(rig.link.is_some());
        rig.advance(MICRO);
        let phase = ConnectPhase::Handshake;
        assert_eq!(rig.cause(), DisconnectCause::ConnectTimeout { phase, after: secs(30) });

        let mut rig = Rig::started(config(version));
        rig.accept();
        rig.advance(secs(30) - MICRO);
        rig.send(&Packet::ConnAck(accepted()));
        rig.advance(secs(1));
        assert!(rig.client.state().is_online(), "CONNACK came in time");
    });
}

#[test]
fn each_attempt_has_its_own_time_out() {
    let mut rig = Rig::started(config(Version::V5));
    rig.advance(secs(30));
    rig.await_open();
    assert_eq!(rig.until(Timer::ConnectTimeout), secs(30));
}

#[test]
fn old_return_codes_keep_their_byte() {
    let translated = [
        (1, ReasonCode::UNSUPPORTED_PROTOCOL_VERSION, CauseClass::Refused),
        (2, ReasonCode::CLIENT_IDENTIFIER_NOT_VALID, CauseClass::Refused),
        (3, ReasonCode::SERVER_UNAVAILABLE, CauseClass::ServerGoingAway),
        (4, ReasonCode::BAD_USER_NAME_OR_PASSWORD, CauseClass::Refused),
        (5, ReasonCode::NOT_AUTHORIZED, CauseClass::Refused),
        (6, ReasonCode::UNSPECIFIED_ERROR, CauseClass::ServerGoingAway),
        (255, ReasonCode::UNSPECIFIED_ERROR, CauseClass::ServerGoingAway),
    ];
    for (code, expected, class) in translated {
        let mut rig = Rig::started(config(Version::V311));
        rig.accept();
        rig.send_bytes(&[0x20, 2, 0, code]);
        rig.expect_nothing();
        let state = rig.client.state();
        let cause = rig.cause();
        let DisconnectCause::Refused { reason, wire_code, .. } = &cause else {
            panic!("{cause:?}")
        };
        assert_eq!((*reason, *wire_code), (expected, code));
        assert_eq!(cause.class(), class, "{code}");
        let halted = matches!(state, State::Halted { reason: Halt::Refused, .. });
        assert_eq!(halted, class == CauseClass::Refused, "{code}: {state:?}");
    }
}

#[test]
fn every_refusal_of_mqtt_5_is_classified() {
    use CauseClass::{PacketFault, Refused, ServerGoingAway, Throttled};
    let classes = [
        (0x80, ServerGoingAway),
        (0x81, PacketFault),
        (0x82, PacketFault),
        (0x83, ServerGoingAway),
        (0x84, Refused),
        (0x85, Refused),
        (0x86, Refused),
        (0x87, Refused),
        (0x88, ServerGoingAway),
        (0x89, Throttled),
        (0x8a, Refused),
        (0x8c, Refused),
        (0x90, PacketFault),
        (0x95, PacketFault),
        (0x97, Throttled),
        (0x99, PacketFault),
        (0x9a, PacketFault),
        (0x9b, PacketFault),
        (0x9c, ServerGoingAway),
        (0x9d, ServerGoingAway),
        (0x9f, Throttled),
    ];
    for (code, class) in classes {
        let mut rig = Rig::started(config(Version::V5));
        rig.accept();
        let mut connack = refused(ReasonCode(code));
        connack.properties.push(Property::ReasonString(text("no")));
        rig.send(&Packet::ConnAck(connack.clone()));
        rig.expect_nothing();
        let expected = DisconnectCause::Refused {
            reason: ReasonCode(code),
            wire_code: code,
            text: Some(text("no")),
            server_reference: None,
            properties: connack.properties,
        };
        assert_eq!(expected.class(), class, "{code:#x}");
        assert_eq!(rig.cause(), expected);
        let halted = matches!(rig.client.state(), State::Halted { .. });
        assert_eq!(halted, class == Refused, "{code:#x}");
    }
}

//= [MQTT-3.1.3-2] test
#[test]
fn the_identifier_the_server_chose_is_used_again() {
    let mut settings = lasting(Version::V5);
    settings.connect.client_id = text("");
    let connack = with([Property::AssignedClientIdentifier(text("srv-1"))]);
    let mut rig = Rig::started(settings);
    assert_eq!(rig.accept_with(&connack).client_id, "");
    let assigned = rig.take_events().into_iter().find_map(|event| match event {
        Event::Connected(connected) => connected.assigned_client_id.clone(),
        _ => None,
    });
    assert_eq!(assigned, Some(text("srv-1")));
    assert_eq!(rig.reconnect_with(&resumed()).client_id, "srv-1");
    assert_eq!(rig.reconnect_with(&accepted()).client_id, "srv-1");
}

//= [MQTT-3.2.2-4] test
//= [MQTT-3.1.2-4] test
//= [MQTT311-3.1.2-6] test
#[test]
fn a_session_nobody_asked_for_ends_the_connection() {
    each_version(|version| {
        let mut rig = Rig::started(config(version));
        assert!(rig.accept_with(&resumed()).clean_start);
        // No DISCONNECT to a server that could not know what it means.
        match version {
            Version::V5 => {
                assert!(matches!(rig.wire.pop_front(), None | Some(Packet::Disconnect(_))))
            }
            _ => rig.expect_nothing(),
        }
        let expected = DisconnectCause::ProtocolError(ProtocolError::UnexpectedSession);
        assert_eq!(rig.cause(), expected);
        assert!(rig.link.is_none());
    });
}

#[test]
fn the_first_connect_alone_asks_for_a_clean_start() {
    let mut settings = lasting(Version::V5);
    settings.connect.clean_start = true;
    let mut rig = Rig::started(settings);
    assert!(rig.accept().clean_start);
    rig.cut();
    rig.await_open();
    assert!(rig.accept_with(&accepted()).clean_start, "no connect has succeeded yet");
    let connect = rig.reconnect_with(&resumed());
    assert!(!connect.clean_start, "what it began goes on");
    assert!(rig.client.state().is_online());
}

//= [MQTT311-3.1.2-4] test
//= [MQTT-3.1.2-23] test
#[test]
fn a_session_that_ends_with_its_connection_is_asked_for_anew_each_time() {
    each_version(|version| {
        let mut rig = Rig::started(config(version));
        assert!(rig.accept_with(&accepted()).clean_start);
        assert!(rig.reconnect_with(&accepted()).clean_start);
        let mut rig = Rig::started(lasting(version));
        assert!(!rig.accept_with(&accepted()).clean_start);
        assert!(!rig.reconnect_with(&resumed()).clean_start);
    });
}

#[test]
fn nothing_but_connack_may_come_first() {
    each_version(|version| {
        let first = [
            Packet::PingResp,
            puback(id(1)),
            Packet::Publish(delivery("a", AtMostOnce, 0)),
            suback(id(1), &[0]),
        ];
        for packet in first {
            let mut rig = Rig::started(config(version));
            rig.accept();
            rig.send(&packet);
            let expected = DisconnectCause::ProtocolError(ProtocolError::NotConnAck);
            assert_eq!(rig.cause(), expected, "{packet:?}");
            assert!(rig.client.next_message().is_none());
            rig.expect_nothing();
        }
    });
}

/// What listens there is no server of MQTT, and has not broken its rules.
#[test]
fn an_answer_of_another_protocol_is_told_by_its_first_bytes() {
    each_version(|version| {
        for (answer, expected) in [
            (&[0x15, 3, 3, 0, 2, 2, 70][..], ProtocolError::TlsAnswer),
            (&[0x16, 3, 1, 0, 2], ProtocolError::TlsAnswer),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", ProtocolError::HttpAnswer),
        ] {
            let mut rig = Rig::started(config(version));
            rig.accept();
            rig.send_bytes(answer);
            let cause = rig.cause();
            assert_eq!(cause, DisconnectCause::ProtocolError(expected), "{answer:?}");
            assert_eq!(cause.to_string(), expected.to_string());
            rig.expect_nothing();
            // Later they are bytes like any others.
            let mut rig = Rig::online(config(version));
            rig.send_bytes(answer);
            assert!(matches!(rig.cause(), DisconnectCause::Malformed(_)), "{answer:?}");
        }
        for other in [&[0x15, 2, 3, 0][..], b"HELO"] {
            let mut rig = Rig::started(config(version));
            rig.accept();
            rig.send_bytes(other);
            assert!(matches!(rig.cause(), DisconnectCause::Malformed(_)), "{other:?}");
        }
    });
}

#[test]
fn a_second_connack_ends_the_connection() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        rig.send(&Packet::ConnAck(accepted()));
        match version {
            Version::V5 => assert_eq!(rig.expect_disconnect(), ReasonCode::PROTOCOL_ERROR),
            _ => rig.expect_nothing(),
        }
        let expected = DisconnectCause::ProtocolError(ProtocolError::SecondConnAck);
        assert_eq!(rig.cause(), expected);
    });
}

//= [MQTT-3.1.2-30] test
#[test]
fn nothing_is_sent_between_connect_and_connack() {
    each_version(|version| {
        let mut rig = Rig::started(config(version));
        rig.publish("a", AtMostOnce, 1);
        rig.publish("a", AtLeastOnce, 2);
        rig.subscribe(&[("a", AtMostOnce)], 3);
        rig.accept();
        rig.publish("a", AtMostOnce, 4);
        rig.advance(secs(29));
        rig.expect_nothing();
        rig.send(&Packet::ConnAck(accepted()));
        assert!(matches!(rig.expect(), Packet::Subscribe(_)));
        for _ in 0..3 {
            rig.expect_publish();
        }
    });
}

#[test]
fn packets_behind_connack_in_the_same_read_are_handled() {
    each_version(|version| {
        let mut rig = Rig::started(config(version));
        rig.accept();
        rig.send_all(&[
            Packet::ConnAck(accepted()),
            Packet::Publish(delivery("a", AtMostOnce, 0)),
            Packet::Publish(delivery("b", AtMostOnce, 0)),
        ]);
        assert_eq!(rig.message().publish.topic, "a");
        assert_eq!(rig.message().publish.topic, "b");
    });
}

#[test]
fn connack_may_come_byte_by_byte() {
    each_version(|version| {
        let mut rig = Rig::started(config(version));
        rig.accept();
        let mut bytes = Vec::new();
        Packet::ConnAck(accepted()).encode(version, &mut bytes).unwrap();
        for byte in bytes {
            assert!(!rig.client.state().is_online());
            rig.send_bytes(&[byte]);
        }
        assert!(rig.client.state().is_online());
    });
}

#[test]
fn a_full_inbox_does_not_hold_back_connack() {
    each_version(|version| {
        let mut settings = config(version);
        settings.bounds.inbox_messages = 2;
        let mut rig = Rig::online(settings);
        for _ in 0..2 {
            rig.send(&Packet::Publish(delivery("a", AtMostOnce, 0)));
        }
        assert!(!rig.client.wants_read());
        rig.reconnect_with(&accepted());
        assert!(rig.client.state().is_online());
        assert!(!rig.client.wants_read(), "the messages are still there");
    });
}

#[test]
fn the_state_tells_where_the_client_stands() {
    let mut rig = Rig::new(config(Version::V5));
    assert_eq!(rig.client.state(), State::Stopped);
    rig.client.start(rig.now);
    rig.settle();
    assert_eq!(rig.client.state(), State::Connecting { attempt: 1, server: 0, cause: None });
    rig.accept();
    rig.advance(secs(2));
    rig.send(&Packet::ConnAck(resumed_or_not()));
    assert_eq!(rig.client.state(), State::Online { since: rig.now, session_present: false });
    rig.cut();
    let State::Waiting { retry, cause: Some(cause) } = rig.client.state() else { panic!() };
    assert_eq!(retry.attempt, 2);
    let eof = DisconnectCause::Transport { failure: TransportFailure::Eof, phase: None };
    assert_eq!(*cause, eof);
    rig.await_open();
    let State::Connecting { attempt: 2, cause: Some(cause), .. } = rig.client.state() else {
        panic!()
    };
    assert_eq!(*cause, eof);
}

fn resumed_or_not() -> ConnAck {
    accepted()
}

#[test]
fn configurations_that_cannot_work_are_refused() {
    type Change = fn(&mut Config);
    let cases: [(Change, ConfigError); 12] = [
        (|c| c.servers = 0, ConfigError::NoServer),
        (|c| c.connect.receive_maximum = 0, ConfigError::ReceiveMaximum),
        (|c| c.connect.maximum_packet_size = 0, ConfigError::MaximumPacketSize),
        (|c| c.bounds.in_flight = 0, ConfigError::InFlight),
        (|c| c.bounds.filters_per_packet = 0, ConfigError::Filters),
        (|c| c.bounds.operations = 0, ConfigError::Filters),
        (|c| c.keep_alive.response_timeout = Some(secs(0)), ConfigError::ResponseTimeout),
        (|c| c.bounds.write_buffer = 0, ConfigError::WriteBuffer),
        (|c| c.bounds.inbox_messages = 0, ConfigError::Inbox),
        (|c| c.bounds.inbox_bytes = 0, ConfigError::Inbox),
        (
            |c| c.connect.properties.push(Property::ReceiveMaximum(1)),
            ConfigError::Property(evenkeel_proto::codec::PropertyId::RECEIVE_MAXIMUM),
        ),
        (
            |c| {
                c.version = Version::V311;
                c.connect.authentication = Some((text("SCRAM"), Bytes::new()));
            },
            ConfigError::AuthenticationVersion,
        ),
    ];
    for (change, expected) in cases {
        let mut config = config(Version::V5);
        assert_eq!(config.validate(), Ok(()));
        change(&mut config);
        assert_eq!(config.validate().as_ref(), Err(&expected));
        assert_eq!(Client::new(config, 0, Instant::from_micros(0)).err(), Some(expected));
    }
}

#[test]
fn identities_the_old_versions_do_not_know_are_refused() {
    let mut old = config(Version::V31);
    for (length, fits) in [(0, false), (1, true), (23, true), (24, false)] {
        old.connect.client_id = text(&"x".repeat(length));
        let expected = if fits { Ok(()) } else { Err(ConfigError::ClientIdLength { length }) };
        assert_eq!(old.validate(), expected);
    }
    let mut newer = lasting(Version::V311);
    newer.connect.client_id = text("");
    assert_eq!(newer.validate(), Err(ConfigError::ClientIdRequired));
    newer.connect.session_expiry = 0;
    newer.connect.clean_start = true;
    assert_eq!(newer.validate(), Ok(()));
    newer.connect.credentials.password = Some(Bytes::new());
    assert_eq!(newer.validate(), Err(ConfigError::PasswordWithoutUsername));
    newer.connect.credentials.username = Some(text(""));
    assert_eq!(newer.validate(), Ok(()));
}

#[test]
fn inputs_of_old_connections_are_counted_and_change_nothing() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        let old = rig.conn();
        rig.reconnect_with(&accepted());
        rig.forget_wire();
        rig.take_events();
        let state = rig.client.state();
        let mut bytes = bytes::BytesMut::new();
        bytes.extend_from_slice(&[0xd0, 0]);
        let now = rig.now;
        rig.client.handle(now, Input::Phase(old, ConnectPhase::Tls));
        rig.client.handle(now, Input::Opened(old, None));
        rig.client.handle(now, Input::Received(old, &mut bytes));
        rig.client.handle(now, Input::Written(old, 5));
        rig.client.handle(now, Input::Closed(old, TransportFailure::Reset));
        rig.client.authenticate(now, old, None);
        rig.settle();
        assert_eq!(rig.stats().stale_inputs, 6);
        assert!(bytes.is_empty(), "nobody will want them any more");
        assert_eq!(rig.client.state(), state);
        assert!(rig.take_events().is_empty());
        rig.expect_nothing();
        let conn = rig.conn();
        rig.client.handle(now, Input::Opened(conn, None));
        rig.settle();
        rig.expect_nothing();
        assert_eq!(rig.stats().stale_inputs, 7, "a connection is opened once");
    });
}

#[test]
fn instants_that_go_back_are_read_as_the_last_one() {
    let mut rig = Rig::online(config(Version::V5));
    let before = rig.now;
    rig.advance(secs(10));
    let deadline = rig.deadline;
    assert!(matches!(rig.client.poll(before), Output::Wait(at) if at == deadline));
    assert_eq!(rig.client.now(), rig.now);
    rig.settle();
    assert_eq!(rig.deadline, deadline);
    rig.client.start(before);
    rig.client.shutdown(before, secs(5));
    rig.settle();
    assert_eq!(rig.client.state(), State::Closed);
}

#[test]
fn auth_without_a_method_of_ours_is_out_of_place() {
    let auth = Auth {
        reason: ReasonCode::CONTINUE_AUTHENTICATION,
        properties: [Property::AuthenticationMethod(text("X"))].into_iter().collect(),
    };
    let mut rig = Rig::started(config(Version::V5));
    rig.accept();
    rig.send(&Packet::Auth(auth));
    let expected = DisconnectCause::ProtocolError(ProtocolError::UnexpectedAuth);
    assert_eq!(rig.cause(), expected);
    rig.expect_nothing();
}

#[test]
fn packets_only_clients_send_end_the_connection() {
    each_version(|version| {
        let subscribe = evenkeel_proto::codec::Subscribe {
            packet_id: id(1),
            filters: vec![subscribe_to("a", AtMostOnce)],
            properties: Default::default(),
        };
        let connect = Rig::started(config(version)).accept();
        let mut packets =
            vec![Packet::PingReq, Packet::Subscribe(subscribe), Packet::Connect(connect)];
        if version == Version::V311 {
            packets.push(disconnect(ReasonCode::SUCCESS));
        }
        for packet in packets {
            let mut rig = Rig::online(config(version));
            rig.send(&packet);
            let expected = DisconnectCause::ProtocolError(ProtocolError::ClientPacket);
            assert_eq!(rig.cause(), expected);
            match version {
                Version::V5 => assert_eq!(rig.expect_disconnect(), ReasonCode::PROTOCOL_ERROR),
                _ => rig.expect_nothing(),
            }
        }
    });
}

#[test]
fn a_late_ack_type_never_confuses_identifiers() {
    let ack = Packet::PubAck(Ack::new(PacketId::new(9).unwrap(), ReasonCode::SUCCESS));
    let mut rig = Rig::online(config(Version::V5));
    rig.send(&ack);
    assert_eq!(rig.stats().unknown_acknowledgements, 1);
    assert!(rig.client.state().is_online());
}
