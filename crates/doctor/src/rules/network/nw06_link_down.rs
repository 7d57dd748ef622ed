//! NW06: the link below goes down first.

use crate::rule::prelude::*;

const BEFORE: Threshold = Threshold {
    name: "NW06.before_s",
    value: 30,
    reason: "MQTT notices a lost link within half a minute",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "NW06",
        slug: "link-down",
        severity: Severity::Warn,
        vantages: Vantages { show: &[Vantage::ClientLog, Vantage::ClientEvents], support: &[] },
        sees: "The client loses its connection whenever WiFi or the mobile link drops.",
        why: "The log says that the link went down, and the connection followed. MQTT is not at \
              fault.",
        fix: "Signal, roaming and power saving of the link.",
        raises: "The access point's log.",
        explains: &["NW01", "NW04", "NW05", "RC01", "KA13"],
        references: &["MQTT-4.13.2-1"],
        thresholds: &[BEFORE],
        ..Meta::EMPTY
    },
    on: &[On::Words, On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(event), Some(connection)) = (view.event, view.connection) else { return };
    let down =
        connection.recent.iter().rev().find(|event| event.what == What::Words(Words::LinkDown));
    let Some(down) = down else { return };
    // A link that goes down after the connection has ended is no cause.
    let ended_first = connection.end.is_some_and(|end| end.at < down.at);
    let in_time = event.at.since(down.at) <= view.seconds(&BEFORE);
    if connection.end.is_some() && !ended_first && in_time {
        let hit = Hit::new("its link goes down, and the connection follows");
        let hit = hit.event(down, "the link is down");
        hits.add(hit.end(connection.end.as_ref(), "the connection ends"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const DROPS: &str = "
        c1 0 open a b
        c1 1 < CONNACK
        c1 50 words link-down
        c1 52 > closed";

    #[test]
    fn true_the_link_first() {
        let trace = Trace::of(Vantage::ClientLog).rounds(2, 100.0, DROPS);
        trace.finds_at_least("NW06", Confidence::Shown);
    }

    #[test]
    fn alike_the_connection_first() {
        let lines = DROPS.replace("c1 52 ", "c1 49 ").replace("c1 50", "c1 50.5");
        let lines = lines.replace("c1 50.5 words link-down\n", "");
        let lines = alloc::format!("{lines}\nc1 50.5 words link-down");
        Trace::of(Vantage::ClientLog).rounds(2, 100.0, &lines).does_not_find("NW06");
    }

    #[test]
    fn alike_long_before() {
        let lines = DROPS.replace("c1 52", "c1 90");
        Trace::of(Vantage::ClientLog).rounds(2, 100.0, &lines).does_not_find("NW06");
    }
}
