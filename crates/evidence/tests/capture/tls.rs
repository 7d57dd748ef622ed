//! TLS by its sizes.

use evenkeel_doctor::{Alpn, Begins, Side, Vantage, What};

use crate::support::*;

/// A record of this type with so many bytes.
fn record(kind: u8, len: usize) -> Vec<u8> {
    let mut record = vec![kind, 3, 3];
    record.extend((len as u16).to_be_bytes());
    record.resize(5 + len, 0xEE);
    record
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut record = vec![22, 3, 1];
    record.extend((body.len() as u16 + 4).to_be_bytes());
    record.push(kind);
    record.extend(&(body.len() as u32).to_be_bytes()[1..]);
    record.extend(body);
    record
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &(body.len() as u16).to_be_bytes(), body].concat()
}

fn client_hello(name: &str, alpn: &[&str]) -> Vec<u8> {
    let mut extensions = Vec::new();
    if !name.is_empty() {
        let len = name.len() as u8;
        let list = [&[0, len + 3, 0, 0, len][..], name.as_bytes()].concat();
        extensions.extend(extension(0, &list));
    }
    if !alpn.is_empty() {
        let names: Vec<u8> = alpn
            .iter()
            .flat_map(|name| [&[name.len() as u8][..], name.as_bytes()].concat())
            .collect();
        let list = [&(names.len() as u16).to_be_bytes()[..], &names].concat();
        extensions.extend(extension(16, &list));
    }
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    handshake(1, &body)
}

fn server_hello(suite: u16, version: u16) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([9; 32]);
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(0);
    if version == 0x0304 {
        let extension = extension(43, &version.to_be_bytes());
        body.extend((extension.len() as u16).to_be_bytes());
        body.extend(extension);
    }
    handshake(2, &body)
}

/// TLS 1.3 up to CONNACK, at 20 ms.
fn up_13() -> Wire {
    let mut wire = Wire::new().on_port(8883);
    wire.send(5, 0, &client_hello("broker.test", &["mqtt"]));
    wire.send(6, 1, &[server_hello(0x1301, 0x0304), record(20, 1), record(23, 900)].concat());
    wire.send(7, 0, &[record(20, 1), record(23, 53), record(23, 17 + 30)].concat());
    wire.send(8, 1, &[record(23, 17 + 200), record(23, 17 + 200)].concat());
    wire.send(20, 1, &record(23, 17 + 4));
    wire
}

/// TLS 1.2 up to CONNACK, at 20 ms.
fn up_12() -> Wire {
    let mut wire = Wire::new().on_port(8883);
    wire.send(5, 0, &client_hello("broker.test", &[]));
    wire.send(6, 1, &[server_hello(0xC02F, 0x0303), handshake(11, &[0; 800])].concat());
    wire.send(7, 0, &[handshake(16, &[0; 32]), record(20, 1), record(22, 40)].concat());
    wire.send(8, 1, &[record(20, 1), record(22, 40)].concat());
    wire.send(9, 0, &record(23, 24 + 30));
    wire.send(20, 1, &record(23, 24 + 4));
    wire
}

const HELLOS: &str = "Opening Accepted ClientHello ServerHello Sealed30 Sealed4";

fn after(wire: &Wire) -> String {
    let words = wire.words();
    words.strip_prefix(HELLOS).unwrap_or_else(|| panic!("{words}")).trim_start().into()
}

#[test]
fn hellos_are_read_and_the_handshake_is_no_data() {
    for wire in [up_13(), up_12()] {
        let notes = wire.notes();
        assert_eq!(notes.words(), HELLOS);
        assert_eq!(notes.sources[0].vantage, Vantage::Encrypted);
        let What::ClientHello { sni, .. } = notes.what()[2] else { panic!() };
        assert_eq!(notes.texts.text(sni), "broker.test");
    }
    let What::ClientHello { alpn, .. } = up_13().notes().what()[2] else { panic!() };
    assert_eq!(alpn, Alpn { any: true, mqtt: true, ..Alpn::default() });
    let hello = What::ServerHello { suite: 0xC02F, version: 0x0303 };
    assert_eq!(up_12().notes().what()[3], hello);
}

#[test]
fn two_bytes_alone_are_a_ping_and_its_answer() {
    for (mut wire, overhead) in [(up_13(), 17), (up_12(), 24)] {
        wire.send(1000, 0, &record(23, overhead + 2));
        wire.send(1010, 1, &record(23, overhead + 2));
        wire.send(3000, 0, &record(23, overhead + 2));
        wire.send(3051, 1, &record(23, overhead + 2));
        let notes = wire.notes();
        assert_eq!(notes.words(), format!("{HELLOS} ~PingReq ~PingResp ~PingReq ~PingResp"));
        // The time is that of the record, not that at which it was clear.
        assert_eq!(notes.events[6].at.0, 1_000_000_000);
    }
}

#[test]
fn an_answer_that_nobody_asked_for_is_none() {
    let mut wire = up_13();
    wire.send(1000, 1, &record(23, 19));
    assert_eq!(after(&wire), "Sealed2");
}

#[test]
fn goodbyes() {
    // DISCONNECT, close_notify, FIN; in TLS 1.2 an alert says it.
    let mut wire = up_13();
    wire.send(1000, 0, &record(23, 19));
    wire.send(1001, 0, &record(23, 19));
    wire.end(1002, 0);
    assert_eq!(after(&wire), "~Disconnect Closing");
    let mut wire = up_12();
    wire.send(1000, 0, &record(23, 26));
    wire.send(1001, 0, &record(21, 26));
    wire.end(1002, 0);
    assert_eq!(after(&wire), "~Disconnect Closing");
    // An end that takes its time.
    let mut wire = up_13();
    wire.send(1000, 0, &record(23, 19));
    wire.send(1020, 0, &record(23, 19));
    wire.end(1069, 0);
    assert_eq!(after(&wire), "~Disconnect Closing");
}

#[test]
fn two_records_of_two_bytes_and_no_end() {
    // Further apart than a header from its body: two pings.
    let mut wire = up_13();
    wire.send(1000, 0, &record(23, 19));
    wire.send(1006, 0, &record(23, 19));
    wire.send(1040, 1, &record(23, 19));
    wire.send(1046, 1, &record(23, 19));
    wire.send(2000, 0, &record(23, 19));
    wire.send(2050, 0, &record(23, 19));
    wire.send(2200, 0, &record(23, 30));
    let notes = wire.notes();
    let pings = "~PingReq ~PingReq ~PingResp ~PingResp ~PingReq ~PingReq Sealed13";
    assert_eq!(notes.words(), format!("{HELLOS} {pings}"));
    assert_eq!([notes.events[6].at.0, notes.events[7].at.0], [1_000_000_000, 1_006_000_000]);
    // As close as that: a packet of four bytes in two parts, or two pings.
    let mut wire = up_13();
    wire.send(1000, 0, &record(23, 19));
    wire.send(1005, 0, &record(23, 19));
    wire.send(2000, 0, &record(23, 19));
    assert_eq!(after(&wire), "Sealed4 ~PingReq");
    // With an end soon it was DISCONNECT, without one it was not.
    let mut wire = up_13();
    wire.send(1000, 0, &record(23, 19));
    wire.send(1040, 0, &record(23, 19));
    wire.end(1091, 0);
    assert_eq!(after(&wire), "~PingReq ~PingReq Closing");
}

#[test]
fn answers_say_that_one_write_was_several_pings() {
    let twice = |many: usize, answers: usize| {
        let mut wire = up_13();
        wire.send(1000, 0, &record(23, 17 + 2 * many));
        for n in 0..answers as u64 {
            wire.send(1010 + n, 1, &record(23, 19));
        }
        wire.send(2000, 0, &record(23, 30));
        after(&wire)
    };
    assert_eq!(twice(2, 2), "Sealed4 ~PingResp ~PingResp Sealed13");
    assert_eq!(twice(3, 4), "Sealed6 ~PingResp ~PingResp ~PingResp Sealed2 Sealed13");
    assert_eq!(twice(4, 0), "Sealed8 Sealed13");
    // A server that writes its headers apart says nothing by two bytes.
    let mut wire = up_13();
    wire.send(900, 1, &record(23, 19));
    wire.send(901, 1, &record(23, 30));
    wire.send(1000, 0, &record(23, 17 + 4));
    wire.send(1010, 1, &record(23, 19));
    wire.send(1011, 1, &record(23, 19));
    assert_eq!(after(&wire), "Sealed2 Sealed13 Sealed4 Sealed2 Sealed2");
}

#[test]
fn a_ping_and_an_end_at_once_after_an_earlier_ping() {
    let mut wire = up_13();
    wire.send(1000, 0, &record(23, 19));
    wire.send(1001, 1, &record(23, 19));
    wire.send(3000, 0, &record(23, 19));
    wire.end(3001, 0);
    assert_eq!(after(&wire), "~PingReq ~PingResp ~PingReq Closing");
}

#[test]
fn close_notify_is_no_answer() {
    // Directly before the server's FIN, and on either side after an end.
    let mut wire = up_13();
    wire.send(1000, 0, &record(23, 19));
    wire.send(1060, 1, &record(23, 19));
    wire.end(1061, 1);
    wire.send(1062, 0, &record(23, 19));
    wire.end(1063, 0);
    assert_eq!(after(&wire), "~PingReq Closing");
}

#[test]
fn a_client_without_a_certificate_is_told_so() {
    // Recorded with mosquitto and `require_certificate`: an empty Certificate, Finished, an
    // alert, and an end.
    let mut wire = Wire::new().on_port(8883);
    wire.send(5, 0, &client_hello("broker.test", &[]));
    wire.send(6, 1, &[server_hello(0x1301, 0x0304), record(20, 1), record(23, 900)].concat());
    wire.send(7, 0, &[record(20, 1), record(23, 17 + 8), record(23, 53)].concat());
    wire.send(8, 1, &record(23, 19));
    wire.end(9, 1);
    assert!(wire.words().ends_with("ServerHello ~PingResp Closing"), "{}", wire.words());
}

#[test]
fn the_tail_of_a_long_write_is_no_ping() {
    let mut wire = up_13();
    wire.send(1000, 0, &record(23, 16_384 + 17));
    wire.send(1050, 0, &record(23, 19));
    assert_eq!(after(&wire), "Sealed16384 Sealed2");
    let mut wire = up_13();
    wire.send(1000, 0, &record(23, 16_384 + 17));
    wire.send(1051, 0, &record(23, 19));
    assert_eq!(after(&wire), "Sealed16384 ~PingReq");
}

#[test]
fn a_header_apart_from_its_body_is_no_ping() {
    let mut wire = up_13();
    wire.send(1000, 0, &record(23, 19));
    wire.send(1005, 0, &record(23, 25));
    assert_eq!(after(&wire), "Sealed2 Sealed8");
    let mut wire = up_13();
    wire.send(1000, 0, &record(23, 19));
    wire.send(1006, 0, &record(23, 25));
    assert_eq!(after(&wire), "~PingReq Sealed8");
}

#[test]
fn padded_suites_say_sizes_alone() {
    let mut wire = Wire::new().on_port(8883);
    wire.send(5, 0, &client_hello("broker.test", &[]));
    wire.send(6, 1, &server_hello(0xC013, 0x0303));
    wire.send(7, 0, &[record(20, 1), record(22, 64), record(23, 52)].concat());
    assert_eq!(wire.words(), "Opening Accepted ClientHello ServerHello Sealed52");
}

#[test]
fn alerts_in_the_clear() {
    let mut wire = Wire::new().on_port(8883);
    wire.send(5, 0, &client_hello("", &[]));
    wire.send(6, 1, &[21, 3, 3, 0, 2, 2, 112]);
    wire.end(7, 1);
    let notes = wire.notes();
    assert_eq!(notes.words(), "Opening Accepted ClientHello Alert Closing");
    assert_eq!(notes.what()[3], What::Alert { from: Side::Server, code: 112 });
    assert_eq!(notes.sources[0].vantage, Vantage::Encrypted);
}

#[test]
fn tls_on_a_port_without_it() {
    let mut wire = Wire::up();
    wire.send(5, 0, &client_hello("", &[]));
    wire.send(6, 1, CONNACK);
    let notes = wire.notes();
    assert_eq!(notes.words(), "Opening Accepted ClientHello NotMqtt");
    let tls = What::NotMqtt { from: Side::Client, begins: Begins::Tls };
    assert_eq!(notes.what()[3], tls);
    assert_eq!(notes.sources[0].vantage, Vantage::Plain);
}

#[test]
fn other_tls_is_of_no_interest() {
    for (name, alpn, words) in [
        ("shop.test", &["h2"][..], ""),
        ("a.iot.eu-west-1.amazonaws.com", &[], "Opening Accepted ClientHello"),
        ("x.test", &["x-amzn-mqtt-ca"], "Opening Accepted ClientHello"),
    ] {
        let mut wire = Wire::new().on_port(443);
        wire.send(5, 0, &client_hello(name, alpn));
        wire.end(7, 0);
        assert_eq!(wire.words(), format!("{words} Closing").trim_start_matches(" Closing"));
    }
}

/// The handshake of a browser goes on, and what follows is no connection of MQTT either.
#[test]
fn what_follows_a_hello_of_no_interest_is_of_none() {
    for version in [0x0303, 0x0304] {
        let mut wire = Wire::new().on_port(443);
        let hello = client_hello("shop.test", &["h2"]);
        wire.send(5, 0, &hello);
        wire.send(6, 1, &[server_hello(0xC02F, version), handshake(11, &[0; 800])].concat());
        wire.send(7, 1, &handshake(14, &[]));
        wire.send(8, 0, &[handshake(16, &[0; 65]), record(20, 1), record(22, 40)].concat());
        wire.send(9, 1, &[record(20, 1), record(22, 40)].concat());
        wire.send(10, 0, &record(23, 500));
        wire.at(11, 0, 0_u32.wrapping_sub(505), &record(23, 500));
        wire.send(12, 1, &record(23, 500));
        // And the hello again, as if it had been lost.
        wire.seq[0] = 101;
        wire.send(13, 0, &hello);
        wire.end(14, 1);
        assert_eq!(wire.words(), "", "{version:x}");
    }
}

#[test]
fn a_connection_joined_under_tls() {
    let mut wire = Wire::new();
    wire.server.1 = 8883;
    wire.send(5, 0, &record(23, 100));
    wire.send(6, 1, &record(23, 19));
    assert_eq!(wire.words(), "Joined Sealed100 Sealed19");
}

#[test]
fn a_gap_within_a_record_keeps_the_others() {
    let mut wire = up_13();
    let large = record(23, 1017);
    let packet = wire.packet(0, wire.seq[0], ACK, &large);
    wire.ip(1000, &packet, 300);
    wire.seq[0] += large.len() as u32;
    wire.send(2000, 0, &record(23, 19));
    assert_eq!(after(&wire), "Missing Sealed1000 ~PingReq");
}

#[test]
fn pings_in_websocket_have_frames_around_them() {
    for alpn in [&["http/1.1"][..], &[]] {
        let mut wire = Wire::new().on_port(8884);
        wire.send(5, 0, &client_hello("broker.test", alpn));
        wire.send(6, 1, &[server_hello(0x1301, 0x0304), record(23, 900)].concat());
        wire.send(7, 0, &[record(23, 53), record(23, 17 + 250)].concat());
        wire.send(8, 1, &[record(23, 17 + 200), record(23, 17 + 160)].concat());
        wire.send(9, 0, &record(23, 17 + 40));
        wire.send(20, 1, &record(23, 17 + 6));
        wire.send(1000, 0, &record(23, 17 + 8));
        wire.send(1010, 1, &record(23, 17 + 4));
        wire.send(3000, 0, &record(23, 17 + 8));
        wire.send(3001, 0, &record(23, 17 + 8));
        wire.send(3001, 0, &record(23, 17 + 2));
        wire.end(3002, 0);
        let words = wire.words();
        let (_, after) = words.split_once("Sealed6").unwrap_or_else(|| panic!("{words}"));
        assert_eq!(after, " ~PingReq ~PingResp ~Disconnect Closing", "{alpn:?}");
    }
}

/// A ping waits for what follows it; what TCP does meanwhile is told after it.
#[test]
fn a_ping_that_waits_is_told_before_what_comes_after_it() {
    for what in ["Resent", "Missing", "Window"] {
        let mut wire = up_13();
        wire.send(1000, 0, &record(23, 19));
        match what {
            "Resent" => wire.at(1040, 0, 0_u32.wrapping_sub(24), &record(23, 19)),
            "Missing" => wire.at(1020, 0, 40, &record(23, 60)),
            _ => {
                wire.window = 0;
                wire.raw(1040, 1, ACK, b"");
            }
        }
        let notes = wire.notes();
        assert!(notes.words().contains(&format!("~PingReq {what}")), "{}", notes.words());
        assert!(notes.events.is_sorted_by_key(|event| event.at), "{what}");
    }
}
