//! FC07: a ping waits behind bulk that the path does not take.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "FC07",
        slug: "ping-behind-bulk",
        severity: Severity::Warn,
        vantages: Vantages { show: &[Vantage::Plain, Vantage::Encrypted], support: &[] },
        rounds: 1,
        sees: "While much is being sent over a slow path, the connection dies of keep-alive.",
        why: "The send buffer is full of data that waits for the path. A ping is due, but would \
              stand behind it, so none is seen, and one side gives up although bytes flow.",
        fix: "Bound the send buffer, send less at once, and let bytes that are acknowledged count \
              as life.",
        raises: "A capture on the client's side.",
        explains: &["KA08", "KA05"],
        references: &["https://github.com/eclipse-paho/paho.golang/issues/723"],
        ..Meta::EMPTY
    },
    on: &[On::End],
    check,
};

/// Retransmissions of the client that speak of a backlog, not of a lost segment.
const BACKLOG: u32 = 3;

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(round)) = (view.connection, view.ended()) else { return };
    let (Some(keep_alive), Some(end)) = (view.keep_alive(), round.end) else { return };
    let path = connection.tcp.paths.of(Side::Client);
    let bulk = path.resent_full >= BACKLOG;
    let moving = path.last_resent.is_some_and(|at| end.at.since(at) < keep_alive);
    let no_ping = round.last_ping.is_none_or(|ping| end.at.since(ping.asked) > keep_alive);
    let late = round.last_received().is_none_or(|heard| end.at.since(heard) > keep_alive);
    // Something of the server came since the first of them: the path is slow, not dead.
    let alive = path.resent_in_silence < path.resent;
    if bulk && moving && no_ping && late && alive && !round.goodbye() && !round.gaps {
        let sentence = format!(
            "{} segments of bulk were sent again, and no ping could be sent for {} s",
            path.resent_full,
            keep_alive.as_secs()
        );
        hits.add(Hit::new(sentence).end(&end, "the connection ends"));
    }
}

#[cfg(test)]
mod tests {
    use crate::Confidence;
    use crate::trace::Trace;

    const BULK: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump k=10
        c1 0.2 < CONNACK
        c1 1.0 > PUBLISH qos=1 id=1 bytes=900000
        c1 2.0 > resent bytes=1448
        c1 2.5 < PUBACK id=9
        c1 5.0 > resent bytes=1448
        c1 9.0 > resent bytes=1448
        c1 14.0 > resent bytes=1448
        c1 18.0 < fin";

    #[test]
    fn true_bulk_and_no_ping() {
        Trace::plain().lines(BULK).finds_at_least("FC07", Confidence::Shown);
    }

    #[test]
    fn alike_pings_are_sent() {
        let lines = BULK.replace("c1 14.0", "c1 11 > PINGREQ\nc1 14.0");
        Trace::plain().lines(&lines).does_not_find("FC07");
    }

    #[test]
    fn alike_a_dead_path() {
        let lines = BULK.replace("c1 2.5 < PUBACK id=9\n", "\n");
        Trace::plain().lines(&lines).does_not_find("FC07");
    }
}
