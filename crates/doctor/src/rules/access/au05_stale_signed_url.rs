//! AU05: a signed WebSocket URL is used after its time.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "AU05",
        slug: "stale-signed-url",
        vantages: Vantages { show: &[Vantage::Plain, Vantage::ClientLog], support: &[] },
        sees: "The first connection works; every one after some minutes fails with 403.",
        why: "The URL of the WebSocket is signed, and the signature holds for minutes. The client \
              uses the URL of its first attempt again.",
        fix: "Sign a new URL for each attempt: give the client a function that makes the URL.",
        raises: "A capture of the upgrade without TLS, or a log with its date.",
        explains: &["RC01", "RC04", "RC06", "TL05"],
        references: &["https://github.com/eclipse-paho/paho.golang/pull/724"],
        ..Meta::EMPTY
    },
    on: &[On::WebSocket, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    match event.what {
        What::UpgradeAnswer { status: status @ (401 | 403), .. } => {
            let Some(connection) = view.connection else { return };
            let upgrade = connection.recent.iter().rev().find_map(|event| match event.what {
                What::Upgrade { expires, .. } => Some((event, expires?)),
                _ => None,
            });
            let ended = upgrade.filter(|(_, expires)| *expires < event.at);
            let Some((upgrade, expires)) = ended else { return };
            let sentence = format!(
                "the server refuses its WebSocket with {status}: the signed URL ended {} s before",
                event.at.since(expires).as_secs()
            );
            let hit = Hit::new(sentence).rounds(1).event(upgrade, "the signed URL");
            hits.add(hit.event(event, "the refusal"));
        }
        What::Words(Words::WebSocket(status @ 403)) => {
            let sentence = format!("the server refuses its WebSocket with {status}");
            hits.add(Hit::new(sentence).class("log").event(event, "the refusal"));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    fn lines(expires: u32, status: u16) -> alloc::string::String {
        alloc::format!(
            "c1 400 open 10.0.0.1:5000 10.0.0.9:443
             c1 400.1 upgrade signed=20260101T000000Z expires={expires}
             c1 400.2 upgraded status={status}"
        )
    }

    #[test]
    fn true_after_its_time() {
        let finding = Trace::plain().lines(&lines(300, 403)).finds("AU05");
        assert_eq!(finding.confidence, Confidence::Shown);
        assert!(finding.sentence.contains("100 s before"), "{}", finding.sentence);
    }

    #[test]
    fn true_in_a_client_log() {
        let lines = "c1 0 open a b\nc1 1 words websocket 403";
        let trace = Trace::of(Vantage::ClientLog).rounds(2, 10.0, lines);
        trace.finds_at_least("AU05", Confidence::Shown);
    }

    #[test]
    fn alike_refused_within_its_time() {
        Trace::plain().lines(&lines(500, 403)).does_not_find("AU05");
    }

    #[test]
    fn alike_another_status() {
        Trace::plain().lines(&lines(300, 404)).does_not_find("AU05");
    }
}
