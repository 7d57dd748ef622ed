//! ID06: a subscriber that must not lose messages asks for clean sessions.

use crate::rule::guards;
use crate::rule::prelude::*;

const OUTAGES: Threshold = Threshold {
    name: "ID06.outages",
    value: 2,
    reason: "one loss of a connection may be the only one for months",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "ID06",
        slug: "clean-session-loses",
        severity: Severity::Warn,
        vantages: Vantages { show: &[Vantage::Plain, Vantage::BrokerLog], support: &[] },
        rounds: 1,
        sees: "Messages that were published while the device reconnected never arrive.",
        why: "The client subscribes with QoS 1 or 2, as one does for messages that must arrive. \
              But it asks for a clean session, so the broker forgets its subscriptions as the \
              connection ends, and what is published until it is back is lost.",
        fix: "Ask for a session that is kept: Clean Session 0, or with MQTT 5 a Session Expiry \
              Interval as long as the outages that must be survived, and one fixed identifier.",
        raises: "More outages in the record. Topics with retained state do not need this.",
        explains: &[],
        references: &["MQTT-3.1.2-6", "https://github.com/eclipse-mosquitto/mosquitto/issues/3467"],
        thresholds: &[OUTAGES],
        ..Meta::EMPTY
    },
    on: &[On::ConnAck],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(event)) = (view.connection, view.event) else { return };
    let accepted = connection.mqtt.connack.is_some_and(|(_, connack)| connack.code == 0);
    let lossy = |round: &&Round| {
        let asks = round.said.session.subscribed.is_some_and(|qos| qos > 0);
        round.end.is_some() && round.said.session.clean && asks && !guards::on_purpose(view, round)
    };
    let outages: Vec<&Round> = view.client.rounds.iter().filter(lossy).collect();
    let just_now = view.client.rounds.last().filter(lossy).is_some();
    if accepted
        && connection.mqtt.session.clean
        && just_now
        && outages.len() as u64 >= view.number(&OUTAGES)
    {
        let away = view.client.rounds.last().and_then(|round| round.end);
        let away = away.map(|end| event.at.since(end.at)).unwrap_or_default();
        let sentence = format!(
            "it loses what is published while it is away: clean sessions with QoS 1 subscriptions, \
             {} outages, the last one of {:.1} s",
            outages.len(),
            away.as_secs_f64(),
        );
        let mut hit = Hit::new(sentence);
        for end in outages.iter().rev().take(3).filter_map(|round| round.end) {
            hit = hit.end(&end, "the subscriptions end with the connection");
        }
        hits.add(hit.event(event, "a new session"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const LOSES: &str = "
        c1 0   open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump clean
        c1 0.2 < CONNACK
        c1 0.3 > SUBSCRIBE qos=1
        c1 0.4 < SUBACK code=1
        c1 500 < rst";

    #[test]
    fn true_two_outages() {
        for vantage in [Vantage::Plain, Vantage::BrokerLog] {
            let trace = Trace::of(vantage).rounds(3, 510.0, LOSES);
            trace.finds_at_least("ID06", Confidence::Shown);
        }
    }

    #[test]
    fn alike_a_kept_session() {
        let lines = LOSES.replace(" clean", "");
        Trace::plain().rounds(4, 510.0, &lines).does_not_find("ID06");
    }

    #[test]
    fn alike_qos_0_only() {
        let lines = LOSES.replace("qos=1", "qos=0");
        Trace::plain().rounds(4, 510.0, &lines).does_not_find("ID06");
    }

    #[test]
    fn alike_it_says_goodbye() {
        let lines = LOSES.replace("c1 500", "c1 499 > DISCONNECT\nc1 500");
        Trace::plain().rounds(4, 510.0, &lines).does_not_find("ID06");
    }
}
