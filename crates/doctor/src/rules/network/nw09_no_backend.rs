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

/// A silence that is no slow answer.
const SILENT: Duration = Duration::from_secs(5);

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "NW09",
        slug: "no-backend",
        vantages: Vantages { show: &[Vantage::Plain, Vantage::Encrypted], support: &[] },
        rounds: 1,
        sees: "The connection opens and ends at once, or opens and nothing answers.",
        why: "A load balancer or port forwarding accepts TCP by itself and ends it, or leaves it \
              silent, as no broker is behind it.",
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
    let at_once = round.last_sent.or(round.opened).is_some_and(|it| end.at.since(it) < SILENT);
    let sentence = if end.by == Some(Side::Server) && at_once {
        format!("something accepted its connection and ended it at once, {row} times in a row")
    } else {
        format!("something accepted its connection {row} times, and nothing ever answered")
    };
    hits.add(Hit::new(sentence).end(&end, "the end, without a byte from a server"));
}

/// Accepted, and never a byte from the server.
fn nobody(view: &View<'_>, round: &Round) -> bool {
    let Some(end) = round.end.filter(|end| end.failure.is_none() && !round.gaps) else {
        return false;
    };
    if round.last_received.is_some() || round.opened.is_none() {
        return false;
    }
    // Silence, until somebody has waited long enough: a server may count the
    // keep-alive from CONNECT on, although it has not answered it.
    let silent = round.last_sent.is_some_and(|sent| end.at.since(sent) >= SILENT);
    match end.by {
        Some(Side::Server) if !silent => {
            let from = round.last_sent.or(round.opened);
            from.is_some_and(|from| end.at.since(from) <= view.millis(&AT_ONCE))
        }
        Some(_) => silent,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::Confidence;
    use crate::trace::Trace;

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
