//! KA10: the client takes its own sending for a sign of life.

use crate::rule::guards;
use crate::rule::prelude::*;

const SILENCE: Threshold = Threshold {
    name: "KA10.silence_percent",
    value: 150,
    reason: "the client may wait for an answer about as long as its keep-alive, not longer",
};
const PACKETS: Threshold = Threshold {
    name: "KA10.packets",
    value: 2,
    reason: "after one packet the client may still be waiting",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "KA10",
        slug: "dead-link-masked",
        severity: Severity::Error,
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::ClientLog],
            support: &[],
        },
        sees: "Messages vanish for minutes, while the client looks connected.",
        why: "The link is dead: nothing has come from the server for more than one and a half \
              keep-alives, and what the client sent stays unanswered. The client goes on, as each \
              packet that it sends puts off its own ping.",
        fix: "Judge the life of a connection by what was received: ping if nothing came for a \
              keep-alive, and close if the ping has no answer.",
        raises: "A capture at the client; a second such connection.",
        explains: &["NW01", "FC03"],
        references: &["https://github.com/FreeRTOS/coreMQTT/issues/233"],
        thresholds: &[SILENCE, PACKETS],
        ..Meta::EMPTY
    },
    on: &[On::TickSilence],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(connection) = view.connection.filter(|it| !it.tcp.paths.has_gaps()) else { return };
    let idle = &connection.idle;
    let (Some(from), Some(sent), Some(heard)) =
        (idle.silent_from, connection.newest_from(Side::Client), connection.last_received())
    else {
        return;
    };
    let Some(keep_alive) = guards::keep_alive(view) else { return };
    let percent = u32::try_from(view.number(&SILENCE)).unwrap_or(u32::MAX);
    let bound = keep_alive.saturating_mul(percent) / 100;
    // A QoS 0 publisher needs no answer: something must wait for one.
    let waits = |since: crate::Time| view.now.since(since) > bound;
    let ping = connection.mqtt.pings.last().filter(|ping| !ping.heard && waits(ping.asked));
    let flight = connection.flights(Side::Client).oldest().is_some_and(|it| waits(it.sent));
    // A log may lack the answers of them all.
    if !view.source.vantage.is_wire()
        && connection.flights(Side::Client).done == 0
        && connection.mqtt.pings.answered == 0
    {
        return;
    }
    let goes_on = u64::from(idle.unanswered) >= view.number(&PACKETS)
        && view.now.since(sent.at) <= keep_alive + view.slack()
        && sent.at.since(from.at) > keep_alive;
    if view.now.since(from.at) > bound && goes_on && (ping.is_some() || flight) {
        let sentence = format!(
            "it goes on although its link is dead: {} packets in {:.1} s, and not a byte from the \
             server for {:.1} s, with a keep-alive of {:.0} s",
            idle.unanswered,
            sent.at.since(from.at).as_secs_f64(),
            view.now.since(heard).as_secs_f64(),
            keep_alive.as_secs_f64(),
        );
        let hit = Hit::new(sentence).at(from, "no answer from here on");
        hits.add(hit.at(sent, "and still it sends"));
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    /// A publish every 5 s for a minute, on a link that is dead after 10 s.
    fn masked(publish: &str) -> String {
        let begin = "
            c1 0   open 10.0.0.1:5000 10.0.0.9:1883
            c1 0.1 > CONNECT id=pump k=20
            c1 0.2 < CONNACK
            c1 5   > PUBLISH qos=1 id=1
            c1 5.1 < PUBACK id=1\n";
        (2..13).fold(begin.into(), |all: String, n| {
            all + &format!("c1 {} > {}\n", n * 5, publish.replace('#', &format!("{n}")))
        }) + "c1 61 > fin"
    }

    #[test]
    fn true_publishes_without_acknowledgement() {
        for vantage in [Vantage::Plain, Vantage::ClientLog] {
            let trace = Trace::of(vantage).rounds(2, 90.0, &masked("PUBLISH qos=1 id=#"));
            trace.finds_at_least("KA10", Confidence::Shown);
        }
    }

    #[test]
    fn true_under_tls() {
        let lines = masked("sealed bytes=30")
            .replacen("c1 10 > sealed bytes=30", "c1 10 > ~PINGREQ", 1)
            .replace("CONNECT id=pump k=20", "sealed")
            .replace("CONNACK", "sealed")
            .replace("PUBLISH qos=1 id=1", "~PINGREQ")
            .replace("PUBACK id=1", "~PINGRESP");
        Trace::encrypted().rounds(3, 90.0, &lines).finds_at_least("KA10", Confidence::Inferred);
    }

    #[test]
    fn alike_a_publisher_of_qos_0() {
        Trace::plain().rounds(2, 90.0, &masked("PUBLISH")).does_not_find("KA10");
    }

    #[test]
    fn alike_it_gives_up_in_time() {
        let lines = masked("PUBLISH qos=1 id=#");
        let cut: String = lines.lines().take(12).fold(String::new(), |all, it| all + it + "\n");
        let lines = cut + "c1 38 > fin";
        Trace::plain().rounds(2, 90.0, &lines).does_not_find("KA10");
    }
}
