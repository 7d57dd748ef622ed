//! FC06: the application blocks its client.

use crate::rule::guards;
use crate::rule::prelude::*;

const SLOW: Threshold = Threshold {
    name: "FC06.slow_ms",
    value: 5000,
    reason: "no acknowledgement takes seconds unless somebody waits before sending it",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "FC06",
        slug: "handler-blocks",
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::ClientEvents],
            support: &[Vantage::ClientLog],
        },
        rounds: 1,
        sees: "Messages arrive late, pings are late, the server ends the connection.",
        why: "The code that handles a message runs where the client should read and ping. While \
              it works nothing is read: acknowledgements come seconds late, TCP's receive window \
              closes.",
        fix: "Hand messages to another thread or task, with a bound, and return at once.",
        raises: "The client's log with its handler's times.",
        explains: &["KA07", "KA08", "FC02", "FC08", "ID06", "RC01", "RC03"],
        references: &["https://github.com/eclipse-paho/paho.golang/issues/453"],
        thresholds: &[SLOW],
        ..Meta::EMPTY
    },
    on: &[On::Ack, On::Refused, On::Path, On::TickInbound, On::End, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(connection) = view.connection else { return };
    let slow = view.millis(&SLOW);
    if let Some(event) = view.event
        && let What::Words(words) = event.what
    {
        let (Words::ReadingPaused(lasted) | Words::Stalled(lasted)) = words else { return };
        if lasted >= slow.max(connection.keep_alive().unwrap_or_default()) {
            let sentence = format!("it could not run for {} s", lasted.as_secs());
            hits.add(Hit::new(sentence).event(event, "it stood still"));
        }
        return;
    }
    let path = connection.tcp.paths.of(Side::Client);
    let closed = path.window_closed.map(|from| view.now.since(from)).unwrap_or_default();
    let closed = closed.max(path.longest_closed);
    if closed > slow {
        let sentence = format!(
            "it does not read: its receive window was closed for {:.0} s",
            closed.as_secs_f64()
        );
        hits.add(Hit::new(sentence).class("window"));
        return;
    }
    let slowest = connection.flights(Side::Server).slowest;
    if slowest > slow && (pings_late(view, connection) || silent_before(view, connection)) {
        let sentence = format!(
            "it acknowledges messages up to {:.0} s late, and its pings are late too",
            slowest.as_secs_f64()
        );
        let hit = Hit::new(sentence);
        hits.add(hit.event(view.event, "a late acknowledgement"));
        return;
    }
    hangs(view, connection, hits);
    unread(view, connection, hits);
}

/// The server ends the connection for its keep-alive, while messages that the
/// client's TCP has taken in wait for their acknowledgement.
fn hangs(view: &View<'_>, connection: &Connection, hits: &mut Hits) {
    if view.closed_by() != Some(Side::Server) {
        return;
    }
    let silent = connection.last_sent().map(|sent| view.now.since(sent));
    let (Some(keep_alive), Some(silent)) = (connection.keep_alive(), silent) else { return };
    let waits = connection.flights(Side::Server).oldest();
    let Some((waits, waited)) = waits.map(|it| (it, view.now.since(it.sent))) else { return };
    // On a path that is cut off, the server's TCP would send again.
    let delivered = connection.tcp.paths.of(Side::Server).resent == 0;
    if waited > view.millis(&SLOW)
        && guards::server_gave_up(view, keep_alive, silent)
        && delivered
        && connection.whole()
        && !guards::together(view, view.now)
    {
        let sentence = format!(
            "it stood still for {:.0} s, until the server ended the connection: no ping, and no \
             acknowledgement of what had arrived",
            silent.as_secs_f64()
        );
        let hit = Hit::new(sentence).class("hangs").rounds(2);
        let hit = hit.at(waits.moment(), "a message that is not acknowledged");
        hits.add(hit.event(view.event, "the server ends the connection"));
    }
}

/// The client gives up as its next ping is due, although the answer to the last one
/// came: it had not read it, as messages wait for their acknowledgement.
fn unread(view: &View<'_>, connection: &Connection, hits: &mut Hits) {
    let closes = view.closed_by() == Some(Side::Client);
    let Some(round) = view.ended().filter(|it| closes && !it.goodbye() && !it.gaps) else { return };
    let answered = round.last_ping.filter(|ping| ping.answered.is_some());
    let (Some(ping), Some(keep_alive)) = (answered, connection.keep_alive()) else { return };
    let due = view.now.since(ping.asked).abs_diff(keep_alive) <= view.slack();
    let (Some(waits), true) = (connection.flights(Side::Server).oldest(), due) else { return };
    let waited = view.now.since(waits.sent);
    if waited > view.millis(&SLOW) && view.source.tells(keep_alive) {
        let sentence = format!(
            "it does not read while its application handles a message: it gave up for want of \
             the answer to a ping, which had come, and a message waited {:.0} s for its \
             acknowledgement",
            waited.as_secs_f64()
        );
        let hit = Hit::new(sentence).class("unread").rounds(2);
        let hit = hit.at(waits.moment(), "a message that is not acknowledged");
        let hit = hit.ping(&ping, "PINGREQ, whose answer comes");
        hits.add(hit.event(view.event, "the client gives up"));
    }
}

/// Whether the client sent nothing for longer than its keep-alive before this
/// packet of it: a ping was due, and did not come.
fn silent_before(view: &View<'_>, connection: &Connection) -> bool {
    let (Some(event), Some(keep_alive)) = (view.event, connection.keep_alive()) else {
        return false;
    };
    let earlier = || connection.recent.iter().rev().skip(1);
    let before =
        earlier().find(|it| it.sender() == Some(Side::Client)).or_else(|| earlier().last());
    event.sender() == Some(Side::Client)
        && before.is_some_and(|it| event.at.since(it.at) > keep_alive.saturating_add(view.slack()))
}

/// Pings later than the keep-alive after what was sent before.
fn pings_late(view: &View<'_>, connection: &Connection) -> bool {
    let Some(keep_alive) = connection.keep_alive() else { return false };
    let late = keep_alive.saturating_add(view.slack());
    connection
        .mqtt
        .pings
        .recent
        .iter()
        .any(|ping| ping.last_sent.is_some_and(|sent| ping.asked.since(sent) > late))
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const BLOCKED: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump k=5
        c1 0.2 < CONNACK
        c1 1.0 < PUBLISH qos=1 id=1
        c1 7.2 > PINGREQ
        c1 7.3 > PUBACK id=1";

    #[test]
    fn true_late_and_pings_late() {
        Trace::plain().lines(BLOCKED).finds_at_least("FC06", Confidence::Shown);
    }

    #[test]
    fn true_a_closed_window() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.1 > sealed
            c1 1.0 > window-closed
            c1 7.0 > window-open";
        Trace::encrypted().lines(lines).finds_at_least("FC06", Confidence::Inferred);
    }

    #[test]
    fn true_our_client_says_so() {
        Trace::of(Vantage::ClientEvents)
            .lines("c1 0 open a b\nc1 90 words stalled 8")
            .finds_at_least("FC06", Confidence::Shown);
    }

    /// MQTT.js and paho with a handler that takes 12.5 s: the broker gives up first.
    const HANGS: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump k=5
        c1 0.2 < CONNACK
        c1 0.3 > SUBSCRIBE
        c1 0.4 < SUBACK
        c1 4.0 < PUBLISH qos=1 id=1
        c1 5.0 < PUBLISH qos=1 id=2
        c1 6.0 < PUBLISH qos=1 id=3
        c1 9.8 < fin";

    #[test]
    fn true_until_the_server_gives_up() {
        let finding = Trace::plain().rounds(2, 20.0, HANGS).finds("FC06");
        assert_eq!((finding.class, finding.confidence), ("hangs", Confidence::Shown));
        assert_eq!(Trace::plain().rounds(2, 20.0, HANGS).causes(), ["FC06"]);
        // Once is a suspicion, unless the acknowledgement comes after all.
        Trace::plain().lines(HANGS).does_not_find("FC06");
        let late = alloc::format!("{HANGS}\nc1 16.5 > PUBACK id=1");
        Trace::plain().lines(&late).finds_at_least("FC06", Confidence::Shown);
    }

    /// MQTT.js 5.3.4 with a handler that takes 12.5 s: the client gives up first.
    const UNREAD: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump k=5
        c1 0.2 < CONNACK
        c1 3.0 < PUBLISH qos=1 id=1
        c1 5.1 > PINGREQ
        c1 5.2 < PINGRESP
        c1 6.0 < PUBLISH qos=1 id=2
        c1 10.1 > fin";

    #[test]
    fn true_until_the_client_gives_up() {
        let finding = Trace::plain().rounds(2, 20.0, UNREAD).finds("FC06");
        assert_eq!((finding.class, finding.confidence), ("unread", Confidence::Shown));
        Trace::plain().lines(UNREAD).does_not_find("FC06");
    }

    #[test]
    fn alike_a_client_that_leaves_at_another_time() {
        for lines in [UNREAD.replace("c1 10.1", "c1 9.5"), UNREAD.replace("c1 10.1", "c1 10.8")] {
            Trace::plain().rounds(3, 20.0, &lines).does_not_find("FC06");
        }
    }

    #[test]
    fn alike_a_client_that_leaves_with_nothing_to_acknowledge() {
        let lines = UNREAD.replace("c1 5.1 ", "c1 4.0 > PUBACK id=1\nc1 5.1 ");
        Trace::plain().rounds(3, 20.0, &lines.replace("id=2", "qos=0")).finds_nothing();
        let goodbye = UNREAD.replace("c1 10.1 > fin", "c1 10.1 > DISCONNECT\nc1 10.1 > fin");
        Trace::plain().rounds(3, 20.0, &goodbye).does_not_find("FC06");
    }

    #[test]
    fn alike_the_path_is_cut_off() {
        let lines = HANGS.replace("c1 6.0 < PUBLISH qos=1 id=3", "c1 4.3 < resent");
        Trace::plain().rounds(3, 20.0, &lines).does_not_find("FC06");
    }

    #[test]
    fn alike_messages_that_need_no_acknowledgement() {
        Trace::plain().rounds(3, 20.0, &HANGS.replace("qos=1", "")).does_not_find("FC06");
    }

    #[test]
    fn alike_the_server_ends_it_sooner() {
        let lines = HANGS.replace("c1 9.8", "c1 6.5");
        Trace::plain().rounds(3, 20.0, &lines).does_not_find("FC06");
    }

    #[test]
    fn alike_acknowledged_by_hand_with_pings_on_time() {
        let lines = BLOCKED.replace("c1 7.2", "c1 5.1");
        Trace::plain().lines(&lines).does_not_find("FC06");
    }

    #[test]
    fn alike_a_window_closed_for_a_moment() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.1 > sealed
            c1 1.0 > window-closed
            c1 5.0 > window-open";
        Trace::encrypted().lines(lines).does_not_find("FC06");
    }
}
