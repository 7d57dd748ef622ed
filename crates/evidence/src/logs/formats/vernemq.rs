//! VerneMQ's console.log.

use evenkeel_doctor::{Denied, Side, Vantage, Words};

use crate::logs::facts::Facts;
use crate::logs::format::{Format, Hit};
use crate::logs::reasons;
use crate::logs::scan::{between, word};
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "vernemq",
    of: "VerneMQ: console.log",
    vantage: Vantage::BrokerLog,
    shows: "why connections end, refusals",
    signs: &["@vmq_", "vmq_", "client {[],<<"],
    anchors: &[
        (" stopped due to ", |hit, facts| {
            let Some(id) = id(hit.before) else { return facts.unknown() };
            let who = Who::id(id);
            match reasons::words(hit.rest()) {
                Some(words) => facts.ends(who, words, Some(Side::Server)),
                None if hit.rest() == "normal" => {
                    facts.ends(who, Words::Goodbye, Some(Side::Client));
                }
                None => facts.closed(who, None),
            }
        }),
        ("can't authenticate client ", |hit, facts| {
            let Some(id) = id(hit.after) else { return facts.unknown() };
            let peer = between(hit.after, " from ", " due to").unwrap_or_default();
            let who = Who { id, peer, instance: "" };
            facts.denied(who, Denied::Connect, "");
            facts.closed(who, Some(Side::Server));
        }),
        ("can't auth publish for client ", |hit, facts| denied(Denied::Publish, hit, facts)),
        ("can't auth subscribe for client ", |hit, facts| denied(Denied::Subscribe, hit, facts)),
        ("can't auth subscribe ", |hit, facts| denied(Denied::Subscribe, hit, facts)),
    ],
    ..Format::EMPTY
};

/// `{[],<<"pump">>}`, or the identifier alone.
fn id(text: &str) -> Option<&str> {
    if let Some(id) = between(text, "<<\"", "\">>") {
        return Some(id);
    }
    let id = word(text.rsplit_once("client ").map_or(text, |(_, rest)| rest));
    (!id.is_empty()).then_some(id)
}

/// `.. (user u) on topic t due to r`.
fn denied(right: Denied, hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let Some(id) = id(hit.after) else { return facts.unknown() };
    let topic = between(hit.after, " topic ", " due to").unwrap_or_default();
    facts.denied(Who::id(id), right, topic);
}

#[cfg(test)]
mod tests {
    use crate::logs::told::Told;

    #[test]
    fn ends_and_refusals() {
        let told = Told::of(
            "vernemq",
            r#"2026-01-02 03:04:05.123 [warning] <0.1.0>@vmq_mqtt_fsm:x:1 client {[],<<"a">>} with username <<"eve">> stopped due to keepalive expired
             2026-01-02 03:04:06.123 [warning] <0.2.0>@vmq_mqtt_fsm:x:1 can't authenticate client {[],<<"b">>} from 10.0.0.1:5000 due to not_authorized
             2026-01-02 03:04:07.123 [error] <0.3.0>@vmq_mqtt_fsm:x:1 can't auth publish for client c (user eve) on topic a/b due to not_authorized
             2026-01-02 03:04:08.123 [info] started"#,
        );
        told.hides("eve");
        assert_eq!(
            told.lines(),
            "0 is a
             0 joined - -
             0 words KeepAliveTimeout by Server
             0 < closing
             1 is b
             1 joined 10.0.0.1:5000 -
             1 words Denied Connect 
             1 < closing
             2 is c
             2 joined - -
             2 words Denied Publish a/b"
        );
        assert_eq!(told.understood(), 3);
    }
}
