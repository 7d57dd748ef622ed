//! ID07: the will of an old connection arrives after the client is back.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "ID07",
        slug: "will-says-offline",
        severity: Severity::Warn,
        vantages: Vantages { show: &[Vantage::Plain], support: &[] },
        sees: "A device is shown as offline although it is connected.",
        why: "The client was back before the broker noticed that its old connection was dead. \
              Then the broker published the will of the old one, after the client had said that \
              it is online.",
        fix: "Put a number that grows into the messages of presence, and ignore the older one; \
              or set a Will Delay Interval (MQTT 5), so that a quick return cancels the will. Let \
              the client publish its state again if it sees the will itself.",
        raises: "A second case in the record, or the broker's log.",
        explains: &[],
        references: &["MQTT-3.1.2-8", "https://github.com/mochi-mqtt/server/issues/483"],
        ..Meta::EMPTY
    },
    on: &[On::Publish],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(event)) = (view.connection, view.event) else { return };
    let What::Packet { from: Side::Server, packet: PacketSeen::Publish(publish), .. } = event.what
    else {
        return;
    };
    let Some(will) = view.tracker.wills.of(connection.source, publish.topic) else { return };
    let Some(since) = will.since.filter(|since| event.at > since.at.plus(view.slack())) else {
        return;
    };
    // What is retained arrives with each subscription: that is no news.
    let same = will.digest != 0 && will.digest == publish.digest;
    if will.connections >= 2 && same && !publish.retain {
        let sentence = format!(
            "it is told that {} is offline, by its will, {:.1} s after that client came back",
            view.text(will.client),
            event.at.since(since.at).as_secs_f64(),
        );
        let hit = Hit::new(sentence).at(since, "CONNACK of the client's return");
        hits.add(hit.event(event, "its will is delivered"));
    }
}

#[cfg(test)]
mod tests {
    use crate::Confidence;
    use crate::trace::Trace;

    const OFFLINE: &str = "
        c0 0    open 10.0.0.5:5000 10.0.0.9:1883
        c0 0.1  > CONNECT id=watch
        c0 0.2  < CONNACK
        c1 1    open 10.0.0.1:5000 10.0.0.9:1883
        c1 1.1  > CONNECT id=pump will=pump/state will-digest=9
        c1 1.2  < CONNACK
        c2 60   open 10.0.0.1:5001 10.0.0.9:1883
        c2 60.1 > CONNECT id=pump will=pump/state will-digest=9
        c2 60.2 < CONNACK
        c0 62.0 < PUBLISH topic=pump/state digest=9
        c2 90   > DISCONNECT
        c2 90   > fin
        c0 95   > fin";

    #[test]
    fn true_the_will_comes_late() {
        Trace::plain().rounds(2, 200.0, OFFLINE).finds_at_least("ID07", Confidence::Shown);
    }

    #[test]
    fn alike_the_will_comes_first() {
        let lines = OFFLINE.replace("c0 62.0", "c0 59.0");
        let lines = lines.replace("c2 60   open", "c0 59.0 < window-open\nc2 60 open");
        let mut ordered: alloc::vec::Vec<&str> = lines.lines().collect();
        ordered.sort_by(|one, other| {
            let at =
                |line: &str| line.split_whitespace().nth(1).and_then(|it| it.parse::<f64>().ok());
            at(one).partial_cmp(&at(other)).expect("times")
        });
        // In the second round the client is known to be away as the will comes.
        Trace::plain().lines(&ordered.join("\n")).does_not_find("ID07");
    }

    #[test]
    fn alike_it_says_that_it_is_online() {
        let lines = OFFLINE.replace("digest=9\n        c2 90", "digest=4\n        c2 90");
        Trace::plain().rounds(2, 200.0, &lines).does_not_find("ID07");
    }

    #[test]
    fn alike_a_retained_message_of_old() {
        let lines =
            OFFLINE.replace("topic=pump/state digest=9", "topic=pump/state digest=9 retain");
        Trace::plain().rounds(2, 200.0, &lines).does_not_find("ID07");
    }
}
