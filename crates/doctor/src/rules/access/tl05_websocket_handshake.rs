//! TL05: the WebSocket does not come up, or carries no MQTT.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "TL05",
        slug: "websocket-handshake",
        vantages: Vantages { show: &[Vantage::Plain, Vantage::ClientLog], support: &[] },
        rounds: 1,
        sees: "The WebSocket fails, or opens and nothing follows.",
        why: "MQTT over WebSocket needs the right path, the subprotocol `mqtt` in request and \
              answer, and binary frames.",
        fix: "Check path (often `/mqtt`) and port, ask for the subprotocol `mqtt`, and send \
              binary frames.",
        raises: "A capture without TLS, or the server's access log.",
        explains: &["RC01", "RC03", "RC04", "NW09"],
        references: &[
            "MQTT-6.0.0-1",
            "MQTT-6.0.0-3",
            "https://github.com/moquette-io/moquette/issues/90",
        ],
        ..Meta::EMPTY
    },
    on: &[On::WebSocket, On::Words, On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    match event.what {
        What::UpgradeAnswer { status, .. } if !matches!(status, 101 | 401 | 403) => {
            let sentence = format!("the server refuses its WebSocket with {status}");
            hits.add(Hit::new(sentence).class("refused").proven().event(event, "the answer"));
        }
        What::UpgradeAnswer { status: 101, mqtt: false } => {
            let asked = view.connection.and_then(|connection| {
                connection.recent.iter().rev().find_map(|event| match event.what {
                    What::Upgrade { mqtt, .. } => Some(mqtt),
                    _ => None,
                })
            });
            if asked == Some(false) {
                let sentence = "its WebSocket does not ask for the subprotocol mqtt";
                let hit = Hit::new(sentence).class("subprotocol").severity(Severity::Warn);
                hits.add(hit.event(event, "no subprotocol"));
            }
        }
        What::TextFrame { from } => {
            let who = if from == Side::Client { "it sends" } else { "the server sends" };
            let sentence = format!("{who} text frames, which MQTT forbids");
            hits.add(Hit::new(sentence).class("text").proven().event(event, "a text frame"));
        }
        What::Words(Words::WebSocket(status)) if !matches!(status, 101 | 401 | 403) => {
            let sentence = format!("the server refuses its WebSocket with {status}");
            hits.add(Hit::new(sentence).class("refused").event(event, "the answer"));
        }
        What::Closing { .. } => {
            unanswered(view, hits);
            silent(view, hits);
        }
        _ => {}
    }
}

/// The request of a WebSocket, and the server ends the connection without a byte.
fn unanswered(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(round)) = (view.connection, view.ended()) else { return };
    let request = |event: &&crate::Event| matches!(event.what, What::Upgrade { .. });
    let Some(request) = connection.recent.iter().find(request) else { return };
    if view.closed_by() == Some(Side::Server) && round.last_received().is_none() && !round.gaps {
        let sentence = "its WebSocket is answered by an end: this port is not for WebSockets";
        let hit = Hit::new(sentence).class("unanswered").rounds(2).event(request, "the request");
        hits.add(hit.end(round.end.as_ref(), "the server ends the connection"));
    }
}

/// 101, then nothing from the server, although the client has spoken.
fn silent(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(round)) = (view.connection, view.ended()) else { return };
    let answer = connection
        .recent
        .iter()
        .find(|event| matches!(event.what, What::UpgradeAnswer { status: 101, .. }));
    let (Some(answer), Some(end)) = (answer, round.end) else { return };
    let spoke = round.last_sent() > Some(answer.at);
    if spoke && round.last_received() == Some(answer.at) && !round.gaps && !round.goodbye() {
        let hit = Hit::new("its WebSocket opens, but nothing answers its CONNECT");
        let hit = hit.class("silent").rounds(2).event(answer, "101");
        hits.add(hit.end(&end, "the end, without a byte from the server"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const OPENS: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:80
        c1 0.1 upgrade
        c1 0.2 upgraded
        c1 0.3 > CONNECT id=pump";

    #[test]
    fn true_a_wrong_path() {
        let lines = OPENS.replace("upgraded", "upgraded status=404");
        Trace::plain().lines(&lines).finds_at_least("TL05", Confidence::Proven);
    }

    #[test]
    fn true_text_frames() {
        let lines = alloc::format!("{OPENS}\nc1 0.4 > text-frame");
        Trace::plain().lines(&lines).finds_at_least("TL05", Confidence::Proven);
    }

    #[test]
    fn true_silence_behind_101() {
        let lines = alloc::format!("{OPENS}\nc1 30 > fin");
        let finding = Trace::plain().rounds(2, 40.0, &lines).finds("TL05");
        assert_eq!(finding.class, "silent");
    }

    #[test]
    fn true_in_a_client_log() {
        Trace::of(Vantage::ClientLog)
            .lines("c1 0 open a b\nc1 1 words websocket 404")
            .finds_at_least("TL05", Confidence::Shown);
    }

    #[test]
    fn alike_a_websocket_that_works() {
        let lines = alloc::format!("{OPENS}\nc1 0.4 < CONNACK\nc1 30 > fin");
        Trace::plain().rounds(2, 40.0, &lines).does_not_find("TL05");
    }

    #[test]
    fn alike_a_signature_that_is_refused() {
        let lines = OPENS.replace("upgraded", "upgraded status=403");
        Trace::plain().lines(&lines).does_not_find("TL05");
    }

    #[test]
    fn true_a_port_that_ends_it_without_a_word() {
        let lines = "c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883\nc1 0.1 upgrade\nc1 0.2 < fin";
        let finding = Trace::plain().rounds(2, 5.0, lines).finds("TL05");
        assert_eq!(finding.class, "unanswered");
        Trace::plain().lines(lines).does_not_find("TL05");
    }
}
