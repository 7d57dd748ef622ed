//! PR02: the server speaks another version.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "PR02",
        slug: "answered-in-other-version",
        vantages: Vantages { show: &[Vantage::Plain], support: &[] },
        rounds: 1,
        sees: "The client fails right after CONNECT, often with a decoding error.",
        why: "CONNECT was of MQTT 5, the answer has the form of 3.1.1, or says that the version is \
              not supported.",
        fix: "Speak 3.1.1 with this server.",
        raises: "The server's documentation.",
        explains: &["RC01", "RC03", "RC04", "RC06", "PR01", "AU03"],
        references: &["MQTT-3.1.2-2", "https://github.com/hivemq/mqtt-cli/issues/284"],
        ..Meta::EMPTY
    },
    on: &[On::ConnAck],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(event), Some(connection)) = (view.event, view.connection) else { return };
    let What::Packet { packet: PacketSeen::ConnAck(connack), .. } = event.what else { return };
    let Some((_, connect)) = connection.mqtt.connect else { return };
    let version = if connect.version == 5 { "5" } else { "3.1.1" };
    let sentence = if matches!(connack.code, 1 | 0x84) {
        format!("the server does not speak MQTT {version}: code 0x{:02X}", connack.code)
    } else if connect.version == 5 && !connack.version_5 {
        "it speaks MQTT 5 and the server answers in 3.1.1".into()
    } else {
        return;
    };
    hits.add(Hit::new(sentence).proven().event(event, "CONNACK"));
}

#[cfg(test)]
mod tests {
    use crate::Confidence;
    use crate::trace::Trace;

    fn lines(version: u8, connack: &str) -> alloc::string::String {
        alloc::format!(
            "c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
             c1 0.1 > CONNECT id=pump v={version}
             c1 0.2 < CONNACK {connack}"
        )
    }

    #[test]
    fn true_the_form_of_3_1_1() {
        Trace::plain().lines(&lines(5, "")).finds_at_least("PR02", Confidence::Proven);
    }

    #[test]
    fn true_refused() {
        Trace::plain().lines(&lines(5, "code=1")).finds("PR02");
        Trace::plain().lines(&lines(5, "v5 code=132")).finds("PR02");
    }

    #[test]
    fn alike_both_speak_5() {
        Trace::plain().lines(&lines(5, "v5")).finds_nothing();
    }

    #[test]
    fn alike_both_speak_3_1_1() {
        Trace::plain().lines(&lines(4, "")).finds_nothing();
    }
}
