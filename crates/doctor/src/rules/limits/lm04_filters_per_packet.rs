//! LM04: more filters in one packet than the server takes.

use crate::rule::prelude::*;
use crate::rules::poison::last_words;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "LM04",
        slug: "filters-per-packet",
        vantages: Vantages { show: &[Vantage::Plain], support: &[] },
        rounds: 1,
        sees: "The client connects, subscribes to all its topics at once, and is thrown out.",
        why: "The server takes fewer filters in one SUBSCRIBE or UNSUBSCRIBE (AWS IoT Core: 8) \
              and ends the connection, or does not answer.",
        fix: "Send them in packets of as many as are allowed.",
        raises: "The broker's log.",
        explains: &["AU01", "RC01", "RC03", "RC04", "RC11", "ID06"],
        references: &["https://github.com/aws/aws-iot-device-sdk-js/issues/147"],
        ..Meta::EMPTY
    },
    on: &[On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(limit) = view.profile.max_subscribe_filters() else { return };
    let Some(round) = view.ended() else { return };
    let mark = last_words(view, round).or_else(|| unanswered(round));
    let Some(mark) = mark.filter(|mark| usize::from(mark.filters) > limit) else { return };
    let sentence = format!(
        "its SUBSCRIBE has {} filters and the server takes {limit} in one packet",
        mark.filters
    );
    let hit = Hit::new(sentence).at(mark.moment(), "SUBSCRIBE");
    hits.add(hit.end(round.end.as_ref(), "the connection ends without SUBACK"));
}

/// A last packet that was never answered, whoever ended the connection.
fn unanswered(round: &Round) -> Option<crate::track::Mark> {
    let mark = round.marks.last.filter(|mark| mark.kind == MarkKind::Subscribe)?;
    let silent = round.last_received().is_none_or(|heard| heard <= mark.at);
    (silent && !round.gaps).then_some(mark)
}

#[cfg(test)]
mod tests {
    use crate::Confidence;
    use crate::trace::Trace;

    fn lines(filters: u32, by: char) -> alloc::string::String {
        alloc::format!(
            "c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
             c1 0.1 > CONNECT id=pump
             c1 0.2 < CONNACK
             c1 0.3 > SUBSCRIBE topic=a filters={filters}
             c1 0.9 {by} fin"
        )
    }

    #[test]
    fn true_nine_filters() {
        let trace = Trace::at("aws-iot-core").lines(&lines(9, '<'));
        assert_eq!(trace.finds("LM04").confidence, Confidence::Shown);
        Trace::at("aws-iot-core").lines(&lines(9, '>')).finds("LM04");
    }

    #[test]
    fn alike_eight_filters() {
        Trace::at("aws-iot-core").lines(&lines(8, '<')).does_not_find("LM04");
    }

    #[test]
    fn alike_a_server_without_a_limit() {
        Trace::plain().lines(&lines(9, '<')).does_not_find("LM04");
    }
}
