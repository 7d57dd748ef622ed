//! KA02: pings that come far more often than the keep-alive asks for.

use crate::rule::prelude::*;
use crate::track::Ping;

const PERCENT: Threshold = Threshold {
    name: "KA02.percent_of_keep_alive",
    value: 45,
    reason: "some clients ping at half of the keep-alive on purpose",
};
const TIMES: Threshold = Threshold {
    name: "KA02.times",
    value: 3,
    reason: "one or two early pings are probes, as after a wake-up",
};
const SLOW: Threshold = Threshold {
    name: "KA02.least_keep_alive_s",
    value: 60,
    reason: "with a shorter keep-alive the broker's spacing of pings cannot be kept at all",
};
/// Closer ones are double pings, KA01.
const DOUBLE: Duration = Duration::from_millis(250);

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "KA02",
        slug: "ping-too-often",
        severity: Severity::Warn,
        vantages: Vantages { show: &Vantage::ALL, support: &[] },
        sees: "Batteries or message quotas are used up; on AWS IoT Core pings stay unanswered.",
        why: "The client pings more than twice within one keep-alive, or more often than the \
              broker's profile allows. A ping is needed only if nothing else was sent for the \
              length of the keep-alive.",
        fix: "Ping one keep-alive after the last packet that was sent, and not more often than \
              the broker answers.",
        raises: "A capture in the clear, which shows the keep-alive that was agreed.",
        explains: &["AW01"],
        references: &["MQTT-3.1.2-23", "https://github.com/FreeRTOS/coreMQTT/pull/253"],
        thresholds: &[PERCENT, TIMES, SLOW],
        ..Meta::EMPTY
    },
    on: &[On::Ping],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(connection) = view.connection.filter(|it| !it.tcp.paths.has_gaps()) else { return };
    let Some(keep_alive) = view.keep_alive() else { return };
    let percent = u32::try_from(view.number(&PERCENT)).unwrap_or(u32::MAX);
    let half = keep_alive.saturating_mul(percent) / 100;
    let slow = keep_alive >= view.seconds(&SLOW);
    let spacing = if slow { view.profile.min_ping_spacing() } else { None };
    let bound = half.max(spacing.unwrap_or_default());
    if !view.source.tells(bound) {
        return;
    }
    let recent = &connection.mqtt.pings.recent;
    let pairs = recent.iter().zip(recent.iter().skip(1));
    let gaps: Vec<(Duration, &Ping)> =
        pairs.map(|(one, next)| (next.asked.since(one.asked), next)).collect();
    let early = |(gap, _): &&(Duration, &Ping)| *gap < bound && *gap > DOUBLE;
    let count = gaps.iter().filter(early).count();
    let newest = gaps.last().filter(early).is_some();
    if newest && count as u64 >= view.number(&TIMES) {
        let spans: Vec<Duration> = gaps.iter().filter(early).map(|(gap, _)| *gap).collect();
        // A broker's log does not say that it set another keep-alive, as MQTT 5 lets it.
        let five = connection.mqtt.connect.is_some_and(|(_, connect)| connect.version == 5);
        let unsure = five && view.is(Vantage::BrokerLog);
        let sentence = format!(
            "it pings more often than it needs to: {count} of its last {} pings came about {:.1} s \
             after the one before, with a keep-alive of {:.0} s{}",
            recent.len(),
            median(&spans).as_secs_f64(),
            keep_alive.as_secs_f64(),
            if unsure { ", unless the broker set a shorter one" } else { "" },
        );
        let mut hit = Hit::new(sentence).rounds(1);
        if unsure {
            hit = hit.one_sided().severity(Severity::Info);
        }
        for (_, ping) in gaps.iter().filter(early).take(4) {
            hit = hit.ping(ping, "an early PINGREQ");
        }
        hits.add(hit);
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use crate::trace::Trace;
    use crate::{Confidence, Severity, Vantage};

    const BEGIN: &str = "
        c1 0   open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump k=60
        c1 0.2 < CONNACK\n";

    fn pings(at: &[u32]) -> String {
        at.iter().fold(BEGIN.into(), |all, at| {
            all + &format!("c1 {at} > PINGREQ\nc1 {at}.1 < PINGRESP\n")
        })
    }

    #[test]
    fn true_every_ten_seconds() {
        for vantage in
            [Vantage::Plain, Vantage::ClientLog, Vantage::BrokerLog, Vantage::ClientEvents]
        {
            let trace = Trace::of(vantage).lines(&pings(&[10, 20, 30, 40]));
            trace.finds_at_least("KA02", Confidence::Shown);
        }
    }

    #[test]
    fn true_more_often_than_the_profile_allows() {
        let lines = pings(&[29, 58, 87, 116]);
        Trace::at("aws-iot-core").lines(&lines).finds_at_least("KA02", Confidence::Shown);
    }

    #[test]
    fn true_under_tls() {
        let lines = pings(&[60, 120, 180, 240, 250, 260, 270])
            .replace("CONNECT id=pump k=60", "sealed")
            .replace("CONNACK", "sealed")
            .replace("PING", "~PING");
        Trace::encrypted().lines(&lines).finds_at_least("KA02", Confidence::Inferred);
    }

    #[test]
    fn alike_two_probes_after_a_wake_up() {
        Trace::plain().lines(&pings(&[60, 70, 80, 140, 200])).does_not_find("KA02");
    }

    #[test]
    fn alike_half_of_the_keep_alive() {
        Trace::plain().lines(&pings(&[30, 60, 90, 120, 150])).does_not_find("KA02");
    }

    #[test]
    fn alike_a_short_keep_alive_with_a_profile() {
        let lines = pings(&[20, 40, 60, 80, 100]).replace("k=60", "k=20");
        Trace::at("aws-iot-core").lines(&lines).does_not_find("KA02");
    }

    #[test]
    fn alike_another_keep_alive_that_a_broker_log_does_not_tell() {
        let lines = pings(&[10, 20, 30, 40]).replace("k=60", "k=60 v=5");
        let finding = Trace::of(Vantage::BrokerLog).lines(&lines).finds("KA02");
        assert_eq!((finding.severity, finding.confidence), (Severity::Info, Confidence::Inferred));
        assert!(finding.sentence.contains("unless the broker"), "{}", finding.sentence);
        assert_eq!(Trace::plain().lines(&lines).finds("KA02").severity, Severity::Warn);
    }
}
