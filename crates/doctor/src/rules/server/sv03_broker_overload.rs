//! SV03: the server is overloaded.

use crate::rule::prelude::*;

const CONNACK: Threshold = Threshold {
    name: "SV03.connack_ms",
    value: 5000,
    reason: "no server that is well takes as long to answer CONNECT",
};
const SLOWER: Threshold = Threshold {
    name: "SV03.times_slower",
    value: 10,
    reason: "pings that take ten times as long as before are no jitter of the path",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "SV03",
        slug: "broker-overload",
        severity: Severity::Warn,
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::ClientEvents],
            support: &[Vantage::ClientLog],
        },
        sees: "Everything becomes slow for all clients, then connections end.",
        why: "CONNACK takes seconds and the answers to pings become ten times slower on several \
              clients at the same time: the server does not keep up. MQTT 5 may say so (0x89, \
              0x97).",
        fix: "Scale the server, or shed load: fewer clients, fewer messages, lower QoS.",
        raises: "The server's own metrics.",
        explains: &["RC08", "KA13", "FC03", "KA04"],
        references: &["MQTT-3.2.2-7"],
        thresholds: &[CONNACK, SLOWER],
        ..Meta::EMPTY
    },
    on: &[On::ConnAck, On::Disconnect],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(event), Some(connection)) = (view.event, view.connection) else { return };
    match event.what {
        What::Packet { packet: PacketSeen::Disconnect(0x89), from: Side::Server, .. } => {
            let hit = Hit::new("the server says that it is busy: reason code 0x89");
            hits.add(hit.class("code").proven().event(event, "Server busy"));
        }
        What::Packet { packet: PacketSeen::ConnAck(connack), .. } => {
            if matches!(connack.code, 0x89 | 0x97) {
                let sentence = format!(
                    "the server is too busy to let it in: reason code 0x{:02X}",
                    connack.code
                );
                hits.add(Hit::new(sentence).class("code").proven().event(event, "CONNACK"));
            }
            slow(view, connection, hits);
        }
        _ => {}
    }
}

/// CONNACK late, and this client's pings before much slower than at first.
fn slow(view: &View<'_>, connection: &Connection, hits: &mut Hits) {
    let (Some(event), Some((sent, _))) = (view.event, connection.mqtt.connect) else { return };
    let waited = event.at.since(sent.at);
    if waited < view.millis(&CONNACK) {
        return;
    }
    let trips: Vec<Duration> = (view.client.rounds.iter())
        .filter_map(|round| round.last_ping.and_then(|ping| ping.round_trip()))
        .collect();
    let (Some(first), Some(last)) = (trips.first(), trips.last()) else { return };
    let times = u32::try_from(view.number(&SLOWER)).unwrap_or(u32::MAX);
    if *last > first.saturating_mul(times) && !connection.tcp.paths.has_gaps() {
        let sentence = format!(
            "the server became slow: its answer to a ping went from {} to {} ms, and CONNACK took \
             {:.0} s",
            first.as_millis(),
            last.as_millis(),
            waited.as_secs_f64()
        );
        hits.add(Hit::new(sentence).rounds(1).event(event, "a late CONNACK"));
    }
}

#[cfg(test)]
mod tests {
    use crate::Confidence;
    use crate::trace::Trace;

    fn lines(trip: f64, connack: f64) -> alloc::string::String {
        alloc::format!(
            "c1 0.0  open 10.0.0.1:5000 10.0.0.9:1883
             c1 0.1  > CONNECT id=pump
             c1 {}   < CONNACK
             c1 60   > PINGREQ
             c1 {}   < PINGRESP
             c1 70   < fin",
            0.1 + connack,
            60.0 + trip
        )
    }

    #[test]
    fn true_slower_and_slower() {
        let trace = Trace::plain().lines(&lines(0.05, 0.1));
        let later = |lines: alloc::string::String| lines.replace("c1 ", "c2 ");
        let trace = trace.rounds(2, 100.0, &later(lines(2.0, 6.0)));
        trace.finds_at_least("SV03", Confidence::Shown);
    }

    #[test]
    fn true_by_reason_code() {
        let lines = "c1 0 open a:1 b:1883\nc1 0.1 > CONNECT id=p v=5\nc1 0.2 < CONNACK v5 code=137";
        Trace::plain().lines(lines).finds_at_least("SV03", Confidence::Proven);
    }

    #[test]
    fn alike_a_late_connack_alone() {
        Trace::plain().rounds(3, 100.0, &lines(0.05, 6.0)).does_not_find("SV03");
    }

    #[test]
    fn alike_slow_pings_alone() {
        let later = lines(2.0, 0.1).replace("c1 ", "c2 ");
        let trace = Trace::plain().lines(&lines(0.05, 0.1)).rounds(2, 100.0, &later);
        trace.does_not_find("SV03");
    }
}
