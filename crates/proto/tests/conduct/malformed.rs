//! Bytes no server should send, and events nobody takes.

use bytes::BytesMut;
use evenkeel_proto::codec::{Packet, ReasonCode, Version};
use evenkeel_proto::record::Priority;
use evenkeel_proto::{
    CauseClass, Client, DisconnectCause, Event, Input, Instant, Output, ProtocolError, State,
    Transmit, TransportFailure,
};

use crate::support::*;

/// Bytes with the code a DISCONNECT has to say about them.
const BROKEN: [(&[u8], ReasonCode); 8] = [
    // Packet type 0.
    (&[0x00, 0x00], ReasonCode::MALFORMED_PACKET),
    // Reserved flags.
    (&[0xd1, 0x00], ReasonCode::MALFORMED_PACKET),
    // A remaining length of five bytes.
    (&[0x30, 0xff, 0xff, 0xff, 0xff, 0x01], ReasonCode::MALFORMED_PACKET),
    // QoS 3.
    (&[0x36, 0x03, 0x00, 0x01, b'a'], ReasonCode::MALFORMED_PACKET),
    // A topic with U+0000.
    (&[0x30, 0x04, 0x00, 0x01, 0x00, 0x00], ReasonCode::MALFORMED_PACKET),
    // A topic with a wildcard.
    (&[0x30, 0x04, 0x00, 0x01, b'#', 0x00], ReasonCode::TOPIC_NAME_INVALID),
    // Packet identifier 0.
    (&[0x40, 0x02, 0x00, 0x00], ReasonCode::PROTOCOL_ERROR),
    // A topic alias of 0.
    (&[0x30, 0x07, 0x00, 0x01, b'a', 0x03, 0x23, 0x00, 0x00], ReasonCode::TOPIC_ALIAS_INVALID),
];

//= [MQTT-4.13.2-1] test
//= [MQTT311-4.8.0-1] test
//= [MQTT311-2.2.2-2] test
#[test]
fn a_malformed_packet_ends_the_connection_with_its_reason() {
    for (bytes, reason) in BROKEN {
        let mut rig = Rig::online(config(Version::V5));
        rig.send_bytes(bytes);
        assert_eq!(rig.expect_disconnect(), reason, "{bytes:02x?}");
        let cause = rig.cause();
        assert_eq!(cause.class(), CauseClass::PacketFault);
        assert!(matches!(cause, DisconnectCause::Malformed(_)), "{cause:?}");
    }
    for (bytes, _) in &BROKEN[..5] {
        let mut rig = Rig::online(config(Version::V311));
        rig.send_bytes(bytes);
        rig.expect_nothing();
        assert!(matches!(rig.cause(), DisconnectCause::Malformed(_)));
        assert!(rig.link.is_none());
    }
}

/// Nobody looks inside.
#[test]
fn what_only_clients_send_is_refused_by_its_header() {
    // CONNECT with an unknown protocol name, SUBSCRIBE of which the body is still to come.
    for bytes in [&[0x10, 6, 0, 4, b'X', b'X', b'X', b'X'][..], &[0x82, 100]] {
        let mut rig = Rig::online(config(Version::V5));
        rig.send_bytes(bytes);
        assert_eq!(rig.expect_disconnect(), ReasonCode::PROTOCOL_ERROR, "{bytes:02x?}");
        let expected = DisconnectCause::ProtocolError(ProtocolError::ClientPacket);
        assert_eq!(rig.cause(), expected, "{bytes:02x?}");
        let mut rig = Rig::started(config(Version::V5));
        rig.accept();
        rig.send_bytes(bytes);
        let expected = DisconnectCause::ProtocolError(ProtocolError::NotConnAck);
        assert_eq!(rig.cause(), expected, "{bytes:02x?}");
    }
}

#[test]
fn bytes_that_are_no_connack_end_the_attempt_without_a_word() {
    each_version(|version| {
        for bytes in [&b"HELO\r\n"[..], &[0x20, 2, 2, 0], &[0x00, 0x00]] {
            let mut rig = Rig::started(config(version));
            rig.accept();
            rig.send_bytes(bytes);
            rig.expect_nothing();
            assert!(matches!(rig.cause(), DisconnectCause::Malformed(_)));
        }
    });
}

#[test]
fn what_came_before_the_bad_packet_counts() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        rig.publish("a", AtLeastOnce, 1);
        let packet_id = rig.expect_publish().packet_id.unwrap();
        let mut bytes = Vec::new();
        puback(packet_id).encode(version, &mut bytes).unwrap();
        Packet::Publish(delivery("last", AtMostOnce, 0)).encode(version, &mut bytes).unwrap();
        bytes.extend([0x00, 0x00]);
        Packet::Publish(delivery("never", AtMostOnce, 0)).encode(version, &mut bytes).unwrap();
        rig.send_bytes(&bytes);
        assert!(rig.outcome(1).is_ok());
        assert_eq!(rig.message().publish.topic, "last");
        assert!(rig.client.next_message().is_none());
    });
}

#[test]
fn what_waits_to_be_written_goes_before_the_disconnect() {
    let mut rig = Rig::online(config(Version::V5));
    rig.publish("a", AtMostOnce, 1);
    rig.send_all(&[Packet::Publish(delivery("a", AtMostOnce, 0)), Packet::ConnAck(accepted())]);
    assert_eq!(rig.expect_publish().topic, "a");
    assert_eq!(rig.expect_disconnect(), ReasonCode::PROTOCOL_ERROR);
}

#[test]
fn a_close_without_disconnect_writes_nothing_more() {
    let mut rig = Rig::online(config(Version::V311));
    rig.client
        .publish(rig.now, &mut publish("a", "x", AtMostOnce), Priority::default(), token(1))
        .unwrap();
    rig.send_bytes(&[0x00, 0x00]);
    assert!(rig.link.is_none());
    rig.expect_nothing();
}

/// Whatever a server sends, in whatever state, the client stands (no panic,
/// no endless loop), and ends at most its connection.
#[test]
fn arbitrary_bytes_break_nothing() {
    let mut dice = 1_u64;
    let mut roll = move || {
        dice = dice.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (dice >> 33) as u8
    };
    each_version(|version| {
        let mut valid = Vec::new();
        for packet in [
            Packet::ConnAck(accepted()),
            Packet::Publish(delivery("a", ExactlyOnce, 2)),
            Packet::Publish(delivery("a", AtLeastOnce, 3)),
            puback(id(1)),
            pubrec(id(1)),
            pubrel(id(2)),
            pubcomp(id(1)),
            suback(id(2), &[0, 1]),
            unsuback(id(3), if version == Version::V5 { &[0] } else { &[] }),
            Packet::PingResp,
        ] {
            packet.encode(version, &mut valid).unwrap();
        }
        for _ in 0..3000 {
            let mut rig = Rig::started(quiet(config(version)));
            rig.accept();
            if roll() % 4 > 0 {
                rig.send(&Packet::ConnAck(accepted()));
            }
            rig.publish("a", ExactlyOnce, 1);
            rig.subscribe(&[("a", AtMostOnce), ("b", AtMostOnce)], 2);
            let mut bytes = valid.clone();
            for _ in 0..roll() % 4 {
                let place = usize::from(roll()) % bytes.len();
                bytes[place] = roll();
            }
            let from = usize::from(roll()) % bytes.len();
            rig.send_bytes(&bytes[from..]);
            while rig.client.next_message().is_some() {}
            rig.advance(secs(1));
            assert_ne!(rig.client.state(), State::Stopped);
        }
    });
}

#[test]
fn events_nobody_takes_are_counted() {
    let now = Instant::from_micros(0);
    let mut client = Client::new(config(Version::V5), 1, now).unwrap();
    client.start(now);
    let mut open = || loop {
        match client.poll(now) {
            Output::Open(open) => return open.conn,
            Output::Wait(_) => panic!("a connection is asked for"),
            _ => {}
        }
    };
    let conn = open();
    client.handle(now, Input::Opened(conn, None));
    let mut bytes = BytesMut::new();
    let mut connack = Vec::new();
    Packet::ConnAck(accepted()).encode(Version::V5, &mut connack).unwrap();
    bytes.extend_from_slice(&connack);
    for _ in 0..1000 {
        bytes.extend_from_slice(&[0xd0, 0]);
    }
    client.handle(now, Input::Received(conn, &mut bytes));
    client.handle(now, Input::Closed(conn, TransportFailure::Eof));
    let (mut pongs, mut closes, mut lost, mut told) = (0, 0, 0, Vec::new());
    loop {
        match client.poll(now) {
            Output::Wait(_) => break,
            Output::Close(_) => closes += 1,
            Output::Event(Event::PongReceived(_)) => pongs += 1,
            Output::Event(Event::Lagged { lost: count }) => lost += count,
            Output::Event(event) => told.push(event),
            _ => {}
        }
    }
    assert!((200..=256).contains(&pongs), "{pongs}");
    assert!(lost >= 1000 - pongs, "{lost}");
    assert_eq!(closes, 1, "what has to be done is never lost");
    let [.., end, retry] = &told[..] else { panic!("{told:?}") };
    assert!(matches!(end, Event::Disconnected { .. }), "nor is where a connection stands: {end:?}");
    assert!(matches!(retry, Event::RetryScheduled { .. }), "{retry:?}");
}

#[test]
fn a_batch_is_taken_only_when_the_last_one_is_written() {
    let mut rig = Rig::online(config(Version::V5));
    rig.writable = false;
    rig.client
        .publish(rig.now, &mut publish("a", "x", AtMostOnce), Priority::default(), token(1))
        .unwrap();
    let mut batch = Transmit::default();
    let conn = rig.conn();
    assert_eq!(rig.client.take_transmit(&mut batch), Some(conn));
    let length = batch.len();
    rig.client
        .publish(rig.now, &mut publish("b", "x", AtMostOnce), Priority::default(), token(2))
        .unwrap();
    assert_eq!(rig.client.take_transmit(&mut batch), None, "the first one is not written yet");
    assert_eq!(batch.len(), length);
    batch.advance(length);
    rig.client.handle(rig.now, Input::Written(conn, length));
    assert_eq!(rig.client.take_transmit(&mut batch), Some(conn));
}

#[test]
fn a_driver_that_reports_too_much_does_no_harm() {
    let mut rig = Rig::online(config(Version::V5));
    let conn = rig.conn();
    rig.client.handle(rig.now, Input::Written(conn, usize::MAX));
    rig.client.handle(rig.now, Input::Written(conn, usize::MAX));
    rig.settle();
    rig.publish("a", AtMostOnce, 1);
    rig.expect_publish();
    rig.shutdown(secs(1));
    assert_eq!(rig.client.state(), State::Closed);
}
