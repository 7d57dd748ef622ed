//! KA03: pings that waited in a queue leave all at once.

use crate::rule::prelude::*;
use crate::track::Ping;

const PINGS: Threshold = Threshold {
    name: "KA03.pings",
    value: 3,
    reason: "two at once may be two timers, which is KA01",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "KA03",
        slug: "queued-pings-flushed",
        severity: Severity::Warn,
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::BrokerLog],
            support: &[],
        },
        sees: "After a network pause the broker logs a row of pings, or drops the client for them.",
        why: "While nothing could be sent, the client queued a ping for each keep-alive. As the \
              path works again they leave together. One would do; brokers with a limit of pings \
              leave the rest unanswered.",
        fix: "Drop a queued ping if another packet or ping comes behind it, and bound what may \
              wait to be sent.",
        raises: "A second pause of the network in the record.",
        explains: &["KA01", "KA02", "AW01"],
        references: &["https://github.com/emqx/emqx/issues/11837"],
        thresholds: &[PINGS],
        ..Meta::EMPTY
    },
    on: &[On::Ping, On::PingAnswer],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(connection) = view.connection.filter(|it| !it.tcp.paths.has_gaps()) else { return };
    let Some(event) = view.event else { return };
    let asked = matches!(event.what, What::Packet { packet: PacketSeen::PingReq, .. });
    if asked { apart(view, connection, hits) } else { in_one_record(view, connection, hits) }
}

/// Several pings within a moment, after a silence longer than the keep-alive.
fn apart(view: &View<'_>, connection: &Connection, hits: &mut Hits) {
    let wanted = usize::try_from(view.number(&PINGS)).unwrap_or(usize::MAX).clamp(2, 8);
    let burst: Vec<&Ping> = connection.mqtt.pings.recent.newest(wanted).collect();
    let (Some(first), Some(last)) = (burst.first(), burst.last()) else { return };
    let within = view.slack();
    let silence = first.asked.since(first.last_sent.unwrap_or(first.asked));
    let Some(keep_alive) = view.keep_alive() else { return };
    let resent = connection.tcp.paths.of(Side::Client).resent > 0;
    if burst.len() == wanted
        && last.asked.since(first.asked) <= within
        && (silence > keep_alive + within || resent)
        && view.source.tells(keep_alive)
    {
        let sentence = format!(
            "it sends {wanted} pings at once after a silence of {:.1} s: they waited in its queue",
            silence.as_secs_f64(),
        );
        let mut hit = Hit::new(sentence);
        for ping in burst {
            hit = hit.ping(ping, "PINGREQ");
        }
        hits.add(hit);
    }
}

/// Under TLS: one record as long as three pings or more, and as many answers.
fn in_one_record(view: &View<'_>, connection: &Connection, hits: &mut Hits) {
    let pings = &connection.mqtt.pings;
    let extra = u64::from(pings.answered.saturating_sub(pings.asked));
    let record = connection.recent.iter().rev().find(|event| match event.what {
        What::Sealed { from: Side::Client, bytes } => u64::from(bytes) == extra * 2,
        _ => false,
    });
    if let Some(record) = record
        && view.is(Vantage::Encrypted)
        && extra >= view.number(&PINGS)
        && view.now.since(record.at) <= Duration::from_secs(1).max(view.slack())
    {
        let sentence =
            format!("it sends {extra} pings in one record: as many answers come back at once",);
        hits.add(Hit::new(sentence).event(record, "one record of some pings' length"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const FLUSHED: &str = "
        c1 0   open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump k=20
        c1 0.2 < CONNACK
        c1 70.00 > PINGREQ
        c1 70.01 > PINGREQ
        c1 70.02 > PINGREQ
        c1 70.1 < PINGRESP
        c1 70.1 < PINGRESP
        c1 70.1 < PINGRESP
        c1 80   > fin";

    #[test]
    fn true_three_at_once() {
        for vantage in [Vantage::Plain, Vantage::BrokerLog] {
            let trace = Trace::of(vantage).rounds(2, 90.0, FLUSHED);
            trace.finds_at_least("KA03", Confidence::Shown);
        }
    }

    #[test]
    fn true_in_one_record_under_tls() {
        let lines = "
            c1 0   open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.1 > sealed bytes=30
            c1 0.2 < sealed bytes=4
            c1 70  > sealed bytes=6
            c1 70.1 < ~PINGRESP
            c1 70.1 < ~PINGRESP
            c1 70.1 < ~PINGRESP
            c1 80  > fin";
        let trace = Trace::encrypted().rounds(2, 90.0, lines);
        trace.finds_at_least("KA03", Confidence::Inferred);
    }

    #[test]
    fn alike_different_packets_at_once() {
        let lines = FLUSHED.replace("c1 70.01 > PINGREQ", "c1 70.01 > PUBLISH");
        Trace::plain().rounds(2, 90.0, &lines).does_not_find("KA03");
    }

    #[test]
    fn alike_pings_in_time() {
        let lines = FLUSHED.replace("70.00", "20").replace("70.01", "40").replace("70.02", "60");
        Trace::plain().rounds(2, 90.0, &lines).does_not_find("KA03");
    }

    #[test]
    fn alike_late_pings_that_take_their_time() {
        let lines = FLUSHED.replace("70.01", "71").replace("70.02", "72").replace("70.1 ", "72.5 ");
        Trace::plain().rounds(2, 90.0, &lines).does_not_find("KA03");
    }

    #[test]
    fn alike_one_packet_of_six_bytes_under_tls() {
        let lines = "
            c1 0   open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.1 > sealed bytes=30
            c1 0.2 < sealed bytes=4
            c1 70  > sealed bytes=6
            c1 71  > ~PINGREQ
            c1 71.1 < ~PINGRESP
            c1 80  > fin";
        Trace::encrypted().rounds(2, 90.0, lines).does_not_find("KA03");
    }
}
