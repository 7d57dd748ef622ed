//! Tasmota's log.

use core::time::Duration;

use evenkeel_doctor::{Address, OpenFailure, Side, Vantage, Words};

use crate::logs::facts::Facts;
use crate::logs::format::{Format, Hit};
use crate::logs::scan::{number_after, signed_after};
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "tasmota",
    of: "Tasmota",
    vantage: Vantage::ClientLog,
    shows: "connections, return codes, delays",
    signs: &["MQT: Attempting connection", "MQT: Connected", "MQT: Connect failed to "],
    anchors: &[
        ("MQT: Attempting connection", |_, facts| {
            facts.open(Who::ONLY, Address::UNKNOWN, Address::UNKNOWN);
        }),
        ("MQT: Connected", |_, facts| facts.accepted(Who::ONLY)),
        ("MQT: Connect failed to ", failed),
        ("WIF: Connect failed", |_, facts| facts.words(Who::ONLY, Words::LinkDown)),
    ],
    ..Format::EMPTY
};

/// `host:1883, rc -4. Retry in 10 sec`. It is also said when a connection that
/// was up is lost.
fn failed(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let Some(code) = signed_after(hit.after, "rc ") else { return facts.unknown() };
    let who = Who::ONLY;
    let was_up = facts.threads.is_accepted(who) && !facts.threads.is_over(who);
    match code {
        // The answer to CONNECT or to a ping did not come.
        -4 if was_up => {
            let words = Words::KeepAliveTimeout { by: Side::Client };
            facts.ends(who, words, Some(Side::Client));
        }
        -4 => {
            facts.words(who, Words::ConnAckTimeout);
            facts.failed(who, OpenFailure::Silent);
        }
        1..=127 if !was_up => facts.refused(who, u8::try_from(code).unwrap_or(0)),
        _ if was_up => facts.lost(who, None),
        -5 => facts.failed(who, OpenFailure::Name),
        -2 => facts.failed(who, OpenFailure::Refused),
        _ => facts.failed(who, OpenFailure::Other),
    }
    if let Some(seconds) = number_after(hit.after, "Retry in ") {
        facts.retry(who, Duration::from_secs(seconds));
    }
}

#[cfg(test)]
mod tests {
    use crate::logs::told::Told;

    fn told(lines: &str) -> String {
        Told::of("tasmota", lines).lines()
    }

    #[test]
    fn a_live_connection_that_is_lost() {
        let lines = told(
            "03:04:05.100 MQT: Attempting connection...
             03:04:05.200 MQT: Connected
             03:05:05.200 MQT: Connect failed to 10.0.0.9:1883, rc -4. Retry in 10 sec",
        );
        assert_eq!(
            lines,
            "0 opening - -
             0 < CONNACK 0
             0 words KeepAliveTimeout by Client
             0 > closing
             0 words Retry 10s"
        );
    }

    #[test]
    fn an_attempt_that_fails() {
        for (code, expected) in [
            ("-5", "0 failed Name"),
            ("-4", "0 words ConnAckTimeout\n 0 failed Silent"),
            ("-3", "0 failed Other"),
            ("-2", "0 failed Refused"),
            ("4", "0 < CONNACK 4\n 0 < closing"),
            ("5", "0 < CONNACK 5\n 0 < closing"),
        ] {
            let lines = told(&format!(
                "03:04:05 MQT: Attempting connection...
             03:04:06 MQT: Connect failed to h:1883, rc {code}. Retry in 20 sec"
            ));
            let expected = format!("0 opening - -\n {expected}\n 0 words Retry 20s");
            assert_eq!(lines.replace("             ", " "), expected, "{code}");
        }
    }

    #[test]
    fn a_code_that_is_none_is_not_understood() {
        let told = Told::of("tasmota", "03:04:06 MQT: Connect failed to h:1883, rc x");
        assert_eq!(told.understood(), 0);
    }
}
