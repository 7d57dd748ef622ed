//! NW01: the connection is open on one side alone.

use crate::rule::prelude::*;

const RESENT: Threshold = Threshold {
    name: "NW01.resent",
    value: 3,
    reason: "one or two retransmissions are loss; three without a byte back are a dead path",
};

const LASTS: Threshold = Threshold {
    name: "NW01.lasts_ms",
    value: 5000,
    reason: "a link that is back sooner has cost a delay and no connection",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "NW01",
        slug: "half-open",
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::ClientEvents],
            support: &[Vantage::BrokerLog, Vantage::ClientLog],
        },
        rounds: 1,
        sees: "The client hangs, then reports a keep-alive timeout; the server knows of nothing, \
               or says that the client was silent.",
        why: "What the client sends is sent again and again by TCP, and nothing comes back, not \
              even an end. The path or the other machine is gone, and nobody told this side.",
        fix: "Nothing in MQTT prevents it; a shorter time to wait for a ping's answer finds it \
              sooner. If it follows a quiet time each time, see KA12.",
        raises: "A capture on the other side of the path.",
        explains: &["KA13", "RC05", "ID02", "KA04", "KA07", "KA08", "NW04", "NW02", "RC08", "ID06"],
        references: &["MQTT-3.1.2-24", "RFC 5482"],
        thresholds: &[RESENT, LASTS],
        ..Meta::EMPTY
    },
    on: &[On::Path, On::End, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(connection) = view.connection else { return };
    match view.event.map(|event| event.what) {
        Some(What::Words(Words::KeepAliveTimeout { by })) => said(view, by, hits),
        Some(What::Resent { from, .. }) if connection.end.is_none() => {
            resent(view, connection, from, hits);
        }
        _ => {}
    }
}

fn resent(view: &View<'_>, connection: &Connection, from: Side, hits: &mut Hits) {
    let path = connection.tcp.paths.of(from);
    let (Some(event), Some(first)) = (view.event, path.silence_from) else { return };
    let enough = u64::from(path.resent_in_silence) >= view.number(&RESENT);
    // Full segments alone may be the path's size, which is another fault.
    let size = path.resent_small == 0 && path.resent_full > 0;
    let lasts = event.at.since(first.at) >= view.millis(&LASTS);
    // A SYN again and again: nothing was ever open.
    let opened = connection.packets_from(Side::Client) > 0;
    if from != Side::Client
        || !opened
        || !enough
        || !lasts
        || size
        || connection.tcp.paths.has_gaps()
    {
        return;
    }
    let sentence = format!(
        "what it sends is lost: sent again {} times in {:.1} s, and not a byte came back",
        path.resent_in_silence,
        event.at.since(first.at).as_secs_f64()
    );
    let hit = Hit::new(sentence).at(first, "the first retransmission");
    hits.add(hit.event(event, "sent again, still no answer"));
}

/// A log or our client: the ping was not answered, and nothing else was heard.
fn said(view: &View<'_>, by: Side, hits: &mut Hits) {
    let (Some(event), Some(connection)) = (view.event, view.connection) else { return };
    let ping = connection.mqtt.pings.last();
    let silent = match by {
        Side::Client => ping.is_none_or(|ping| ping.answered.is_none() && !ping.heard),
        Side::Server => true,
    };
    if silent {
        let who = if by == Side::Client { "the server" } else { "the client" };
        let sentence = format!("{who} was silent until the connection was given up");
        hits.add(Hit::new(sentence).class("silent").event(event, "keep-alive timeout"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const DEAD: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump k=10
        c1 0.2 < CONNACK
        c1 10.2 > PINGREQ
        c1 10.5 > resent bytes=2
        c1 11.1 > resent bytes=2
        c1 12.3 > resent bytes=2
        c1 14.7 > resent bytes=2
        c1 19.5 > resent bytes=2";

    #[test]
    fn true_three_retransmissions() {
        Trace::plain().lines(DEAD).finds_at_least("NW01", Confidence::Shown);
    }

    #[test]
    fn true_under_tls() {
        let lines = DEAD.replace("CONNECT id=pump k=10", "sealed").replace("< CONNACK", "< sealed");
        let lines = lines.replace("PINGREQ", "~PINGREQ");
        Trace::encrypted().lines(&lines).finds_at_least("NW01", Confidence::Inferred);
    }

    #[test]
    fn true_our_client_says_so() {
        let lines = "c1 0 open a b\nc1 60 > PINGREQ\nc1 90 words timeout client";
        Trace::of(Vantage::ClientEvents).lines(lines).finds_at_least("NW01", Confidence::Shown);
    }

    #[test]
    fn alike_a_short_loss() {
        // Recorded: a link that was away for 3 s.
        let lines = DEAD.replace("c1 19.5 > resent bytes=2", "c1 15.0 < PINGRESP");
        Trace::plain().lines(&lines).does_not_find("NW01");
    }

    #[test]
    fn alike_losses_of_a_publisher_that_needs_no_answer() {
        let begin = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
            c1 0.1 > CONNECT id=pump k=60
            c1 0.2 < CONNACK\n";
        let lines = (1..8).fold(alloc::string::String::from(begin), |all, n| {
            all + &alloc::format!("c1 {n}.1 > PUBLISH digest={n}\nc1 {n}.4 > resent\n")
        });
        Trace::plain().lines(&lines).does_not_find("NW01");
    }

    #[test]
    fn alike_losses_further_apart_than_a_back_off() {
        let lines = DEAD.replace("c1 11.1", "c1 14.1").replace("c1 12.3", "c1 18.3");
        let lines = lines.replace("c1 14.7", "c1 22.5").replace("c1 19.5", "c1 26.7");
        Trace::plain().lines(&lines).does_not_find("NW01");
    }

    #[test]
    fn alike_one_burst_of_losses() {
        let lines = DEAD.replace("c1 11.1", "c1 10.51").replace("c1 12.3", "c1 10.52");
        let lines = lines.replace("c1 14.7", "c1 10.53").replace("c1 19.5", "c1 10.54");
        Trace::plain().lines(&lines).does_not_find("NW01");
    }

    #[test]
    fn alike_a_server_that_never_answers() {
        let lines = "
            c1 0 open 10.0.0.1:5000 10.0.0.9:1883
            c1 1 > resent bytes=0
            c1 3 > resent bytes=0
            c1 7 > resent bytes=0
            c1 15 silent";
        Trace::plain().lines(lines).does_not_find("NW01");
    }

    #[test]
    fn alike_only_large_segments() {
        let lines = DEAD.replace("resent bytes=2", "resent bytes=1448");
        Trace::plain().lines(&lines).does_not_find("NW01");
    }

    #[test]
    fn alike_the_server_was_heard() {
        let lines = "c1 0 open a b\nc1 60 > PINGREQ\nc1 61 < PUBLISH\nc1 90 words timeout client";
        Trace::of(Vantage::ClientEvents).lines(lines).does_not_find("NW01");
    }
}
