//! RC06: the client repeats a CONNECT that was refused for good.

use crate::rule::prelude::*;

const TIMES: Threshold =
    Threshold { name: "RC06.times", value: 3, reason: "once or twice may be a try after a repair" };
const SPACING: Threshold =
    Threshold { name: "RC06.spacing_s", value: 60, reason: "a try each minute harms nobody" };
const AT_ONCE: Threshold = Threshold {
    name: "RC06.at_once_ms",
    value: 500,
    reason: "a server that refuses closes behind its CONNACK (MQTT-3.2.2-5)",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "RC06",
        slug: "retrying-refusal",
        severity: Severity::Error,
        vantages: Vantages { show: &Vantage::ALL, support: &[] },
        sees: "The broker's log fills with refusals of one client.",
        why: "The server refuses with a code that the same CONNECT will always get: a wrong \
              version, identifier, user name, or no permission. The client tries again all the \
              same, within a minute. Brokers ban such clients.",
        fix: "Correct what the code names. In the client, stop at these codes, or try again \
              rarely, and tell the application.",
        raises: "The broker's log, which says why it refuses.",
        explains: &["RC01", "RC03", "RC04", "SV04"],
        references: &["MQTT-3.1.4-5", "https://github.com/eclipse-mosquitto/mosquitto/issues/1056"],
        thresholds: &[TIMES, SPACING, AT_ONCE],
        ..Meta::EMPTY
    },
    on: &[On::End],
    check,
};

/// What makes a refusal final, by return code and by reason code.
fn words(code: u8) -> Option<&'static str> {
    Some(match code {
        1 | 0x84 => "unsupported protocol version",
        2 | 0x85 => "client identifier not valid",
        4 | 0x86 => "bad user name or password",
        5 | 0x87 => "not authorized",
        0x8A => "banned",
        0x8C => "bad authentication method",
        _ => return None,
    })
}

fn check(view: &View<'_>, hits: &mut Hits) {
    let wanted = usize::try_from(view.number(&TIMES)).unwrap_or(usize::MAX);
    let newest: Vec<&Round> = view.client.rounds.newest(wanted).collect();
    let Some(last) = newest.last() else { return };
    let pairs = newest.iter().zip(newest.iter().skip(1));
    let fast = pairs.clone().all(|(one, next)| {
        let (one, next) = (one.began(), next.began());
        one.zip(next).is_some_and(|(one, next)| next.since(one) < view.seconds(&SPACING))
    });
    if !fast || newest.len() < wanted.max(2) {
        return;
    }
    let hit = if view.is(Vantage::Encrypted) {
        let sealed = view.connection.is_some_and(answered_once);
        let open = view.open();
        let lives = view.lives(&open);
        let refused = |round: &&Round| refused_by_look(view, round) && !took_turns(round, &lives);
        if !sealed || !newest.iter().all(refused) {
            return;
        }
        Hit::new(format!(
            "it is refused and tries again, it seems: {wanted} connections in a row ended by the \
             server after one short answer",
        ))
    } else {
        // New credentials make it another CONNECT.
        let same = |round: &&Round| {
            refusal(round) == refusal(last)
                && round.said.credentials_digest == last.said.credentials_digest
        };
        let Some(code) = refusal(last) else { return };
        if !newest.iter().all(same) {
            return;
        }
        let sentence = format!(
            "it repeats a CONNECT that the server refuses: {wanted} times in a row \"{}\"",
            words(code).unwrap_or("refused"),
        );
        Hit::new(sentence).proven()
    };
    let mut hit = hit.rounds(1);
    for round in &newest {
        let refused = round.said.connack.or_else(|| Some(round.end?.moment()));
        hit = hit.at(refused, "refused");
    }
    hits.add(hit);
}

/// The code of a refusal that will not change.
fn refusal(round: &Round) -> Option<u8> {
    let denied = round.end.and_then(|end| end.words);
    match denied {
        Some(Words::Denied(crate::Denied::Connect, _)) => Some(5),
        _ => round.said.code.filter(|code| words(*code).is_some()),
    }
}

/// Under TLS: short, no ping, ended by the server at once behind its answer.
fn refused_by_look(view: &View<'_>, round: &Round) -> bool {
    let at_once =
        |end: End, answered| end.at.since(answered) <= view.millis(&AT_ONCE).max(view.slack());
    round.ended_by(Side::Server)
        && round.pings == 0
        && !round.gaps
        && round.lifetime().is_some_and(|life| life < Duration::from_secs(10))
        && round.end.zip(round.last_received()).is_some_and(|(end, at)| at_once(end, at))
}

/// Another connection began before this one ended: it may have taken over.
fn took_turns(round: &Round, lives: &[&Round]) -> bool {
    let (began, end) = (round.began(), round.end.map(|end| end.at));
    lives.iter().any(|other| other.began() > began && other.began() < end)
}

/// One record of the client, and one of the server that CONNACK fits in.
fn answered_once(connection: &Connection) -> bool {
    let of = |side| {
        let sealed = connection.recent.iter().filter_map(move |event| match event.what {
            What::Sealed { from, bytes } if from == side => Some(bytes),
            What::Packet { from, bytes, .. } if from == side => Some(bytes),
            _ => None,
        });
        sealed.collect::<Vec<u32>>()
    };
    let (client, server) = (of(Side::Client), of(Side::Server));
    client.len() == 1 && matches!(server.as_slice(), [4..=128])
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const REFUSED: &str = "
        c1 0   open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump user=7
        c1 0.2 < CONNACK code=5
        c1 0.3 < fin";

    #[test]
    fn true_not_authorized() {
        for vantage in
            [Vantage::Plain, Vantage::ClientLog, Vantage::BrokerLog, Vantage::ClientEvents]
        {
            let finding = Trace::of(vantage).rounds(3, 10.0, REFUSED).finds("RC06");
            assert_eq!(finding.confidence, Confidence::Proven);
            assert!(finding.sentence.contains("not authorized"));
        }
    }

    #[test]
    fn true_under_tls() {
        let lines = "c1 0 open 10.0.0.1:5000 10.0.0.9:8883\nc1 0.1 > sealed bytes=40
            c1 0.2 < sealed bytes=4\nc1 0.3 < fin";
        Trace::encrypted().rounds(3, 10.0, lines).finds_at_least("RC06", Confidence::Inferred);
    }

    #[test]
    fn alike_under_tls_another_connection_takes_over() {
        // Each is ended while the next one is open already.
        let lines = "c1 0 open 10.0.0.1:5000 10.0.0.9:8883\nc1 0.1 > sealed bytes=40
            c1 0.2 < sealed bytes=4\nc1 0.3 < fin";
        let trace = Trace::encrypted().rounds(6, 0.25, lines);
        trace.does_not_find("RC06");
    }

    #[test]
    fn alike_the_server_is_busy() {
        let lines = REFUSED.replace("code=5", "code=3");
        Trace::plain().rounds(5, 10.0, &lines).does_not_find("RC06");
    }

    #[test]
    fn alike_one_try_in_two_minutes() {
        Trace::plain().rounds(5, 120.0, REFUSED).does_not_find("RC06");
    }

    #[test]
    fn alike_new_credentials_each_time() {
        let trace = (0..4).fold(Trace::plain(), |trace, n| {
            let lines = REFUSED.replace("user=7", &alloc::format!("user={}", n + 1));
            trace.after(f64::from(n) * 10.0, &lines.replace("c1", &alloc::format!("c{n}")))
        });
        trace.does_not_find("RC06");
    }
}
