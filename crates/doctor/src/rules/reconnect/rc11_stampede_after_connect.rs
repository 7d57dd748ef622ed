//! RC11: everything at once, as soon as CONNACK is there.

use crate::rule::prelude::*;

const PUBLISHES: Threshold = Threshold {
    name: "RC11.publishes",
    value: 100,
    reason: "what AWS IoT Core takes from a client in a second",
};
const BYTES: Threshold = Threshold {
    name: "RC11.bytes",
    value: 512 * 1024,
    reason: "what AWS IoT Core takes from a connection in a second",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "RC11",
        slug: "stampede-after-connect",
        severity: Severity::Warn,
        vantages: Vantages { show: &[Vantage::Plain, Vantage::Encrypted], support: &[] },
        sees: "The client is closed or throttled as soon as it has connected, and then again.",
        why: "Within the first second the client subscribes to everything and sends all that it \
              had queued. Brokers with limits answer by closing, and the queue is longer the next \
              time.",
        fix: "Spread what waits over some seconds, and put no more filters into a SUBSCRIBE than \
              the broker takes.",
        raises: "A second connection that begins so; the profile of the broker.",
        explains: &["LM06", "LM04"],
        references: &["https://github.com/aws/aws-iot-device-sdk-js/issues/116"],
        thresholds: &[PUBLISHES, BYTES],
        ..Meta::EMPTY
    },
    on: &[On::Publish, On::Subscribe, On::Sealed],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(event)) = (view.connection, view.event) else { return };
    let mqtt = &connection.mqtt;
    let sealed = view.is(Vantage::Encrypted);
    let begun = if sealed { mqtt.first_sealed } else { mqtt.connack.map(|(told, _)| told.at) };
    let soon = begun.is_some_and(|at| view.now.since(at) <= Duration::from_secs(1));
    if !soon || event.sender() != Some(Side::Client) {
        return;
    }
    let rate = view.profile.publish_rate().map(|rate| u64::from(rate.amount));
    let limited = rate.is_some() || view.profile.byte_rate().is_some();
    let severity: Severity = if limited { Severity::Warn } else { Severity::Info };
    if let What::Packet { packet: PacketSeen::Subscribe(subscribe), .. } = event.what {
        let most = view.profile.max_subscribe_filters();
        if most.is_some_and(|most| usize::from(subscribe.filters) > most) {
            let sentence = format!(
                "it puts {} filters into a SUBSCRIBE right after CONNACK, more than the broker takes",
                subscribe.filters,
            );
            hits.add(Hit::new(sentence).class("filters").event(event, "SUBSCRIBE"));
        }
        return;
    }
    let (packets, what) = if sealed {
        (u64::from(connection.packets_from(Side::Client)), "records")
    } else {
        (u64::from(mqtt.rate.most_publishes), "messages")
    };
    let most = rate.unwrap_or_else(|| view.number(&PUBLISHES));
    let bytes = connection.bytes_in(Side::Client);
    let size = match event.what {
        What::Packet { bytes, .. } | What::Sealed { bytes, .. } => u64::from(bytes),
        _ => 0,
    };
    // Told once, as the count goes beyond.
    let full = bytes > view.number(&BYTES) && bytes - size <= view.number(&BYTES);
    if packets == most.saturating_add(1) || full {
        let sentence = format!(
            "it sends more than {most} {what} or {} KB within a second of its CONNACK",
            view.number(&BYTES) / 1024,
        );
        let hit = Hit::new(sentence).class("messages").severity(severity);
        hits.add(hit.event(event, "beyond that, within the first second"));
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use crate::trace::Trace;
    use crate::{Confidence, Severity};

    const BEGIN: &str = "
        c1 0    open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.01 > CONNECT id=pump
        c1 0.02 < CONNACK\n";

    fn publishes(n: u32, apart: f64) -> String {
        (0..n).fold(BEGIN.into(), |all: String, n| {
            all + &format!("c1 {:.4} > PUBLISH\n", 0.03 + f64::from(n) * apart)
        }) + "c1 20 > fin"
    }

    #[test]
    fn true_a_queue_at_once() {
        let finding =
            Trace::at("aws-iot-core").rounds(2, 30.0, &publishes(150, 0.001)).finds("RC11");
        assert_eq!((finding.confidence, finding.severity), (Confidence::Shown, Severity::Warn));
    }

    #[test]
    fn true_without_limits_it_is_only_said() {
        let finding = Trace::plain().rounds(2, 30.0, &publishes(150, 0.001)).finds("RC11");
        assert_eq!(finding.severity, Severity::Info);
    }

    #[test]
    fn true_too_many_filters() {
        let lines = format!("{BEGIN}c1 0.1 > SUBSCRIBE filters=20\nc1 3 > fin");
        let finding = Trace::at("aws-iot-core").rounds(2, 10.0, &lines).finds("RC11");
        assert_eq!((finding.class, finding.confidence), ("filters", Confidence::Shown));
    }

    #[test]
    fn true_under_tls() {
        let lines = publishes(150, 0.001)
            .replace("CONNECT id=pump", "sealed")
            .replace("CONNACK", "sealed")
            .replace("PUBLISH", "sealed bytes=40");
        Trace::encrypted().rounds(2, 30.0, &lines).finds_at_least("RC11", Confidence::Inferred);
    }

    #[test]
    fn alike_spread_over_some_seconds() {
        let lines = publishes(150, 0.05);
        Trace::at("aws-iot-core").rounds(2, 30.0, &lines).does_not_find("RC11");
    }

    #[test]
    fn alike_as_fast_but_later() {
        let lines = publishes(150, 0.001).replace("c1 0.0", "c1 5.0").replace("c1 0.1", "c1 5.1");
        let lines = lines.replace("c1 5.01 >", "c1 0.01 >").replace("c1 5.02 <", "c1 0.02 <");
        Trace::at("aws-iot-core").rounds(2, 30.0, &lines).does_not_find("RC11");
    }

    #[test]
    fn alike_few_filters() {
        let lines = format!("{BEGIN}c1 0.1 > SUBSCRIBE filters=8\nc1 3 > fin");
        Trace::at("aws-iot-core").rounds(2, 10.0, &lines).does_not_find("RC11");
    }
}
