//! MQTT in WebSocket.

use evenkeel_doctor::{Begins, Side, Time, What};

use crate::support::*;

fn request(protocol: &str, target: &str) -> Vec<u8> {
    format!(
        "GET {target} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         {protocol}\r\n"
    )
    .into_bytes()
}

const MQTT: &str = "Sec-WebSocket-Protocol: mqtt\r\n";
const AGREED: &[u8] = b"HTTP/1.1 101 x\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

fn masked(kind: u8, data: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut frame = vec![0x80 | kind, 0x80 | data.len() as u8];
    frame.extend(mask);
    frame.extend(data.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn bare(kind: u8, data: &[u8]) -> Vec<u8> {
    [&[0x80 | kind, data.len() as u8], data].concat()
}

#[test]
fn frames_carry_packets() {
    let mut wire = Wire::new().on_port(8083);
    wire.send(5, 0, &request(MQTT, "/mqtt?X-Amz-Date=20260101T000000Z&X-Amz-Expires=9"));
    wire.send(6, 1, AGREED);
    wire.send(
        7,
        0,
        &[masked(2, &CONNECT[..7]), masked(9, b"hm"), masked(0, &CONNECT[7..])].concat(),
    );
    wire.send(8, 1, &bare(2, &[CONNACK, PINGRESP].concat()));
    wire.send(9, 0, &masked(8, &[3, 0xE8]));
    let notes = wire.notes();
    let upgrade = "Opening Accepted Upgrade UpgradeAnswer";
    assert_eq!(notes.words(), format!("{upgrade} Connect ConnAck PingResp WebSocketClose"));
    let What::Upgrade { mqtt: true, signed, expires } = notes.what()[2] else { panic!() };
    assert_eq!(notes.texts.text(signed), "20260101T000000Z+9");
    assert_eq!(expires, Some(Time(1_767_225_609_000_000_000)));
    assert_eq!(notes.what()[3], What::UpgradeAnswer { status: 101, mqtt: true });
    let close = What::WebSocketClose { from: Side::Client, code: 1000 };
    assert_eq!(notes.what().last(), Some(&close));
}

#[test]
fn refusals_and_text() {
    let mut refused = Wire::new().on_port(8083);
    refused.send(5, 0, &request("", "/"));
    refused.send(6, 1, b"HTTP/1.1 404 Not Found\r\n\r\nno such thing");
    let what = refused.notes().what();
    assert_eq!(what[2], What::Upgrade { mqtt: false, signed: Default::default(), expires: None });
    assert_eq!(what[3..], [What::UpgradeAnswer { status: 404, mqtt: false }]);
    let mut text = Wire::new().on_port(8083);
    text.send(5, 0, &request(MQTT, "/"));
    text.send(6, 1, AGREED);
    text.send(7, 0, &masked(1, CONNECT));
    assert_eq!(text.notes().what()[4..], [What::TextFrame { from: Side::Client }]);
}

#[test]
fn other_http_is_told_on_mqtt_ports_alone() {
    let http = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut wire = Wire::up();
    wire.send(5, 0, http);
    let other = What::NotMqtt { from: Side::Client, begins: Begins::Http };
    assert_eq!(wire.notes().what()[2..], [other]);
    let mut wire = Wire::new().on_port(80);
    wire.send(5, 0, http);
    assert_eq!(wire.words(), "");
    let mut wire = Wire::new().on_port(80);
    wire.send(5, 0, &request(MQTT, "/"));
    assert_eq!(wire.words(), "Opening Accepted Upgrade");
}
