//! AW02: CONNECTs of one identifier come faster than the cloud takes them.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "AW02",
        slug: "connect-floor",
        vantages: Vantages { show: &[Vantage::Plain, Vantage::BrokerLog], support: &[] },
        rounds: 2,
        sees: "After a drop the client is refused several times before it gets in.",
        why: "The service takes CONNECT of one client identifier once a second at most, and after \
              short lives less often. The client is faster, and is refused or ended for it.",
        fix: "Wait at least 11 s after a connection that lived for a short time.",
        raises: "The service's metric of throttled clients.",
        explains: &["RC01", "RC03", "RC06", "AU03", "NW09"],
        references: &["https://github.com/aws-greengrass/aws-greengrass-nucleus/issues/1003"],
        ..Meta::EMPTY
    },
    on: &[On::End, On::ConnAck, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(event), Some(_)) = (view.event, view.profile.connect_floor()) else { return };
    if event.what == What::Words(Words::ConnectRate) {
        let hit = Hit::new("the service refuses it: it connects too fast").proven();
        hits.add(hit.event(event, "the log says so"));
        return;
    }
    let (Some(connection), Some((apart, wanted))) = (view.connection, below_floor(view)) else {
        return;
    };
    let refused = connection.mqtt.connack.is_some_and(|(_, it)| matches!(it.code, 3 | 0x97 | 0x89));
    let ended = connection.mqtt.connack.is_none()
        && connection.end.is_some_and(|end| end.by == Some(Side::Server));
    if refused || ended {
        let sentence = format!(
            "it connects {:.1} s after its last CONNECT and is refused; the service wants {:.0} s",
            apart.as_secs_f64(),
            wanted.as_secs_f64()
        );
        hits.add(Hit::new(sentence).event(event, "refused"));
    }
}

/// How soon after the one before its CONNECT came, and what is wanted, if that is more.
pub(in crate::rules) fn below_floor(view: &View<'_>) -> Option<(Duration, Duration)> {
    let (connection, floor) = (view.connection?, view.profile.connect_floor()?);
    // The one before this: an ended connection is in the history itself.
    let skip = usize::from(connection.end.is_some());
    let before = view.client.rounds.iter().rev().nth(skip)?;
    let short = before.lifetime().is_some_and(|life| life < floor.short);
    let wanted = if short { floor.spacing_after_short } else { floor.spacing };
    let apart = connection.mqtt.connect?.0.at.since(before.said.connect?.at);
    (apart < wanted).then_some((apart, wanted))
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;

    const REFUSED: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
        c1 0.1 > CONNECT id=pump
        c1 0.2 < fin";

    #[test]
    fn true_every_half_second() {
        Trace::at("aws-iot-core").rounds(4, 0.5, REFUSED).finds("AW02");
    }

    #[test]
    fn alike_slow_enough() {
        Trace::at("aws-iot-core").rounds(4, 15.0, REFUSED).does_not_find("AW02");
    }

    #[test]
    fn alike_a_server_without_a_floor() {
        Trace::plain().rounds(4, 0.5, REFUSED).does_not_find("AW02");
    }

    #[test]
    fn alike_let_in() {
        let lines = REFUSED.replace("c1 0.2 <", "c1 0.15 < CONNACK\nc1 0.2 >");
        Trace::at("aws-iot-core").rounds(4, 0.5, &lines).does_not_find("AW02");
    }
}
