//! LM07: a topic that the server does not take.

use crate::rule::prelude::*;
use crate::rules::poison::last_words;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "LM07",
        slug: "topic-shape",
        vantages: Vantages { show: &[Vantage::Plain], support: &[] },
        rounds: 1,
        sees: "Some topics end the connection, others work.",
        why: "The topic has more levels or bytes than the server takes (AWS IoT Core: 8 levels, \
              256 bytes), or a wildcard, which no topic of a message may have.",
        fix: "Shorten the topic; `+` and `#` belong into filters alone.",
        raises: "MQTT 5: reason code 0x90.",
        explains: &["AU02", "AU01", "RC01", "RC03", "RC04"],
        references: &[
            "MQTT-3.3.2-2",
            "https://github.com/thomasnordquist/MQTT-Explorer/issues/194",
        ],
        ..Meta::EMPTY
    },
    on: &[On::End, On::Disconnect, On::Refused],
    check,
};

/// Topic Name invalid.
const INVALID: u8 = 0x90;

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    match event.what {
        What::Packet {
            packet:
                PacketSeen::Disconnect(INVALID)
                | PacketSeen::PubAck(_, INVALID)
                | PacketSeen::PubRec(_, INVALID),
            from: Side::Server,
            ..
        } => {
            let hit = Hit::new("the server does not take its topic: reason code 0x90");
            hits.add(hit.proven().event(event, "Topic Name invalid"));
        }
        What::Closing { .. } => ended(view, hits),
        _ => {}
    }
}

fn ended(view: &View<'_>, hits: &mut Hits) {
    let Some(round) = view.ended() else { return };
    let Some(mark) = last_words(view, round) else { return };
    let Some(fault) = fault(view, view.texts.text(mark.topic), mark.kind == MarkKind::Publish)
    else {
        return;
    };
    let topic = view.text(mark.topic);
    let sentence = format!("the server ended the connection after the topic {topic}: {fault}");
    let hit = Hit::new(sentence).at(mark.moment(), "the topic");
    hits.add(hit.end(round.end.as_ref(), "the server ends the connection"));
}

/// What is wrong with a topic.
fn fault(view: &View<'_>, topic: &str, publish: bool) -> Option<alloc::string::String> {
    let publish_limits = &view.profile.publish;
    let levels = topic.split('/').count();
    let most = publish_limits.maximum_topic_levels.as_ref().map(|limit| usize::from(limit.value));
    let longest = publish_limits.maximum_topic_length.as_ref().map(|limit| limit.value);
    if publish && topic.contains(['+', '#']) {
        Some("a topic has no wildcards".into())
    } else if let Some(most) = most.filter(|most| levels > *most) {
        Some(format!("it has {levels} levels, and the server takes {most}"))
    } else {
        let longest = longest.filter(|longest| topic.len() > usize::from(*longest))?;
        Some(format!("it has {} bytes, and the server takes {longest}", topic.len()))
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;

    fn lines(topic: &str) -> alloc::string::String {
        alloc::format!(
            "c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
             c1 0.1 > CONNECT id=pump
             c1 0.2 < CONNACK
             c1 0.3 > PUBLISH topic={topic} qos=1 id=3
             c1 0.4 < fin"
        )
    }

    #[test]
    fn true_nine_levels() {
        let finding = Trace::at("aws-iot-core").lines(&lines("a/b/c/d/e/f/g/h/i")).finds("LM07");
        assert!(finding.sentence.contains("9 levels"), "{}", finding.sentence);
    }

    #[test]
    fn true_a_wildcard() {
        Trace::plain().lines(&lines("a/+/c")).finds("LM07");
    }

    #[test]
    fn true_too_long() {
        Trace::at("aws-iot-core").lines(&lines(&"a".repeat(257))).finds("LM07");
    }

    #[test]
    fn alike_at_the_limits() {
        Trace::at("aws-iot-core").lines(&lines("a/b/c/d/e/f/g/h")).does_not_find("LM07");
        Trace::at("aws-iot-core").lines(&lines(&"a".repeat(256))).does_not_find("LM07");
    }

    #[test]
    fn alike_a_server_without_limits() {
        Trace::plain().lines(&lines("a/b/c/d/e/f/g/h/i")).does_not_find("LM07");
    }
}
