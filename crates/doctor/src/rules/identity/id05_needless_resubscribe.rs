//! ID05: the session is there, and the client subscribes all the same.

use crate::rule::prelude::*;

const WITHIN: Threshold = Threshold {
    name: "ID05.within_s",
    value: 5,
    reason: "later ones are subscribed by the application for a reason of its own",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "ID05",
        slug: "needless-resubscribe",
        severity: Severity::Info,
        vantages: Vantages { show: &[Vantage::Plain], support: &[] },
        sees: "Retained messages arrive again after each reconnect.",
        why: "CONNACK said that the session is present, with its subscriptions, but the client \
              sends the same SUBSCRIBE again. That costs a packet, and the broker sends the \
              retained messages once more.",
        fix: "Skip the subscriptions if Session Present is 1, or leave it: it does no harm beyond \
              that.",
        raises: "Another reconnect in the record.",
        explains: &[],
        references: &["MQTT-3.2.2-2", "MQTT-3.8.4-3"],
        thresholds: &[WITHIN],
        ..Meta::EMPTY
    },
    on: &[On::Subscribe],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(event)) = (view.connection, view.event) else { return };
    let Some((told, connack)) = connection.mqtt.connack else { return };
    let What::Packet { packet: PacketSeen::Subscribe(subscribe), .. } = event.what else { return };
    let soon = event.at.since(told.at) <= view.seconds(&WITHIN);
    let same = |round: &Round| {
        round.said.session.subscribed.is_some() && round.said.session.filters == subscribe.digest
    };
    if connack.session_present && soon && view.client.rounds.iter().any(same) {
        let sentence = "it subscribes again although its session is present";
        let hit = Hit::new(sentence).at(told, "CONNACK with a session");
        hits.add(hit.event(event, "the same SUBSCRIBE as before"));
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use crate::Confidence;
    use crate::trace::Trace;

    const AGAIN: &str = "
        c1 0   open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump
        c1 0.2 < CONNACK session
        c1 0.3 > SUBSCRIBE digest=7
        c1 0.4 < SUBACK
        c1 50  < fin";

    #[test]
    fn true_the_same_filters() {
        Trace::plain().rounds(3, 60.0, AGAIN).finds_at_least("ID05", Confidence::Shown);
    }

    #[test]
    fn alike_no_session() {
        let lines = AGAIN.replace(" session", "");
        Trace::plain().rounds(3, 60.0, &lines).does_not_find("ID05");
    }

    #[test]
    fn alike_other_options() {
        let trace = (0..4).fold(Trace::plain(), |trace, n| {
            let lines = AGAIN.replace("digest=7", &format!("digest={n}"));
            trace.after(f64::from(n) * 60.0, &lines.replace("c1", &format!("c{n}")))
        });
        trace.does_not_find("ID05");
    }

    #[test]
    fn alike_later_on_demand() {
        let lines = AGAIN.replace("c1 0.3", "c1 20.3").replace("c1 0.4", "c1 20.4");
        Trace::plain().rounds(3, 60.0, &lines).does_not_find("ID05");
    }
}
