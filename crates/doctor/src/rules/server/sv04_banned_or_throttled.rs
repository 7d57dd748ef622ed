//! SV04: the server keeps the client out for a time.

use crate::rule::prelude::*;

const PER_MINUTE: Threshold = Threshold {
    name: "SV04.per_minute",
    value: 15,
    reason: "EMQX calls a client flapping after 15 connections in a minute",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "SV04",
        slug: "banned-or-throttled",
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::BrokerLog, Vantage::ClientEvents],
            support: &[Vantage::ClientLog],
        },
        rounds: 1,
        sees: "After many reconnects the server refuses the client for some minutes, then it \
               works again.",
        why: "The server counts connections and keeps out whoever makes too many. Each further \
              attempt may make it longer.",
        fix: "Wait as long as the ban lasts, and find out why the client reconnected so often: \
              that is the cause.",
        raises: "The server's list of banned clients.",
        explains: &["RC06", "AU03"],
        references: &["MQTT-3.2.2-7"],
        thresholds: &[PER_MINUTE],
        ..Meta::EMPTY
    },
    on: &[On::ConnAck, On::Disconnect, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    match event.what {
        What::Words(Words::Banned) => {
            let hit = Hit::new("the server keeps it out for a time").proven();
            hits.add(hit.event(event, "banned, says the log"));
        }
        What::Packet { packet: PacketSeen::Disconnect(0x8A), from: Side::Server, .. } => {
            let hit = Hit::new("the server has banned it: reason code 0x8A").proven();
            hits.add(hit.event(event, "Banned"));
        }
        What::Packet { packet: PacketSeen::ConnAck(connack), .. } => match connack.code {
            0x8A => {
                let hit = Hit::new("the server has banned it: reason code 0x8A").proven();
                hits.add(hit.event(event, "Banned"));
            }
            0 => {}
            code => after_many(view, code, hits),
        },
        _ => {}
    }
}

/// Let in many times within a minute, then refused.
fn after_many(view: &View<'_>, code: u8, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    let minute = Duration::from_secs(60);
    let accepted = (view.client.rounds.iter().rev())
        .skip_while(|round| !round.accepted())
        .take_while(|round| round.accepted());
    let times: Vec<_> = accepted.filter_map(Round::began).collect();
    let newest = times.first().copied();
    let many =
        newest.map_or(0, |newest| times.iter().filter(|at| newest.since(**at) <= minute).count());
    if many as u64 >= view.number(&PER_MINUTE) {
        let sentence =
            format!("after {many} connections in a minute the server refuses it with 0x{code:02X}");
        hits.add(Hit::new(sentence).class("refused").event(event, "CONNACK that refuses"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const IN: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump
        c1 0.2 < CONNACK
        c1 1.0 > fin";
    const OUT: &str = "
        c2 60 open 10.0.0.1:5001 10.0.0.9:1883
        c2 60.1 > CONNECT id=pump
        c2 60.2 < CONNACK code=3";

    #[test]
    fn true_refused_after_fifteen() {
        let trace = Trace::plain().rounds(16, 2.0, IN).lines(OUT);
        trace.finds_at_least("SV04", Confidence::Shown);
    }

    #[test]
    fn true_banned_by_code() {
        let lines = OUT.replace("code=3", "v5 code=138");
        Trace::plain().lines(&lines).finds_at_least("SV04", Confidence::Proven);
        Trace::of(Vantage::BrokerLog)
            .lines("c1 0 open a b\nc1 9 words banned")
            .finds_at_least("SV04", Confidence::Proven);
    }

    #[test]
    fn alike_always_refused() {
        Trace::plain().rounds(20, 2.0, &OUT.replace("c2 60", "c2 0")).does_not_find("SV04");
    }

    #[test]
    fn alike_few_connections() {
        Trace::plain().rounds(10, 2.0, IN).lines(OUT).does_not_find("SV04");
    }
}
