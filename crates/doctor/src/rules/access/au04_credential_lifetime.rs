//! AU04: the credentials end while the connection lives.

use super::au03_connect_denied::denies;
use crate::rule::prelude::*;

const SHORTEST: Threshold = Threshold {
    name: "AU04.shortest_s",
    value: 60,
    reason: "no service gives credentials a shorter life",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "AU04",
        slug: "credential-lifetime",
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::ClientLog, Vantage::BrokerLog, Vantage::ClientEvents],
            support: &[Vantage::Encrypted],
        },
        sees: "The connection ends after the same time again and again, mostly an hour or a day, \
               then the server refuses the client.",
        why: "A token or a signed URL has a life. When it is over the server ends the connection, \
              and a client that comes back with the same credentials is refused.",
        fix: "Get new credentials before the old ones end, and give the client a way to ask for \
              them before each attempt.",
        raises: "The broker's log names the expiry.",
        explains: &["AU03", "RC06", "RC01", "RC03", "SV02"],
        references: &["https://github.com/awslabs/aws-crt-nodejs/issues/423"],
        thresholds: &[SHORTEST],
        ..Meta::EMPTY
    },
    on: &[On::ConnAck, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    match event.what {
        What::Words(Words::CredentialsExpired) => {
            let hit = Hit::new("its credentials expired while it was connected").proven();
            hits.add(hit.event(event, "the server says so"));
        }
        What::Packet { packet: PacketSeen::ConnAck(connack), .. } => {
            compared(view, connack.code, hits);
        }
        _ => {}
    }
}

/// After connections that all lived as long: what does the server say to the
/// next CONNECT?
fn compared(view: &View<'_>, code: u8, hits: &mut Hits) {
    let (Some(connection), Some(event)) = (view.connection, view.event) else { return };
    let row: Vec<&Round> = (view.client.rounds.iter().rev())
        .filter(|round| !round.said.code.is_some_and(denies))
        .take_while(|round| round.accepted() && round.ended_by(Side::Server))
        .collect();
    let lives: Vec<Duration> = row.iter().filter_map(|round| round.lifetime()).collect();
    let long = lives.iter().all(|life| *life >= view.seconds(&SHORTEST));
    if lives.len() < 2 || !long || !steady(&lives, 2) {
        return;
    }
    let Some(newest) = row.first() else { return };
    let digest = connection.mqtt.connect.map_or(0, |(_, connect)| connect.credentials_digest);
    let same = newest.said.credentials_digest == digest;
    let life = median(&lives).as_secs();
    let end = newest.end;
    let hit = if denies(code) && same {
        Hit::new(format!(
            "its connections end after {life} s each, then the server refuses the same \
             credentials: they have a life of that time"
        ))
    } else if code == 0 && !same {
        let sentence = format!(
            "its connections end after {life} s each, and it comes back with new credentials: \
             they have a life of that time"
        );
        Hit::new(sentence).class("renewed").severity(Severity::Info)
    } else {
        return;
    };
    let hit = hit.rounds(1).event(event, "the answer to the next CONNECT");
    hits.add(hit.end(end.as_ref(), "the server ends the connection"));
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Severity, Vantage};

    const HOUR: &str = "
        c1 0.0    open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1    > CONNECT id=pump user=7
        c1 0.2    < CONNACK
        c1 3600.0 < fin";
    const REFUSED: &str = "
        c2 7202.0 open 10.0.0.1:5001 10.0.0.9:1883
        c2 7202.1 > CONNECT id=pump user=7
        c2 7202.2 < CONNACK code=5";

    #[test]
    fn true_refused_after_an_hour_each() {
        let trace = Trace::plain().rounds(2, 3601.0, HOUR).lines(REFUSED);
        let finding = trace.finds("AU04");
        assert_eq!(finding.confidence, Confidence::Shown);
        assert!(finding.sentence.contains("3600 s"), "{}", finding.sentence);
    }

    #[test]
    fn true_renewed_is_worth_knowing() {
        let renewed = REFUSED.replace("user=7", "user=8").replace("code=5", "code=0");
        let finding = Trace::plain().rounds(2, 3601.0, HOUR).lines(&renewed).finds("AU04");
        assert_eq!(finding.severity, Severity::Info);
    }

    #[test]
    fn true_the_broker_says_so() {
        Trace::of(Vantage::BrokerLog)
            .lines("c1 0 open a b\nc1 3600 words credentials-expired")
            .finds_at_least("AU04", Confidence::Proven);
    }

    #[test]
    fn alike_the_same_credentials_work_again() {
        let works = REFUSED.replace("code=5", "code=0");
        Trace::plain().rounds(2, 3601.0, HOUR).lines(&works).does_not_find("AU04");
    }

    #[test]
    fn alike_lives_differ() {
        let shorter = HOUR.replace("c1 3600.0", "c1 3000.0");
        let trace = Trace::plain().lines(&shorter).rounds(2, 3601.0, HOUR);
        // The row of equal lives is broken by the first.
        trace.lines(REFUSED).does_not_find("AU04");
    }
}
