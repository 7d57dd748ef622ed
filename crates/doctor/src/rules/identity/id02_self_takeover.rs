//! ID02: a client takes over its own dead connection, as it should.

use crate::rule::prelude::*;
use crate::track::{Swap, swaps};

const SWAPS: Threshold = Threshold {
    name: "ID02.most_swaps",
    value: 2,
    reason: "more often it is a conflict (ID01), or overlapping connections (RC05)",
};
const SILENT: Threshold = Threshold {
    name: "ID02.silent_ms",
    value: 5000,
    reason: "an old connection that was heard later than this was not dead",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "ID02",
        slug: "self-takeover",
        severity: Severity::Info,
        vantages: Vantages { show: &[Vantage::Plain, Vantage::BrokerLog], support: &[] },
        rounds: 1,
        sees: "The broker says once that the client is already connected.",
        why: "The client's old connection was dead, the client noticed before the broker did, and \
              connected anew from the same host. The broker then closed the old one. This is how \
              it should be; the question is why the old connection died.",
        fix: "Nothing. If it happens often, look for the cause of the deaths.",
        raises: "A capture at the client, which shows how the old connection died.",
        explains: &[],
        references: &["MQTT-3.1.4-3"],
        thresholds: &[SWAPS, SILENT],
        ..Meta::EMPTY
    },
    on: &[On::Connect, On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    if !view.may_have_swaps() {
        return;
    }
    let open = view.open();
    let lives = view.lives(&open);
    let within = Duration::from_secs(1).max(view.source.resolution * 2);
    let all = swaps(&lives, within, view.source.vantage.is_wire());
    let Some(swap) = all.last() else { return };
    let moment = view.connection.and_then(|it| it.tcp.opened);
    let news = moment == swap.old.opened || moment == swap.new.opened;
    if news && all.len() as u64 <= view.number(&SWAPS) && dead(view, swap) {
        let sentence = "it takes over its own dead connection: the broker closed the old one as it \
                        came back";
        let mut hit = Hit::new(sentence);
        if let Some(end) = swap.old.end {
            hit = hit.end(&end, "the old connection is closed");
        }
        hits.add(hit);
    }
}

/// One host, and the old connection was silent.
fn dead(view: &View<'_>, swap: &Swap<'_>) -> bool {
    let newest = swap.old.last_sent().max(swap.old.last_received());
    let silent = newest.is_some_and(|newest| swap.at.since(newest) >= view.millis(&SILENT));
    silent && swap.old.client.host == swap.new.client.host
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Severity, Vantage};

    const SWAP: &str = "
        c1 0    open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1  > CONNECT id=pump k=20
        c1 0.2  < CONNACK
        c2 25   open 10.0.0.1:5001 10.0.0.9:1883
        c2 25.1 > CONNECT id=pump k=20
        c1 25.1 < fin
        c2 25.2 < CONNACK";

    #[test]
    fn true_once() {
        for vantage in [Vantage::Plain, Vantage::BrokerLog] {
            let told = SWAP.replace("c1 25.1 <", "c1 25.1 words taken-over\nc1 25.1 <");
            let finding = Trace::of(vantage).lines(&told).finds("ID02");
            assert_eq!(finding.severity, Severity::Info);
        }
    }

    #[test]
    fn alike_the_old_one_was_alive() {
        let lines = SWAP.replace("c2 25.1", "c1 25.05 > PUBLISH\nc2 25.1");
        Trace::plain().lines(&lines).does_not_find("ID02");
    }

    #[test]
    fn alike_another_address() {
        let lines = SWAP.replace("10.0.0.1:5001", "10.0.0.2:5001");
        Trace::plain().lines(&lines).does_not_find("ID02");
    }
}
