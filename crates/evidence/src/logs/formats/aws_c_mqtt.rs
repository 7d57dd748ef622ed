//! aws-c-mqtt, on which AWS's IoT Device SDKs v2 rest.

use core::time::Duration;

use evenkeel_doctor::{Address, PacketSeen, Side, Vantage, Words};

use crate::logs::clock::Stamp;
use crate::logs::facts::Facts;
use crate::logs::format::{Format, Hit, Times};
use crate::logs::reasons::open_failure;
use crate::logs::scan::number;
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "aws-c-mqtt",
    of: "AWS IoT Device SDKs v2 (aws-c-mqtt)",
    vantage: Vantage::ClientLog,
    shows: "connections, refusals, pings and their answers, errors",
    signs: &["[mqtt5-client]", "[mqtt-client]", "[mqtt5-general]"],
    anchors: &[
        ("emitting attempting connect lifecycle event", |hit, facts| {
            facts.open(who(hit), Address::UNKNOWN, Address::UNKNOWN);
        }),
        ("emitting connection success lifecycle event", |hit, facts| facts.accepted(who(hit))),
        ("emitting connection failure lifecycle event with error code ", |hit, facts| {
            if !facts.threads.is_over(who(hit)) {
                facts.failed(who(hit), open_failure(hit.after));
            }
        }),
        ("emitting disconnection lifecycle event with error code ", disconnected),
        ("channel shutdown due to PINGRESP timeout", |hit, facts| {
            let words = Words::KeepAliveTimeout { by: Side::Client };
            facts.ends(who(hit), words, Some(Side::Client));
        }),
        ("by remote host with reason code ", |hit, facts| match number(hit.after) {
            Some(code) => facts.refused(who(hit), code),
            None => facts.unknown(),
        }),
        ("Starting ping", |hit, facts| {
            facts.packet(who(hit), Side::Client, PacketSeen::PingReq);
        }),
        ("connection was unexpected interrupted", |hit, facts| facts.lost(who(hit), None)),
        ("reconnect backoff delay has been reset back to ", |_, _| {}),
    ],
    // `[LEVEL] [time] [thread] [subject] - text`
    before: |line, facts| {
        if let Some((_, rest)) = line.split_once("] ") {
            facts.time(Stamp::read(rest).map(|(stamp, _)| stamp));
        }
        false
    },
    times: Times::Either(Duration::from_secs(1)),
    ..Format::EMPTY
};

/// `.. - id=0x1234: text`.
fn who<'a>(hit: &Hit<'a>) -> Who<'a> {
    let pointer = hit.before.split_once("id=").map_or("", |(_, rest)| rest);
    Who::instance(pointer.split_once(':').map_or("", |(pointer, _)| pointer))
}

/// `5134(aws-c-mqtt: AWS_ERROR_MQTT_UNEXPECTED_HANGUP, ..)`.
fn disconnected(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let who = who(hit);
    if facts.threads.is_over(who) {
        // The line before has said it.
        return;
    }
    if hit.after.starts_with("0(") || hit.after.contains("USER_REQUESTED_STOP") {
        facts.ends(who, Words::Goodbye, Some(Side::Client));
    } else if hit.after.contains("PING_RESPONSE_TIMEOUT") {
        let words = Words::KeepAliveTimeout { by: Side::Client };
        facts.ends(who, words, Some(Side::Client));
    } else {
        let hangup = hit.after.contains("HANGUP") || hit.after.contains("SOCKET_CLOSED");
        facts.closed(who, hangup.then_some(Side::Server));
    }
}

#[cfg(test)]
mod tests {
    use crate::logs::told::Told;

    #[test]
    fn clients_are_told_apart_by_their_pointers() {
        let line = |second: u8, id: u8, text: &str| {
            format!(
                "[INFO] [2026-01-02T03:04:{second:02}Z] [00007f01] [mqtt5-client] - id=0x{id}: {text}\n"
            )
        };
        let lines = [
            line(1, 1, "emitting attempting connect lifecycle event"),
            line(2, 2, "emitting attempting connect lifecycle event"),
            line(3, 1, "emitting connection success lifecycle event"),
            line(
                4,
                2,
                "connection refused (via failed CONNACK) by remote host with reason code 135(Not Authorized)",
            ),
            line(5, 2, "emitting connection failure lifecycle event with error code 5150(x)"),
            line(6, 1, "Starting ping"),
            line(9, 1, "channel shutdown due to PINGRESP timeout"),
            line(
                9,
                1,
                "emitting disconnection lifecycle event with error code 5153(AWS_ERROR_MQTT5_PING_RESPONSE_TIMEOUT)",
            ),
            line(10, 1, "emitting attempting connect lifecycle event"),
            line(11, 1, "emitting connection success lifecycle event"),
            line(
                12,
                1,
                "emitting disconnection lifecycle event with error code 5134(AWS_ERROR_MQTT_UNEXPECTED_HANGUP)",
            ),
        ];
        let told = Told::of("aws-c-mqtt", &lines.concat());
        assert_eq!(
            told.timed(),
            "0 0 opening - -
             1000 1 opening - -
             2000 0 < CONNACK 0
             3000 1 < CONNACK 135
             3000 1 < closing
             5000 0 > PINGREQ
             8000 0 words KeepAliveTimeout by Client
             8000 0 > closing
             9000 0 forgotten
             9000 0 opening - -
             10000 0 < CONNACK 0
             11000 0 < closing"
        );
    }
}
