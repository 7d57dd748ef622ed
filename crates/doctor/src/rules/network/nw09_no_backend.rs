//! NW09: something accepts the connection, but no server is behind it.

use crate::rule::prelude::*;

const AT_ONCE: Threshold = Threshold {
    name: "NW09.at_once_ms",
    value: 50,
    reason: "no server reads CONNECT and decides faster over a network",
};
const ROUNDS: Threshold = Threshold {
    name: "NW09.rounds",
    value: 3,
    reason: "a server that starts may do so once or twice",
};

/// A silence that is no slow answer; and one after which the client gave up, each
/// time.
const SILENT: Duration = Duration::from_secs(5);
const GIVEN_UP: Duration = Duration::from_secs(2);

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "NW09",
        slug: "no-backend",
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::ClientLog, Vantage::ClientEvents],
            support: &[],
        },
        rounds: 1,
        sees: "The connection opens and ends at once, or opens and nothing answers.",
        why: "A load balancer or port forwarding accepts TCP by itself and ends it, or leaves it \
              silent, as no broker is behind it. A broker that takes longer than the client \
              waits looks the same; and of a client's log it is not known whether TCP was \
              accepted.",
        fix: "Look at the load balancer's health checks, its target port and whether it and the \
              broker agree on the PROXY protocol.",
        raises: "The broker's log: it knows of no such connection.",
        explains: &["RC01", "RC03", "RC04", "RC08", "AU03"],
        references: &["RFC 9293, section 3.6"],
        thresholds: &[AT_ONCE, ROUNDS],
        ..Meta::EMPTY
    },
    on: &[On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let newest = view.client.rounds.iter().rev();
    let row = newest.take_while(|round| nobody(view, round)).count();
    let (Some(round), true) = (view.ended(), row as u64 >= view.number(&ROUNDS)) else { return };
    let Some(end) = round.end else { return };
    let waited = end.at.since(round.sent.or(round.opened).map_or(end.at, |from| from.at));
    let sentence = if view.is(Vantage::ClientLog) {
        format!(
            "nothing answered its CONNECT: {row} times in a row no CONNACK came, the last time \
             within {:.1} s",
            waited.as_secs_f64()
        )
    } else if end.by == Some(Side::Server) && waited < SILENT {
        format!("something accepted its connection and ended it at once, {row} times in a row")
    } else {
        format!("something accepted its connection {row} times, and nothing ever answered")
    };
    let hit = Hit::new(sentence);
    let hit = if view.is(Vantage::ClientLog) { hit.one_sided() } else { hit };
    hits.add(hit.end(&end, "the end, without a byte from a server"));
}

/// Accepted, and never a byte from the server.
fn nobody(view: &View<'_>, round: &Round) -> bool {
    let Some(end) = round.end.filter(|end| end.failure.is_none() && !round.gaps) else {
        return false;
    };
    if round.opened.is_none() || answered(view, round) {
        return false;
    }
    if view.is(Vantage::ClientLog) {
        // Such a log has CONNECT before TCP is up, and does not say who refuses.
        return round.said.connect.is_some() && (gave_up(round, end) || waited_in_vain(round, end));
    }
    if view.is(Vantage::ClientEvents) && gave_up(round, end) {
        return true;
    }
    // Silence, until somebody has waited long enough: a server may count the
    // keep-alive from CONNECT on, although it has not answered it.
    let silence = round.last_sent().map(|sent| end.at.since(sent));
    match end.by {
        Some(Side::Server) if silence.is_none_or(|it| it < SILENT) => {
            // Who has spoken TLS may have read CONNECT as well: AU03.
            let from = round.sent.or(round.opened);
            round.last_received().is_none()
                && from.is_some_and(|from| end.at.since(from.at) <= view.millis(&AT_ONCE))
        }
        Some(Side::Server) => true,
        Some(Side::Client) => silence.is_some_and(|it| it >= GIVEN_UP),
        None => false,
    }
}

/// Whether a byte came from the server; under TLS, after the first bytes of the
/// application, which are CONNECT.
fn answered(view: &View<'_>, round: &Round) -> bool {
    match round.marks.last {
        Some(mark) if view.is(Vantage::Encrypted) => {
            round.pings > 0 || round.last_received() > Some(mark.at)
        }
        _ => round.last_received().is_some(),
    }
}

/// No answer until somebody else, or nobody knows who, ended it.
fn waited_in_vain(round: &Round, end: End) -> bool {
    let silence = round.last_sent().map(|sent| end.at.since(sent));
    silence.is_some_and(|it| it >= if end.by.is_none() { GIVEN_UP } else { SILENT })
}

/// The client waited for CONNACK, and says so or waited long.
fn gave_up(round: &Round, end: End) -> bool {
    let long = round.last_sent().is_some_and(|sent| end.at.since(sent) >= GIVEN_UP);
    end.by == Some(Side::Client) && (end.words == Some(Words::ConnAckTimeout) || long)
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const AT_ONCE: &str = "
        c1 0.00 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.10 accepted
        c1 0.11 > CONNECT id=pump
        c1 0.12 < rst";

    #[test]
    fn true_ended_at_once() {
        Trace::plain().rounds(3, 10.0, AT_ONCE).finds_at_least("NW09", Confidence::Shown);
    }

    #[test]
    fn true_silent_under_tls() {
        let lines = "
            c1 0.00 open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.10 accepted
            c1 0.11 > hello sni=broker
            c1 30 > fin";
        Trace::encrypted().rounds(3, 40.0, lines).finds_at_least("NW09", Confidence::Inferred);
    }

    const WAITS: &str = "
        c1 0.00 open - 10.0.0.9:1883
        c1 0.00 > CONNECT id=pump
        c1 4.00 words connack-timeout
        c1 4.00 > closed";

    #[test]
    fn true_in_a_client_log_that_says_so() {
        let finding = Trace::of(Vantage::ClientLog).rounds(3, 5.0, WAITS).finds("NW09");
        assert_eq!(finding.confidence, Confidence::Inferred);
        assert!(finding.sentence.contains("within 4.0 s"), "{}", finding.sentence);
        // The delay of a second each time follows from it.
        assert_eq!(Trace::of(Vantage::ClientLog).rounds(6, 5.0, WAITS).causes(), ["NW09"]);
        let silent = WAITS.replace("c1 4.00 words connack-timeout", "").replace("4.00", "6.00");
        Trace::of(Vantage::ClientLog).rounds(3, 9.0, &silent).finds("NW09");
    }

    #[test]
    fn true_in_a_client_log_that_does_not_tell_who_ended_it() {
        // MQTT.js: the broker closes after 7.5 s; mosquitto_sub: another CONNECT.
        for end in ["c1 7.5 < closed", "c1 5.0 ended"] {
            let lines = WAITS.replace("c1 4.00 words connack-timeout", "");
            let lines = lines.replace("c1 4.00 > closed", end);
            let trace = Trace::of(Vantage::ClientLog).rounds(6, 9.0, &lines);
            assert_eq!(trace.causes(), ["NW09"], "{end}");
            let soon = lines.replace("7.5", "4.5").replace("5.0", "1.5");
            Trace::of(Vantage::ClientLog).rounds(6, 9.0, &soon).does_not_find("NW09");
        }
    }

    #[test]
    fn true_in_events() {
        let lines = WAITS.replace("c1 0.00 > CONNECT id=pump", "c1 0.01 accepted");
        let trace = Trace::of(Vantage::ClientEvents).rounds(3, 5.0, &lines);
        trace.finds_at_least("NW09", Confidence::Shown);
        let at_once = "c1 0.00 open - b:1883\nc1 0.02 accepted\nc1 0.02 < closed";
        let trace = Trace::of(Vantage::ClientEvents).rounds(3, 5.0, at_once);
        trace.finds_at_least("NW09", Confidence::Shown);
    }

    #[test]
    fn alike_a_client_log_of_refusals() {
        // MQTT.js: CONNECT is written to a stream that never opens.
        let lines = "c1 0 open - b:1883\nc1 0 > CONNECT id=pump\nc1 0.01 < closed";
        Trace::of(Vantage::ClientLog).rounds(5, 5.0, lines).does_not_find("NW09");
    }

    #[test]
    fn alike_a_client_log_with_an_answer() {
        let lines = WAITS.replace("c1 4.00 words", "c1 3.00 < CONNACK\nc1 4.00 words");
        Trace::of(Vantage::ClientLog).rounds(5, 5.0, &lines).does_not_find("NW09");
    }

    const SEALED: &str = "
        c1 0.00 open 10.0.0.1:5000 10.0.0.9:8883
        c1 0.10 accepted
        c1 0.11 > hello sni=broker
        c1 0.12 < hello
        c1 0.13 > sealed bytes=30
        c1 3 > fin";

    #[test]
    fn true_no_answer_to_what_is_sealed() {
        Trace::encrypted().rounds(3, 9.0, SEALED).finds_at_least("NW09", Confidence::Inferred);
    }

    #[test]
    fn alike_an_answer_under_tls() {
        let lines = SEALED.replace("c1 3 >", "c1 0.2 < sealed bytes=4\nc1 3 >");
        Trace::encrypted().rounds(3, 9.0, &lines).does_not_find("NW09");
    }

    #[test]
    fn alike_denied_under_tls() {
        let lines = SEALED.replace("c1 3 > fin", "c1 0.16 < fin");
        Trace::encrypted().rounds(3, 9.0, &lines).does_not_find("NW09");
    }

    #[test]
    fn alike_a_client_that_leaves_at_once() {
        let lines = SEALED.replace("c1 3 >", "c1 1.9 >");
        Trace::encrypted().rounds(3, 9.0, &lines).does_not_find("NW09");
    }

    #[test]
    fn true_silent_until_the_server_gives_up() {
        let lines = AT_ONCE.replace("c1 0.12 < rst", "c1 7.6 < fin");
        let finding = Trace::plain().rounds(3, 10.0, &lines).finds("NW09");
        assert!(finding.sentence.contains("nothing ever answered"), "{}", finding.sentence);
    }

    #[test]
    fn alike_connect_was_read() {
        let lines = AT_ONCE.replace("c1 0.12", "c1 0.40");
        Trace::plain().rounds(3, 10.0, &lines).does_not_find("NW09");
    }

    #[test]
    fn alike_twice() {
        Trace::plain().rounds(2, 10.0, AT_ONCE).does_not_find("NW09");
    }

    #[test]
    fn alike_a_health_check_of_the_load_balancer() {
        // Opens, says nothing, ends by itself at once.
        let lines = "c1 0 open 10.0.0.2:1 10.0.0.9:1883\nc1 0.1 accepted\nc1 0.2 > fin";
        Trace::plain().rounds(20, 10.0, lines).does_not_find("NW09");
    }
}
