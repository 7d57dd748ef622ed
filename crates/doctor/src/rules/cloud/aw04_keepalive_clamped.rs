//! AW04: the cloud uses another keep-alive than the client asked for.

use crate::rule::prelude::*;

const EARLY: Threshold = Threshold {
    name: "AW04.spread_s",
    value: 6,
    reason: "services look at their connections every few seconds",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "AW04",
        slug: "keepalive-clamped",
        vantages: Vantages { show: &[Vantage::Plain], support: &[] },
        rounds: 2,
        sees: "An idle connection ends after the same time, which is not one and a half times \
               the keep-alive.",
        why: "The service has a range of keep-alive values and uses its own bound for a value \
              outside. With MQTT 3.1.1 it cannot say so: the client pings too late.",
        fix: "Ask for a keep-alive within the range.",
        raises: "MQTT 5, where CONNACK carries Server Keep Alive.",
        explains: &["KA07", "KA08", "KA12", "RC01"],
        references: &["MQTT-3.1.2-24"],
        thresholds: &[EARLY],
        ..Meta::EMPTY
    },
    on: &[On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(range)) = (view.connection, view.profile.keep_alive()) else {
        return;
    };
    let (Some(round), Some((_, connect))) = (view.ended(), connection.mqtt.connect) else { return };
    let told = connection.mqtt.connack.is_some_and(|(_, it)| it.server_keep_alive.is_some());
    let Some(asked) = connect.keep_alive else { return };
    let clamped = match asked {
        0 if range.zero_means > 0 => range.zero_means,
        0 => return,
        _ => asked.clamp(range.minimum, range.maximum),
    };
    if clamped == asked || told {
        return;
    }
    let (Some(end), Some(sent)) = (round.end, round.last_sent()) else { return };
    let silent = end.at.since(sent);
    let grace = Duration::from_secs(clamped.into()).saturating_mul(3) / 2;
    let close = silent.abs_diff(grace) <= view.seconds(&EARLY);
    if end.by == Some(Side::Server) && close && !round.goodbye() && !round.gaps {
        let sentence = format!(
            "it asked for a keep-alive of {asked} s, the service uses {clamped} s, and ended the \
             connection after {} s of silence",
            silent.as_secs()
        );
        hits.add(Hit::new(sentence).end(&end, "the service ends the connection"));
    }
}

#[cfg(test)]
mod tests {
    use crate::Confidence;
    use crate::trace::Trace;

    const IDLE: &str = "
        c1 0.0  open 10.0.0.1:5000 10.0.0.9:8883
        c1 0.1  > CONNECT id=pump k=3600
        c1 0.2  < CONNACK
        c1 1801.5 < fin";

    #[test]
    fn true_closed_at_the_clamped_value() {
        // AWS IoT Core: 1,200 s at most, so 1,800 s of silence.
        let trace = Trace::at("aws-iot-core").rounds(2, 2000.0, IDLE);
        trace.finds_at_least("AW04", Confidence::Shown);
    }

    #[test]
    fn alike_closed_at_another_time() {
        let lines = IDLE.replace("c1 1801.5", "c1 900");
        Trace::at("aws-iot-core").rounds(2, 2000.0, &lines).does_not_find("AW04");
    }

    #[test]
    fn alike_the_server_says_its_keep_alive() {
        let lines = IDLE.replace("< CONNACK", "< CONNACK v5 k=1200");
        Trace::at("aws-iot-core").rounds(2, 2000.0, &lines).does_not_find("AW04");
    }

    #[test]
    fn alike_within_the_range() {
        let lines = IDLE.replace("k=3600", "k=1200");
        Trace::at("aws-iot-core").rounds(2, 2000.0, &lines).does_not_find("AW04");
    }
}
