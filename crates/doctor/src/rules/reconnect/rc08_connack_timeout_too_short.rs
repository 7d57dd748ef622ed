//! RC08: the client leaves before CONNACK comes.

use crate::rule::prelude::*;

const PERCENT: Threshold = Threshold {
    name: "RC08.percent_of_timeout",
    value: 80,
    reason: "a CONNACK that comes so late will miss the time-out some day",
};

/// A CONNACK that comes so soon is not late.
const LEAST: Duration = Duration::from_millis(100);

const ENOUGH: Threshold =
    Threshold { name: "RC08.enough_s", value: 10, reason: "a broker that takes longer hangs" };

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "RC08",
        slug: "connack-timeout-too-short",
        severity: Severity::Warn,
        vantages: Vantages { show: &[Vantage::Plain, Vantage::Encrypted], support: &[] },
        sees: "The client cannot connect while the broker is busy, although the broker answers.",
        why: "The broker's CONNACK arrives after the client has closed, or only just in time. \
              Each try that is given up costs the broker the same work again.",
        fix: "Wait 20 to 30 s for CONNACK.",
        raises: "A second try that ends so; a capture in the clear.",
        // Until CONNACK comes, nobody answers.
        explains: &["RC01", "RC03", "RC04", "NW09"],
        references: &["https://github.com/aws/amazon-freertos/issues/3135"],
        thresholds: &[PERCENT, ENOUGH],
        ..Meta::EMPTY
    },
    on: &[On::ConnAck, On::Sealed],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(event)) = (view.connection, view.event) else { return };
    if connection.tcp.paths.has_gaps() || event.sender() != Some(Side::Server) {
        return;
    }
    let asked = match connection.mqtt.connect {
        Some((sent, _)) => sent.at,
        None => match connection.mqtt.first_sealed {
            Some(at) if first_answer(connection, event) => at,
            _ => return,
        },
    };
    let took = event.at.since(asked);
    let left = connection.end.filter(|end| end.by == Some(Side::Client));
    // What a path held back comes all at once: nobody waited for it here. And who waited
    // long was right to give up.
    let waited = left.map(|end| end.at.since(asked));
    if left.is_some() && took < LEAST || waited.is_some_and(|it| it >= view.seconds(&ENOUGH)) {
        return;
    }
    if let Some(end) = left {
        let sentence = format!(
            "it leaves too soon: it waited {:.1} s for CONNACK, which came after {:.1} s",
            end.at.since(asked).as_secs_f64(),
            took.as_secs_f64(),
        );
        let hit = Hit::new(sentence).end(&end, "the client gives up");
        hits.add(hit.event(event, "CONNACK, too late"));
        return;
    }
    // How long it waits is known from a time when it gave up.
    let waited = |round: &Round| {
        let end = round.end.filter(|end| end.by == Some(Side::Client) && !end.goodbye)?;
        round
            .said
            .connack
            .is_none()
            .then(|| end.at.since(round.said.connect.map_or(end.at, |sent| sent.at)))
    };
    let shortest = view.client.rounds.iter().filter_map(waited).min();
    let percent = u32::try_from(view.number(&PERCENT)).unwrap_or(u32::MAX);
    if let Some(shortest) = shortest.filter(|it| *it >= Duration::from_secs(1))
        && took > shortest.saturating_mul(percent) / 100
    {
        let sentence = format!(
            "it has CONNACK only just in time: after {:.1} s, and it waits {:.1} s",
            took.as_secs_f64(),
            shortest.as_secs_f64(),
        );
        hits.add(Hit::new(sentence).class("just in time").event(event, "CONNACK"));
    }
}

/// Under TLS: nothing of the application came from the server before, and it
/// is no `close_notify`, which has two bytes at most. What is large are tickets.
fn first_answer(connection: &Connection, event: &crate::Event) -> bool {
    let answers = connection.recent.iter().filter(|it| match it.what {
        What::Sealed { from, bytes } => from == Side::Server && bytes <= CONNACK,
        What::Packet { from, .. } => from == Side::Server,
        _ => false,
    });
    answers.count() == 1 && matches!(event.what, What::Sealed { bytes: 4..=CONNACK, .. })
}

/// The largest CONNACK under TLS.
const CONNACK: u32 = 100;

#[cfg(test)]
mod tests {
    use crate::Confidence;
    use crate::trace::Trace;

    const LEFT: &str = "
        c1 0   open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump
        c1 5.1 > fin
        c1 6.0 < CONNACK";

    #[test]
    fn true_connack_after_the_end() {
        Trace::plain().rounds(2, 20.0, LEFT).finds_at_least("RC08", Confidence::Shown);
    }

    #[test]
    fn true_under_tls() {
        let lines = LEFT.replace("CONNECT id=pump", "sealed").replace("CONNACK", "sealed bytes=4");
        Trace::encrypted().rounds(2, 20.0, &lines).finds_at_least("RC08", Confidence::Inferred);
    }

    #[test]
    fn true_only_just_in_time() {
        let lines = LEFT.replace("c1 6.0 < CONNACK", "");
        let late = LEFT.replace("c1 5.1 > fin", "").replace("c1 6.0", "c1 4.9").replace("c1", "c2");
        let trace = Trace::plain().lines(&lines).after(20.0, &late);
        let finding = trace.after(40.0, &late.replace("c2", "c3")).finds("RC08");
        assert_eq!((finding.class, finding.confidence), ("just in time", Confidence::Shown));
    }

    #[test]
    fn alike_no_connack_at_all() {
        let lines = LEFT.replace("c1 6.0 < CONNACK", "");
        Trace::plain().rounds(3, 20.0, &lines).does_not_find("RC08");
    }

    #[test]
    fn alike_connack_in_time() {
        let lines = LEFT.replace("c1 5.1 > fin", "");
        Trace::plain().rounds(3, 20.0, &lines).does_not_find("RC08");
    }

    #[test]
    fn alike_what_a_path_held_back() {
        // Recorded at a broker: CONNECT and the end arrive together.
        let lines = LEFT.replace("c1 5.1", "c1 0.1").replace("c1 6.0", "c1 0.15");
        Trace::plain().rounds(2, 20.0, &lines).does_not_find("RC08");
    }

    #[test]
    fn alike_a_broker_that_hangs() {
        let lines = LEFT.replace("c1 5.1", "c1 10.2").replace("c1 6.0", "c1 15.8");
        Trace::plain().rounds(3, 20.0, &lines).does_not_find("RC08");
    }

    #[test]
    fn true_behind_tickets() {
        let lines = LEFT.replace("CONNECT id=pump", "sealed").replace(
            "< CONNACK",
            "< sealed bytes=255\n\
             c1 6.0 < sealed bytes=255\nc1 6.0 < sealed bytes=4",
        );
        Trace::encrypted().rounds(2, 20.0, &lines).finds_at_least("RC08", Confidence::Inferred);
    }
}
