//! FC08: the server drops what a client does not take.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "FC08",
        slug: "slow-consumer-dropped",
        vantages: Vantages { show: &[Vantage::Plain, Vantage::BrokerLog], support: &[] },
        rounds: 1,
        sees: "Messages are missing, or a subscriber is thrown out under load.",
        why: "Messages for this client come faster than it takes them. Its queue in the server is \
              full: the server drops messages, or ends the connection.",
        fix: "Handle messages faster, share the work by a shared subscription, or ask for the \
              latest value alone with QoS 0.",
        raises: "The broker's metrics of dropped messages.",
        explains: &["RC01", "RC03"],
        references: &["MQTT-4.9.0-2"],
        ..Meta::EMPTY
    },
    on: &[On::Words, On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    match event.what {
        What::Words(Words::Dropped) => {
            let hit = Hit::new("the server drops messages for it: its queue is full").proven();
            hits.add(hit.event(event, "the log says so"));
        }
        What::Closing { .. } if view.closed_by() == Some(Side::Server) => window(view, hits),
        _ => {}
    }
}

/// The client's window was closed as the server ended the connection.
fn window(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(round)) = (view.connection, view.ended()) else { return };
    let (Some(closed), Some(end)) =
        (connection.tcp.paths.of(Side::Client).window_closed, round.end)
    else {
        return;
    };
    if !round.gaps {
        let sentence = format!(
            "the server ended the connection after it had not read for {:.1} s",
            end.at.since(closed).as_secs_f64()
        );
        hits.add(Hit::new(sentence).class("window").end(&end, "the server ends the connection"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    #[test]
    fn true_the_broker_says_so() {
        Trace::of(Vantage::BrokerLog)
            .lines("c1 0 open a b\nc1 1 words dropped")
            .finds_at_least("FC08", Confidence::Proven);
    }

    #[test]
    fn true_a_window_that_stays_closed() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
            c1 0.1 > CONNECT id=pump
            c1 0.2 < CONNACK
            c1 1.0 > window-closed
            c1 5.0 < rst";
        Trace::plain().lines(lines).finds_at_least("FC08", Confidence::Shown);
    }

    #[test]
    fn alike_the_window_opened_again() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
            c1 1.0 > window-closed
            c1 1.1 > window-open
            c1 5.0 < rst";
        Trace::plain().lines(lines).does_not_find("FC08");
    }

    #[test]
    fn alike_the_client_ended_it() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
            c1 1.0 > window-closed
            c1 5.0 > rst";
        Trace::plain().lines(lines).does_not_find("FC08");
    }
}
