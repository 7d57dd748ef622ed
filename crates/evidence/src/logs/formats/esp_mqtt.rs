//! esp-mqtt of ESP-IDF, with what TLS and sockets beneath it say.

use std::time::Duration;

use evenkeel_doctor::{Address, OpenFailure, PacketSeen, Side, Vantage, Words};

use crate::logs::format::Format;
use crate::logs::reasons::{open_failure, refusal};
use crate::logs::scan::{host_of_url, number, word};
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "esp-mqtt",
    of: "esp-mqtt of ESP-IDF",
    vantage: Vantage::ClientLog,
    shows: "pings without answer, refusals, failing sockets and TLS, delays",
    signs: &[
        "mqtt_client: ",
        "MQTT_CLIENT: ",
        "TRANSPORT_BASE: ",
        "transport_base: ",
        "MQTT_EVENT_CONNECTED",
        "MQTT_EVENT_DISCONNECTED",
    ],
    anchors: &[
        ("Transport connected to ", |hit, facts| {
            let server = facts.address(host_of_url(word(hit.after)));
            facts.open(Who::ONLY, Address::UNKNOWN, server);
        }),
        ("MQTT_EVENT_CONNECTED", |_, facts| facts.accepted(Who::ONLY)),
        ("MQTT_EVENT_DISCONNECTED", |_, facts| facts.lost(Who::ONLY, None)),
        ("No PING_RESP, disconnected", |_, facts| {
            let words = Words::KeepAliveTimeout { by: Side::Client };
            facts.ends(Who::ONLY, words, Some(Side::Client));
        }),
        ("Can't send ping, disconnected", |_, facts| facts.lost(Who::ONLY, None)),
        ("Sent PING successful", |_, facts| {
            facts.packet(Who::ONLY, Side::Client, PacketSeen::PingReq);
        }),
        ("Writing failed: errno=", |_, facts| facts.lost(Who::ONLY, None)),
        ("Writing didn't complete in specified timeout", |_, facts| {
            facts.lost(Who::ONLY, Some(Side::Client));
        }),
        ("Poll read error: ", |_, facts| facts.lost(Who::ONLY, None)),
        ("mqtt_message_receive() returned ", |_, facts| facts.lost(Who::ONLY, None)),
        ("transport_read(): EOF", |_, facts| facts.lost(Who::ONLY, Some(Side::Server))),
        ("transport_read() error: errno=", |_, facts| facts.lost(Who::ONLY, None)),
        ("Connection refused, ", |hit, facts| {
            // 128: a refusal without a reason.
            facts.refused(Who::ONLY, refusal(hit.after).unwrap_or(128));
        }),
        ("Reconnect after ", |hit, facts| match number(hit.after) {
            Some(millis) => facts.retry(Who::ONLY, Duration::from_millis(millis)),
            None => facts.unknown(),
        }),
        ("Client force reconnect requested", |_, facts| {
            facts.lost(Who::ONLY, Some(Side::Client));
        }),
        ("Error transport connect", |_, facts| {
            // The lines before have said why, if anything did.
            if !facts.threads.is_over(Who::ONLY) {
                facts.failed(Who::ONLY, OpenFailure::Other);
            }
        }),
        ("couldn't get hostname", |_, facts| facts.failed(Who::ONLY, OpenFailure::Name)),
        ("connect() error: ", |hit, facts| facts.failed(Who::ONLY, open_failure(hit.after))),
        ("delayed connect error: ", |hit, facts| {
            facts.failed(Who::ONLY, open_failure(hit.after));
        }),
        ("mbedtls_ssl_handshake returned ", |_, facts| {
            if facts.threads.is_over(Who::ONLY) {
                facts.open(Who::ONLY, Address::UNKNOWN, Address::UNKNOWN);
            }
            facts.words(Who::ONLY, Words::TlsFailed(0));
            facts.failed(Who::ONLY, OpenFailure::Tls);
        }),
        ("wifi:state: run -> init", |_, facts| facts.words(Who::ONLY, Words::LinkDown)),
    ],
    ..Format::EMPTY
};

#[cfg(test)]
mod tests {
    use crate::logs::told::Told;

    #[test]
    fn deaths_delays_and_a_boot() {
        let told = Told::of(
            "esp-mqtt",
            "\u{1b}[0;32mI (1000) mqtt_example: MQTT_EVENT_CONNECTED\u{1b}[0m
             D (61000) mqtt_client: Sent PING successful
             E (91000) mqtt_client: No PING_RESP, disconnected
             I (91000) mqtt_example: MQTT_EVENT_DISCONNECTED
             I (91000) mqtt_client: Reconnect after 10000 ms
             E (101000) esp-tls: couldn't get hostname for :broker: getaddrinfo() returns 202
             E (101000) mqtt_client: Error transport connect
             W (112000) mqtt_client: Connection refused, not authorized
             I (400) mqtt_example: MQTT_EVENT_CONNECTED
             E (900) transport_base: transport_read(): EOF
             E (910) esp-tls-mbedtls: mbedtls_ssl_handshake returned -0x2700",
        );
        assert_eq!(
            told.timed(),
            "0 0 opening - -
             0 0 < CONNACK 0
             60000 0 > PINGREQ
             90000 0 words KeepAliveTimeout by Client
             90000 0 > closing
             90000 0 words Retry 10s
             100000 0 forgotten
             100000 0 opening - -
             100000 0 failed Name
             111000 0 forgotten
             111000 0 opening - -
             111000 0 < CONNACK 5
             111000 0 < closing
             111000 0 forgotten
             111000 0 opening - -
             111000 0 < CONNACK 0
             111500 0 < closing
             111510 0 forgotten
             111510 0 opening - -
             111510 0 words TlsFailed(0)
             111510 0 failed Tls"
        );
        assert!(!told.sources[0].calendar);
    }
}
