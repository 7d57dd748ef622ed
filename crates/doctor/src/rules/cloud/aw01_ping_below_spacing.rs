//! AW01: pings closer than the cloud answers them.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "AW01",
        slug: "ping-below-spacing",
        vantages: Vantages { show: &[Vantage::Plain, Vantage::Encrypted], support: &[] },
        rounds: 1,
        sees: "Pings stay without an answer now and then, and the client gives the connection up.",
        why: "The service answers a ping only if the one before it is old enough (AWS IoT Core: \
              30 s was written once, and seen). A client that pings sooner waits in vain.",
        fix: "A keep-alive of at least the spacing, and no ping sooner than that after the last.",
        raises: "A longer capture.",
        explains: &["KA04", "KA05", "KA02", "NW01", "RC01"],
        references: &["https://github.com/mqttjs/MQTT.js/issues/1845"],
        ..Meta::EMPTY
    },
    on: &[On::Ping, On::TickPings, On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(spacing)) = (view.connection, view.profile.min_ping_spacing())
    else {
        return;
    };
    let pings: Vec<_> = connection.mqtt.pings.recent.iter().collect();
    for pair in pings.windows(2) {
        let [one, next] = pair else { continue };
        let apart = next.asked.since(one.asked);
        let waited = view.now.since(next.asked);
        if one.answered.is_none() || apart >= spacing {
            continue;
        }
        let unanswered = next.answered.is_none();
        // An answer may still come; the end of the connection settles it.
        let settled = connection.end.is_some() || waited > Duration::from_secs(10);
        let sentence = format!(
            "it pings {:.1} s after a ping; the service wants {:.1} s between two{}",
            apart.as_secs_f64(),
            spacing.as_secs_f64(),
            if unanswered { ", and did not answer" } else { "" }
        );
        let hit = Hit::new(sentence).ping(one, "PINGREQ").ping(next, "PINGREQ too soon");
        if unanswered && settled {
            hits.add(hit);
        } else if !unanswered {
            hits.add(hit.class("answered").severity(Severity::Warn));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Severity;
    use crate::trace::Trace;

    const SOON: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
        c1 0.1 > CONNECT id=pump k=60
        c1 0.2 < CONNACK
        c1 60  > PINGREQ
        c1 60.1 < PINGRESP
        c1 80  > PINGREQ";

    #[test]
    fn true_too_soon_and_not_answered() {
        let lines = alloc::format!("{SOON}\nc1 95 > fin");
        let finding = Trace::at("aws-iot-core").lines(&lines).finds("AW01");
        assert_eq!(finding.severity, Severity::Error);
    }

    #[test]
    fn true_answered_is_a_warning() {
        let lines = alloc::format!("{SOON}\nc1 80.1 < PINGRESP\nc1 95 > DISCONNECT\nc1 95 > fin");
        let finding = Trace::at("aws-iot-core").lines(&lines).finds("AW01");
        assert_eq!(finding.severity, Severity::Warn);
    }

    #[test]
    fn alike_far_enough_apart() {
        let lines = alloc::format!("{}\nc1 105 > fin", SOON.replace("c1 80 ", "c1 92 "));
        Trace::at("aws-iot-core").lines(&lines).does_not_find("AW01");
    }

    #[test]
    fn alike_a_server_without_this_rule() {
        let lines = alloc::format!("{SOON}\nc1 95 > fin");
        Trace::plain().lines(&lines).does_not_find("AW01");
    }
}
