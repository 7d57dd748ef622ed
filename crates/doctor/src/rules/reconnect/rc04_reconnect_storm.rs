//! RC04: more connections than anybody allows.

use crate::rule::guards;
use crate::rule::prelude::*;

const CONNECTS: Threshold = Threshold {
    name: "RC04.connects",
    value: 15,
    reason: "EMQX calls a client flapping from here on and bans it",
};
const WINDOW: Threshold =
    Threshold { name: "RC04.window_s", value: 60, reason: "the window in which EMQX counts" };

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "RC04",
        slug: "reconnect-storm",
        severity: Severity::Error,
        vantages: Vantages { show: &Vantage::ALL, support: &[] },
        sees: "The broker bans or throttles the client, or logs that it flaps.",
        why: "The client connected more often within a minute than brokers accept, and the \
              connections did not end on purpose. Each costs the broker a handshake.",
        fix: "Give reconnects a budget: a back-off, and at most some in a minute whatever their \
              cause.",
        raises: "The broker's log, which says whether it counts this as flapping.",
        explains: &["SV04", "AW02"],
        references: &["https://docs.emqx.com/en/emqx/latest/access-control/flapping-detect.html"],
        thresholds: &[CONNECTS, WINDOW],
        ..Meta::EMPTY
    },
    on: &[On::End, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    if let Some(event) = view.event
        && let What::Words(Words::Flapping) = event.what
    {
        let hit = Hit::new("it connects so often that the broker calls it flapping").proven();
        hits.add(hit.event(event, "the broker's own count"));
        return;
    }
    let window = view.seconds(&WINDOW);
    let recent =
        |round: &&Round| round.began().is_some_and(|began| view.now.since(began) <= window);
    let all = view.client.rounds.iter().rev().take_while(recent);
    let failed: Vec<&Round> = all.filter(|round| !guards::on_purpose(view, round)).collect();
    // Behind one address there may be many clients: their connections overlap.
    let one = !view.is(Vantage::Encrypted)
        || guards::delays(&failed.iter().copied().rev().collect::<Vec<_>>()).is_some();
    if (failed.len() as u64) > view.number(&CONNECTS) && one {
        let sentence = format!(
            "it connects {} times within {} s, and none of these connections ended on purpose",
            failed.len(),
            window.as_secs(),
        );
        let mut hit = Hit::new(sentence).rounds(1);
        for round in failed.iter().take(4).rev() {
            hit = hit.at(round.beginning(), "one of them");
        }
        hits.add(hit);
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const SHORT: &str = "
        c1 0   open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump
        c1 0.2 < CONNACK
        c1 2.0 < fin";

    #[test]
    fn true_a_connection_every_three_seconds() {
        for vantage in Vantage::ALL {
            let lines = match vantage {
                Vantage::Encrypted => {
                    SHORT.replace("CONNECT id=pump", "sealed").replace("CONNACK", "sealed")
                }
                _ => SHORT.into(),
            };
            let trace = Trace::of(vantage).rounds(18, 3.0, &lines);
            trace.finds_at_least("RC04", Confidence::Inferred);
        }
    }

    #[test]
    fn true_the_broker_says_so() {
        let lines = "c1 0 open 10.0.0.1:5000 10.0.0.9:1883\nc1 0.1 > CONNECT id=pump
            c1 0.2 words flapping";
        let finding = Trace::of(Vantage::BrokerLog).lines(lines).finds("RC04");
        assert_eq!(finding.confidence, Confidence::Proven);
    }

    #[test]
    fn alike_fifteen_a_minute() {
        Trace::plain().rounds(40, 4.2, SHORT).does_not_find("RC04");
    }

    #[test]
    fn alike_a_publisher_that_connects_for_each_message() {
        let lines = SHORT.replace("c1 2.0", "c1 1.9 > DISCONNECT\nc1 2.0");
        Trace::plain().rounds(40, 3.0, &lines).does_not_find("RC04");
    }

    #[test]
    fn alike_many_clients_behind_one_address() {
        let lines = SHORT.replace("CONNECT id=pump", "sealed").replace("CONNACK", "sealed");
        Trace::encrypted().rounds(40, 1.0, &lines).does_not_find("RC04");
    }
}
