//! LM06: the client publishes faster than the server allows.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "LM06",
        slug: "publish-rate",
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::BrokerLog, Vantage::ClientEvents],
            support: &[],
        },
        rounds: 1,
        sees: "Under load acknowledgements stop coming, or the connection ends.",
        why: "The server allows so many messages or bytes in a second (AWS IoT Core: 100 and \
              512 KB for a connection). Beyond that it drops messages, does not acknowledge \
              them, or ends the connection.",
        fix: "Pace the messages; put several readings into one.",
        raises: "The broker's log or its metrics of throttled messages.",
        explains: &["FC03", "RC01", "RC03", "AU02"],
        references: &["https://github.com/aws/aws-iot-device-sdk-cpp-v2/issues/179"],
        ..Meta::EMPTY
    },
    on: &[On::End, On::Disconnect, On::Words, On::TickOutbound, On::Finish],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    match view.event.map(|event| event.what) {
        Some(What::Words(Words::Throttled)) => {
            let hit = Hit::new("the server throttles it: it publishes too fast").proven();
            hits.add(hit.event(view.event, "the log says so"));
        }
        Some(What::Packet {
            packet: PacketSeen::Disconnect(code @ (0x96 | 0x97)),
            from: Side::Server,
            ..
        }) => {
            let sentence = format!("the server ends the connection: reason code 0x{code:02X}");
            let hit = Hit::new(sentence).proven();
            hits.add(hit.event(view.event, "too fast, or a quota is used up"));
        }
        Some(What::Packet { .. } | What::Words(_)) => {}
        _ if view.source.vantage.is_wire() => counted(view, hits),
        _ => {}
    }
}

/// More than the profile allows in a second, and a consequence: no
/// acknowledgement, or an end by the server.
fn counted(view: &View<'_>, hits: &mut Hits) {
    let Some(connection) = view.connection else { return };
    let per_second = |rate: evenkeel_profile::Rate| {
        (rate.period == Duration::from_secs(1)).then_some(rate.amount)
    };
    let messages = view.profile.publish_rate().and_then(per_second);
    let bytes = view.profile.byte_rate().and_then(per_second);
    let rate = connection.mqtt.rate;
    let many = messages.is_some_and(|limit| rate.most_publishes > limit);
    let large = bytes.is_some_and(|limit| rate.most_bytes > u64::from(limit));
    let unanswered = connection
        .flights(Side::Client)
        .oldest()
        .is_some_and(|flight| view.now.since(flight.sent) > Duration::from_secs(5));
    let ended = connection.end.is_some_and(|end| end.by == Some(Side::Server));
    if !(many || large) || !(unanswered || ended) {
        return;
    }
    let what = if many {
        let limit = messages.unwrap_or_default();
        format!("{} messages in a second; the limit is {limit}", rate.most_publishes)
    } else {
        let limit = bytes.unwrap_or_default();
        format!("{} bytes in a second; the limit is {limit}", rate.most_bytes)
    };
    let then =
        if ended { "the server ended the connection" } else { "messages stay unacknowledged" };
    let oldest = connection.flights(Side::Client).oldest();
    let hit = Hit::new(format!("it sent {what}, and {then}"));
    hits.add(match (oldest, &connection.end) {
        (_, Some(end)) => hit.end(end, "the server ends the connection"),
        (Some(flight), None) => hit.at(flight.moment(), "never acknowledged"),
        (None, None) => hit,
    });
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    fn burst(messages: u32, acknowledged: u32) -> alloc::string::String {
        let mut lines = alloc::string::String::from(
            "c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
             c1 0.1 > CONNECT id=pump
             c1 0.2 < CONNACK\n",
        );
        for n in 0..messages {
            let at = 2.0 + f64::from(n) * 0.005;
            lines += &alloc::format!("c1 {at} > PUBLISH qos=1 id={} digest={n}\n", n + 1);
        }
        for n in 0..acknowledged {
            lines += &alloc::format!("c1 3 < PUBACK id={}\n", n + 1);
        }
        lines + "c1 9 > PINGREQ"
    }

    #[test]
    fn true_above_the_limit_and_unanswered() {
        let finding = Trace::at("aws-iot-core").lines(&burst(120, 100)).finds("LM06");
        assert!(finding.sentence.contains("120"), "{}", finding.sentence);
    }

    #[test]
    fn true_under_tls_by_bytes() {
        let profile = evenkeel_profile::Profile::built_in("aws-iot-core").unwrap();
        let trace = Trace::with(Vantage::Encrypted, profile, core::time::Duration::from_micros(1));
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
            c1 1.1 > sealed bytes=300000
            c1 1.2 > sealed bytes=300000
            c1 1.3 < fin";
        trace.lines(lines).finds_at_least("LM06", Confidence::Inferred);
    }

    #[test]
    fn true_the_broker_says_so() {
        for vantage in [Vantage::BrokerLog, Vantage::ClientEvents] {
            Trace::of(vantage)
                .lines("c1 0 open a b\nc1 1 words throttled")
                .finds_at_least("LM06", Confidence::Proven);
        }
    }

    #[test]
    fn alike_fast_but_acknowledged() {
        Trace::at("aws-iot-core").lines(&burst(120, 120)).does_not_find("LM06");
    }

    #[test]
    fn alike_at_the_limit() {
        Trace::at("aws-iot-core").lines(&burst(100, 90)).does_not_find("LM06");
    }
}
