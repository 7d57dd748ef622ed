//! NW08: the path loses packets.

use crate::rule::prelude::*;

const SEGMENTS: Threshold =
    Threshold { name: "NW08.segments", value: 200, reason: "a share of fewer says nothing" };
const PERCENT: Threshold = Threshold {
    name: "NW08.percent",
    value: 3,
    reason: "above this TCP becomes slow enough to be felt",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "NW08",
        slug: "lossy-path",
        severity: Severity::Warn,
        vantages: Vantages { show: &[Vantage::Plain, Vantage::Encrypted], support: &[] },
        rounds: 1,
        sees: "Everything is slow; pings come back late, now and then too late.",
        why: "More than a few of a hundred segments had to be sent again, over a long time.",
        fix: "Find where the path loses (radio, cable, a full line); longer time-outs bridge it.",
        raises: "A capture on the other side.",
        explains: &["KA13", "RC08"],
        references: &["RFC 6298"],
        thresholds: &[SEGMENTS, PERCENT],
        ..Meta::EMPTY
    },
    on: &[On::Path],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(event), Some(connection)) = (view.event, view.connection) else { return };
    let What::Resent { from, .. } = event.what else { return };
    let path = connection.tcp.paths.of(from);
    let sent = u64::from(path.sent).max(1);
    let segments = u64::from(path.resent) * 100 / sent;
    // A large message is one event and many segments: bytes tell. Under TLS small
    // messages are more on the wire than their bytes: there segments tell.
    let bytes = path.resent_bytes.saturating_mul(100) / connection.bytes_in(from).max(1);
    let share = segments.min(bytes);
    // One burst is no lossy path: what is lost in silence is a dead one.
    let spread = u64::from(path.resent) > 2 * u64::from(path.resent_in_silence);
    let many = sent >= view.number(&SEGMENTS) && share > view.number(&PERCENT);
    if many && spread && !connection.tcp.paths.has_gaps() {
        let sends = if from == Side::Client { "it sends" } else { "the server sends" };
        let sentence = format!("{share} % of what {sends} had to be sent again");
        hits.add(Hit::new(sentence).event(event, "sent again"));
    }
}

#[cfg(test)]
mod tests {
    use crate::Confidence;
    use crate::trace::Trace;

    fn lines(segments: u32, each: u32) -> alloc::string::String {
        let mut lines = alloc::string::String::from("c1 0 open 10.0.0.1:5000 10.0.0.9:1883\n");
        for n in 1..=segments {
            lines += &alloc::format!("c1 {n} > PUBLISH digest={n}\nc1 {n}.3 < PUBACK id=0\n");
            if n % each == 0 {
                lines += &alloc::format!("c1 {n}.5 > resent\n");
            }
        }
        lines
    }

    #[test]
    fn true_five_percent() {
        let finding = Trace::plain().lines(&lines(260, 20)).finds("NW08");
        assert_eq!(finding.confidence, Confidence::Shown);
    }

    #[test]
    fn alike_three_percent() {
        Trace::plain().lines(&lines(264, 33)).does_not_find("NW08");
    }

    #[test]
    fn alike_large_messages_of_many_segments() {
        let lines = lines(260, 20).replace("PUBLISH", "PUBLISH bytes=14480");
        let lines = lines.replace("resent", "resent bytes=1448");
        Trace::plain().lines(&lines).does_not_find("NW08");
    }

    #[test]
    fn alike_too_few_to_tell() {
        Trace::plain().lines(&lines(180, 10)).does_not_find("NW08");
    }
}
