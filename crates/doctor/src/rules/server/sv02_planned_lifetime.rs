//! SV02: the server ends every connection at the same age.

use crate::rule::prelude::*;

const SHORTEST: Threshold = Threshold {
    name: "SV02.shortest_s",
    value: 300,
    reason: "shorter lives of the same length are keep-alive's, or a path's, not planned ones",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "SV02",
        slug: "planned-lifetime",
        severity: Severity::Info,
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::BrokerLog],
            support: &[Vantage::ClientLog, Vantage::ClientEvents],
        },
        rounds: 1,
        sees: "The connection ends once a day, or after another fixed time, and comes back at \
               once.",
        why: "Services bound the life of a connection, such as 24 hours for a WebSocket at AWS. \
              The end is planned, and the same credentials work again.",
        fix: "Reconnect at a quiet time before it.",
        raises: "The service's documentation of its limits.",
        explains: &["RC01"],
        references: &["MQTT-4.13.1-1"],
        thresholds: &[SHORTEST],
        ..Meta::EMPTY
    },
    on: &[On::ConnAck, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(event), Some(connection)) = (view.event, view.connection) else { return };
    if event.what == What::Words(Words::LifetimeReached) {
        let hit = Hit::new("its connection reached the longest life that the server allows");
        hits.add(hit.proven().event(event, "the log says so"));
        return;
    }
    let What::Packet { packet: PacketSeen::ConnAck(connack), .. } = event.what else { return };
    let row: Vec<&Round> = (view.client.rounds.iter().rev())
        .take_while(|round| {
            round.accepted() && round.ended_by(Side::Server) && !round.goodbye() && busy(round)
        })
        .collect();
    let lives: Vec<Duration> = row.iter().filter_map(|round| round.lifetime()).collect();
    let digest = connection.mqtt.connect.map_or(0, |(_, connect)| connect.credentials_digest);
    let same = row.first().is_some_and(|round| round.said.credentials_digest == digest);
    let long = lives.iter().all(|life| *life >= view.seconds(&SHORTEST));
    if lives.len() >= 2 && long && steady(&lives, 2) && connack.code == 0 && same {
        let sentence = format!(
            "the server ends its connections at the age of {} s, and lets it in again at once",
            median(&lives).as_secs()
        );
        hits.add(Hit::new(sentence).event(event, "in again, with the same credentials"));
    }
}

/// Something was said shortly before the end: neither keep-alive nor an idle
/// path ended it.
fn busy(round: &Round) -> bool {
    let (Some(end), Some(sent)) = (round.end, round.last_sent()) else { return false };
    round.said.keep_alive.is_none_or(|keep_alive| end.at.since(sent) <= keep_alive)
        && round.last_received().is_some()
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const DAY: &str = "
        c1 0.0    open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1    > CONNECT id=pump user=7 k=60
        c1 0.2    < CONNACK
        c1 86390  > PINGREQ
        c1 86390.1 < PINGRESP
        c1 86400  < fin";

    #[test]
    fn true_a_day_each() {
        let finding = Trace::plain().rounds(3, 86_401.0, DAY).finds("SV02");
        assert_eq!(finding.confidence, Confidence::Shown);
        assert!(finding.sentence.contains("86400 s"), "{}", finding.sentence);
    }

    #[test]
    fn true_the_broker_says_so() {
        let trace =
            Trace::of(Vantage::BrokerLog).lines("c1 0 open a b\nc1 9 words lifetime-reached");
        trace.finds_at_least("SV02", Confidence::Proven);
    }

    #[test]
    fn alike_refused_afterwards() {
        let refused = DAY.replace("CONNACK", "CONNACK code=5").replace("c1 ", "c2 ");
        let refused =
            refused.replace("c2 86390  > PINGREQ", "").replace("c2 86390.1 < PINGRESP", "");
        let refused = refused.replace("c2 0", "c2 172802").replace("c2 86400", "c2 172803");
        Trace::plain().rounds(2, 86_401.0, DAY).lines(&refused).does_not_find("SV02");
    }

    #[test]
    fn alike_idle_at_the_end() {
        let lines = DAY.replace("c1 86390  > PINGREQ", "").replace("c1 86390.1 < PINGRESP", "");
        Trace::plain().rounds(3, 86_401.0, &lines).does_not_find("SV02");
    }
}
