//! MQTT in the clear.

use evenkeel_doctor::{Begins, ConnAckSeen, PacketSeen, Side, What};

use crate::support::*;

fn after_connect(version: u8, client: &[u8], server: &[u8]) -> Notes {
    let mut wire = Wire::up();
    let mut connect = CONNECT.to_vec();
    connect[8] = version;
    if version == 5 {
        connect[1] += 1;
        connect.insert(12, 0);
    }
    wire.send(5, 0, &connect);
    wire.send(6, 1, server);
    if !client.is_empty() {
        wire.send(7, 0, client);
    }
    wire.notes()
}

fn packets(notes: &Notes) -> Vec<PacketSeen> {
    let packet = |what| match what {
        What::Packet { packet, .. } => Some(packet),
        _ => None,
    };
    notes.what().into_iter().filter_map(packet).collect()
}

#[test]
fn connect_without_its_secrets() {
    let mut wire = Wire::up();
    let with = |password: u8| {
        let mut connect = b"\x10\x27\0\x04MQTT\x05\xEE\0\x3C\x05\x11\0\0\x0E\x10".to_vec();
        connect.extend(b"\0\x04pump\0\0\x03w/t\0\0\0\x02me\0\x02h");
        connect.push(password);
        connect[1] = connect.len() as u8 - 2;
        connect
    };
    wire.send(5, 0, &with(b'a'));
    for (port, password) in [(6000, b'a'), (7000, b'b')] {
        wire.client.1 = port;
        wire.seq = [1, 1];
        wire.open(20);
        wire.send(25, 0, &with(password));
    }
    let notes = wire.notes();
    let all = packets(&notes);
    let [PacketSeen::Connect(one), PacketSeen::Connect(same), PacketSeen::Connect(other)] = all[..]
    else {
        panic!("{all:?}")
    };
    assert_eq!((one.version, one.clean, one.keep_alive), (5, true, Some(60)));
    assert_eq!(notes.texts.text(one.client_id), "pump");
    assert_eq!(notes.texts.text(one.will_topic), "w/t");
    assert_eq!((one.will_qos, one.will_retain, one.session_expiry), (1, true, 3600));
    assert!(one.credentials);
    assert_eq!(one.credentials_digest, same.credentials_digest);
    assert_ne!(one.credentials_digest, other.credentials_digest);
    // Nothing of a secret among the texts: only what was asserted, and the hosts.
    let kept = notes.kept();
    assert_eq!(kept, ["10.0.0.1", "10.0.0.9", "pump", "w/t"]);
}

#[test]
fn connack_of_mqtt_5_says_what_the_server_allows() {
    let connack = b"\x20\x09\0\0\x06\x13\0\x1E\x21\0\x0A";
    let notes = after_connect(5, b"", connack);
    let expected = ConnAckSeen {
        version_5: true,
        server_keep_alive: Some(30),
        receive_maximum: Some(10),
        ..ConnAckSeen::default()
    };
    assert_eq!(packets(&notes)[1], PacketSeen::ConnAck(expected));
    let notes = after_connect(5, b"", CONNACK);
    assert_eq!(packets(&notes)[1], PacketSeen::ConnAck(ConnAckSeen::default()));
}

#[test]
fn publish_of_each_kind() {
    let publish = b"\x3B\x0A\0\x03a/b\0\x07abc";
    let notes = after_connect(4, &[&publish[..], publish].concat(), CONNACK);
    let PacketSeen::Publish(seen) = packets(&notes)[2] else { panic!() };
    assert_eq!((seen.id, seen.qos, seen.dup, seen.retain, seen.payload), (7, 1, true, true, 3));
    assert_eq!(notes.texts.text(seen.topic), "a/b");
    assert_eq!(packets(&notes)[3], PacketSeen::Publish(seen));
    // MQTT 5: an alias alone, then properties that only the codec reads.
    let alias = b"\x30\x07\0\0\x03\x23\0\x05x";
    let long = b"\x30\x0D\0\x03a/b\x05\x02\0\0\0\x09xy";
    let notes = after_connect(5, &[&alias[..], long].concat(), b"\x20\x03\0\0\0");
    let [_, _, PacketSeen::Publish(by_alias), PacketSeen::Publish(by_name)] = packets(&notes)[..]
    else {
        panic!("{}", notes.words())
    };
    assert_eq!((by_alias.alias, by_alias.payload, by_name.payload), (5, 1, 2));
    assert!(by_alias.topic.is_none());
    assert_eq!(notes.texts.text(by_name.topic), "a/b");
}

#[test]
fn a_large_publish_passes_by_and_is_told_whole() {
    let mut wire = Wire::up();
    wire.send(5, 0, CONNECT);
    let body = 200_000_usize;
    let large = |last: u8| {
        let mut large = vec![0x30, (body & 0x7F) as u8 | 0x80, (body >> 7 & 0x7F) as u8 | 0x80];
        large.push((body >> 14) as u8);
        large.extend(b"\0\x03a/b");
        large.resize(body + 3, 7);
        large.push(last);
        large
    };
    for last in [1, 1, 2] {
        for chunk in large(last).chunks(1400) {
            wire.send(9, 0, chunk);
        }
    }
    wire.send(10, 0, PINGREQ);
    let notes = wire.notes();
    let [_, PacketSeen::Publish(one), PacketSeen::Publish(same), PacketSeen::Publish(other), _] =
        packets(&notes)[..]
    else {
        panic!("{}", notes.words())
    };
    assert_eq!(one.payload as usize, body - 5);
    assert_eq!(one, same);
    assert_ne!(one.digest, other.digest);
    assert!(notes.words().ends_with("PingReq"));
}

#[test]
fn subscriptions_and_their_answers() {
    let subscribe = b"\x82\x13\0\x09\0\x03a/+\x01\0\x08$share/g\x00";
    let notes = after_connect(4, subscribe, &[CONNACK, b"\x90\x04\0\x09\x01\x80"].concat());
    let words = notes.words();
    assert!(words.ends_with("Malformed"), "a share without a filter: {words}");
    let subscribe = b"\x82\x14\0\x09\0\x03a/+\x01\0\x0A$share/g/x\x00";
    let mut subscribe = subscribe.to_vec();
    subscribe[1] = subscribe.len() as u8 - 2;
    let notes = after_connect(4, &subscribe, &[CONNACK, b"\x90\x04\0\x09\x01\x80"].concat());
    let all = packets(&notes);
    let PacketSeen::Subscribe(seen) = all[3] else { panic!("{all:?}") };
    assert_eq!((seen.id, seen.filters, seen.maximum_qos), (9, 2, 1));
    assert!(seen.wildcard && seen.shared && !seen.subscription_id);
    assert_eq!(notes.texts.text(seen.first), "a/+");
    assert_eq!(all[2], PacketSeen::SubAck(9, 0x80, 1));
}

#[test]
fn malformed_packets_name_their_rule() {
    for (client, rule) in [
        (&b"\xC1\0"[..], "MQTT-2.1.3-1"),
        (b"\x0F\0", "section 2.1.2"),
        (b"\xD0\0", "section 2.1.2"),
        (b"\x30\xFF\xFF\xFF\xFF\x01", "section 1.5.5"),
        (b"\x36\x07\0\x03a/b\0\x01", "MQTT-3.3.1-4"),
    ] {
        let notes = after_connect(4, &[client, PINGREQ].concat(), CONNACK);
        let malformed = What::Malformed { from: Side::Client, rule };
        assert_eq!(notes.what().last(), Some(&malformed), "{client:?}");
    }
}

#[test]
fn a_bridge_marks_its_connect() {
    // mosquitto sets the highest bit of the protocol level.
    let notes = after_connect(0x84, b"", CONNACK);
    let all = packets(&notes);
    let PacketSeen::Connect(connect) = all[0] else { panic!("{}", notes.words()) };
    assert_eq!(connect.version, 4);
    assert!(!notes.words().contains("Malformed"), "{}", notes.words());
}

#[test]
fn a_refusal_that_is_not_in_the_list_is_told() {
    // mosquitto 2.0 refuses a message that is too large so.
    let notes = after_connect(5, b"", b"\x20\x03\0\0\0\x40\x03\0\x07\x95");
    let words = notes.words();
    assert!(packets(&notes).contains(&PacketSeen::PubAck(7, 0x95)), "{words}");
    assert!(!words.contains("Malformed"), "{words}");
    // With a reason string its remaining length takes two bytes.
    let reason = [&b"\x7E\x1F\0\x7B"[..], &[b'x'; 123]].concat();
    let long = [&b"\x20\x03\0\0\0\x40\x82\x01\0\x87\x95"[..], &reason].concat();
    let notes = after_connect(5, b"", &long);
    assert!(packets(&notes).contains(&PacketSeen::PubAck(0x87, 0x95)), "{}", notes.words());
}

/// A code of the list does not make broken properties right.
#[test]
fn a_refusal_with_broken_properties_is_malformed() {
    let notes = after_connect(5, b"", b"\x20\x03\0\0\0\x40\x05\0\x07\x87\x01\x7F");
    assert!(matches!(notes.what().last(), Some(What::Malformed { from: Side::Server, .. })));
}

#[test]
fn a_first_packet_that_is_not_connect() {
    let mut wire = Wire::up();
    wire.send(5, 0, b"\x10\x02\0\x04");
    assert!(wire.words().ends_with("Malformed"));
}

#[test]
fn what_is_not_mqtt() {
    for (from, bytes, begins) in [
        (0, &b"POST / HTTP/1.1\r\n\r\n"[..], Begins::Http),
        (1, b"SSH-2.0-x", Begins::Ssh),
        (1, b"220 hello", Begins::Greeting),
    ] {
        let mut wire = Wire::up();
        wire.send(5, from, bytes);
        let side = if from == 0 { Side::Client } else { Side::Server };
        let last = wire.notes().what().pop();
        assert_eq!(last, Some(What::NotMqtt { from: side, begins }), "{bytes:?}");
    }
    for (answer, begins) in
        [(&b"HTTP/1.1 400 x"[..], Begins::Http), (b"\x15\x03\x01\0\x02\x02\x46", Begins::Tls)]
    {
        let notes = after_connect(4, b"", answer);
        let last = notes.what().pop();
        assert_eq!(last, Some(What::NotMqtt { from: Side::Server, begins }));
    }
}

#[test]
fn the_preface_of_a_proxy_is_stepped_over() {
    let one = &b"PROXY TCP4 10.1.1.1 10.0.0.9 40000 1883\r\n"[..];
    let two =
        &b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C\x0A\x01\x01\x01\x0A\0\0\x09\x9C\x40\x07\x5B"[..];
    for preface in [one, two] {
        for cut in [0, 1, 5, 15, 17, preface.len(), preface.len() + 3] {
            let mut wire = Wire::up();
            let all = [preface, CONNECT].concat();
            wire.send(5, 0, &all[..cut]);
            wire.send(6, 0, &all[cut..]);
            wire.send(7, 1, CONNACK);
            let words = wire.words();
            assert_eq!(words, "Opening Accepted NotMqtt Connect ConnAck", "{cut}");
        }
    }
    let mut endless = Wire::up();
    for _ in 0..30 {
        endless.send(5, 0, b"PROXY TCP4 so it goes on, and on, and on");
    }
    assert_eq!(endless.words(), "Opening Accepted NotMqtt");
}
