//! LM05: more subscriptions than the server keeps.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "LM05",
        slug: "too-many-subscriptions",
        severity: Severity::Warn,
        vantages: Vantages { show: &[Vantage::Plain], support: &[] },
        rounds: 1,
        sees: "Some subscriptions work, others never deliver.",
        why: "The server keeps a number of subscriptions for a connection (AWS IoT Core: 50); \
              those beyond it are refused in SUBACK.",
        fix: "Use filters with wildcards, or several connections.",
        raises: "SUBACK's codes for each filter.",
        explains: &[],
        references: &["MQTT-3.8.4-6"],
        ..Meta::EMPTY
    },
    on: &[On::SubAck],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(event), Some(connection)) = (view.event, view.connection) else { return };
    let Some(limit) = view.profile.max_subscriptions() else { return };
    let What::Packet { packet: PacketSeen::SubAck(_, _, failed), .. } = event.what else { return };
    if failed > 0 && connection.mqtt.filters > limit {
        let sentence = format!(
            "it has asked for {} subscriptions; the server keeps {limit} and refuses {failed}",
            connection.mqtt.filters
        );
        hits.add(Hit::new(sentence).event(event, "SUBACK with failures"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;

    fn lines(packets: u32, failed: u32) -> alloc::string::String {
        let mut lines = alloc::string::String::from(
            "c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
             c1 0.1 > CONNECT id=pump
             c1 0.2 < CONNACK\n",
        );
        for n in 0..packets {
            lines += &alloc::format!("c1 {n}.3 > SUBSCRIBE topic=a filters=8\n");
            lines += &alloc::format!("c1 {n}.4 < SUBACK\n");
        }
        lines + &alloc::format!("c1 90 < SUBACK code=128 failed={failed}")
    }

    #[test]
    fn true_past_the_limit() {
        let finding = Trace::at("aws-iot-core").lines(&lines(7, 6)).finds("LM05");
        assert!(finding.sentence.contains("56"), "{}", finding.sentence);
    }

    #[test]
    fn alike_refused_for_another_reason() {
        Trace::at("aws-iot-core").lines(&lines(6, 1)).does_not_find("LM05");
    }

    #[test]
    fn alike_all_granted() {
        Trace::at("aws-iot-core").lines(&lines(7, 0)).does_not_find("LM05");
    }
}
