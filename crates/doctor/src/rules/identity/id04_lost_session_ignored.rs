//! ID04: the session is gone, and the client does not subscribe again.

use crate::rule::prelude::*;

const WAIT: Threshold = Threshold {
    name: "ID04.wait_s",
    value: 5,
    reason: "a client that subscribes again does so within this time",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "ID04",
        slug: "lost-session-ignored",
        severity: Severity::Error,
        vantages: Vantages { show: &[Vantage::Plain, Vantage::BrokerLog], support: &[] },
        rounds: 1,
        sees: "After the broker restarted, the device is connected but hears nothing.",
        why: "The client asked for its kept session, and CONNACK said that there is none. Its \
              subscriptions are gone with it, but it does not subscribe again: it counts on the \
              session without looking at Session Present.",
        fix: "Look at Session Present in each CONNACK, and subscribe again if it is 0.",
        raises: "The broker's log, which shows why the session was lost.",
        explains: &[],
        references: &["MQTT-3.2.2-2", "MQTT-3.2.2-3"],
        thresholds: &[WAIT],
        ..Meta::EMPTY
    },
    on: &[On::TickSession, On::Ping, On::Finish],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(connection) = view.connection.filter(|it| it.whole() && it.end.is_none()) else {
        return;
    };
    let mqtt = &connection.mqtt;
    let (Some((_, connect)), Some((told, connack))) = (mqtt.connect, mqtt.connack) else { return };
    if connect.clean || connack.code != 0 || connack.session_present {
        return;
    }
    let newest = connection.last_sent().max(connection.last_received());
    let idle = newest.is_some_and(|newest| view.now.since(newest) >= view.seconds(&WAIT));
    let pings = mqtt.pings.asked > 0;
    if mqtt.session.subscribed.is_some() || view.now.since(told.at) < view.seconds(&WAIT) {
        return;
    }
    let rounds = &view.client.rounds;
    let had = rounds.iter().rev().find(|it| it.keeps_session());
    // A log that never says that a session is present may not say it at all.
    let says = !view.is(Vantage::BrokerLog) || rounds.iter().any(|it| it.said.session.present);
    if let Some(had) = had
        && says
        && (idle || pings)
    {
        let sentence = format!(
            "it lost its session and does not subscribe again: CONNACK said that there is none, and \
             {:.0} s later no SUBSCRIBE had come",
            view.now.since(told.at).as_secs_f64(),
        );
        let hit = Hit::new(sentence);
        let hit = hit.at(had.beginning(), "it had subscribed here");
        hits.add(hit.at(told, "CONNACK without a session"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const LOST: &str = "
        c0 0   open 10.0.0.1:4999 10.0.0.9:1883
        c0 0.1 > CONNECT id=pump
        c0 0.2 < CONNACK
        c0 0.3 > SUBSCRIBE qos=1
        c0 0.4 < SUBACK
        c0 50  < fin
        c1 52   open 10.0.0.1:5000 10.0.0.9:1883
        c1 52.1 > CONNECT id=pump
        c1 52.2 < CONNACK session
        c1 100 < fin
        c2 102   open 10.0.0.1:5001 10.0.0.9:1883
        c2 102.1 > CONNECT id=pump
        c2 102.2 < CONNACK
        c2 162.2 > PINGREQ
        c2 162.3 < PINGRESP";

    #[test]
    fn true_silent_after_a_lost_session() {
        for vantage in [Vantage::Plain, Vantage::BrokerLog] {
            Trace::of(vantage).lines(LOST).finds_at_least("ID04", Confidence::Shown);
        }
    }

    #[test]
    fn alike_it_subscribes_again() {
        let lines = LOST.replace("c2 162.2", "c2 104 > SUBSCRIBE qos=1\nc2 162.2");
        Trace::plain().lines(&lines).does_not_find("ID04");
    }

    #[test]
    fn alike_the_session_is_there() {
        let lines = LOST.replace("c2 102.2 < CONNACK", "c2 102.2 < CONNACK session");
        Trace::plain().lines(&lines).does_not_find("ID04");
    }

    #[test]
    fn alike_a_log_that_never_says() {
        let lines = LOST.replace("CONNACK session", "CONNACK");
        Trace::of(Vantage::BrokerLog).lines(&lines).does_not_find("ID04");
    }
}
