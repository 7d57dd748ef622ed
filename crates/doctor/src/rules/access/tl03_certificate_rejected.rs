//! TL03: a certificate is not accepted.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "TL03",
        slug: "certificate-rejected",
        vantages: Vantages {
            show: &[
                Vantage::Plain,
                Vantage::Encrypted,
                Vantage::ClientLog,
                Vantage::BrokerLog,
                Vantage::ClientEvents,
            ],
            support: &[],
        },
        sees: "TLS fails: unknown authority, bad or expired certificate, certificate required.",
        why: "One side checked the other's certificate and ended the handshake with an alert that \
              says why. An alert from the client is about the server's certificate, one from the \
              server about the client's.",
        fix: "Unknown authority: give the side that complains the right CA file. Expired: renew. \
              Required: give the client its certificate and key. Bad or revoked: get another. \
              Another name: connect to a name that is in the certificate. No common version or \
              cipher: update the older side, or allow its version at the other one.",
        raises: "The alert itself: before TLS 1.3 it is in the clear, else a key log shows it.",
        explains: &["RC01", "RC03", "RC04", "RC06", "AU03", "NW09"],
        references: &["RFC 8446, section 6.2"],
        ..Meta::EMPTY
    },
    on: &[On::Tls, On::Words, On::End],
    check,
};

/// The name of an alert that is about a certificate.
pub(super) fn about_certificate(code: u8) -> Option<&'static str> {
    Some(match code {
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => return None,
    })
}

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    match event.what {
        What::Alert { from, code } => {
            let Some(name) = about_certificate(code) else {
                return refused(view, from, code, event, hits);
            };
            let whose = match from {
                Side::Client => "it does not accept the server's certificate",
                Side::Server => "the server does not accept its certificate",
            };
            let hit = Hit::new(format!("{whose}: {name}")).proven();
            hits.add(hit.event(event, "the alert"));
        }
        What::Words(Words::TlsFailed(code)) => {
            let sentence = match about_certificate(code) {
                Some(name) => format!("TLS fails: {name}"),
                None if code == 70 => "TLS fails: no version of it that both speak".into(),
                None => "TLS fails, says the log".into(),
            };
            let hit = Hit::new(sentence).event(event, "TLS fails");
            hits.add(if code == 0 { hit } else { hit.proven() });
        }
        What::Closing { by: Side::Server, .. } if view.is(Vantage::Encrypted) => {
            alert_by_size(view, hits);
        }
        _ => {}
    }
}

/// No version of TLS that both speak, or no cipher, or, up to TLS 1.2, whatever else
/// one of them does not like: often that the client has no certificate.
fn refused(view: &View<'_>, from: Side, code: u8, event: &crate::Event, hits: &mut Hits) {
    let who = if from == Side::Client { "it" } else { "the server" };
    let agreed = view.connection.is_some_and(|connection| connection.suite != 0);
    let (sentence, class) = match code {
        70 => (
            format!("{who} speaks no version of it that the other does: protocol_version"),
            "common",
        ),
        40 if agreed => (
            format!(
                "{who} refuses the handshake, mostly for the client's certificate, or for \
                      want of one: handshake_failure"
            ),
            "refused",
        ),
        40 => (format!("{who} finds no cipher or name for it: handshake_failure"), "common"),
        _ => return,
    };
    let hit = Hit::new(format!("TLS fails: {sentence}")).class(class).rounds(1);
    let hit = if code == 70 { hit.proven() } else { hit };
    hits.add(hit.event(event, "the alert"));
}

/// TLS 1.3 hides the alert: two bytes from the server right after the client's
/// last flight, then the end.
fn alert_by_size(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(round)) = (view.connection, view.ended()) else { return };
    let Some(end) = round.whole_end() else { return };
    let from_server = |event: &&crate::Event| event.sender() == Some(Side::Server);
    let mut last = connection.recent.iter().rev().filter(from_server);
    let alert = last
        .next()
        .filter(|event| matches!(event.what, What::Packet { packet: PacketSeen::PingResp, .. }));
    let spoke = last.any(|event| !matches!(event.what, What::ServerHello { .. }));
    let young = round.lifetime().is_some_and(|life| life < Duration::from_secs(5));
    if let (Some(alert), false, true, 0) = (alert, spoke, young, round.pings) {
        let hit = Hit::new("the server ended TLS right after its handshake, by an alert")
            .class("by size")
            .event(alert, "two bytes: an alert");
        hits.add(hit.end(&end, "the server ends the connection"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const REJECTED: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
        c1 0.1 > hello sni=broker
        c1 0.2 < hello
        c1 0.3 > alert code=48
        c1 0.4 > fin";

    #[test]
    fn true_an_alert_in_the_clear() {
        let finding = Trace::encrypted().lines(REJECTED).finds("TL03");
        assert_eq!(finding.confidence, Confidence::Proven);
        assert!(finding.sentence.contains("unknown_ca"));
    }

    #[test]
    fn true_an_alert_by_its_size() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.1 > hello sni=broker
            c1 0.2 < hello
            c1 0.3 > sealed bytes=900
            c1 0.4 < ~PINGRESP
            c1 0.4 < fin";
        Trace::encrypted().rounds(2, 5.0, lines).finds_at_least("TL03", Confidence::Inferred);
    }

    #[test]
    fn true_in_logs() {
        for vantage in [Vantage::ClientLog, Vantage::BrokerLog, Vantage::ClientEvents] {
            Trace::of(vantage)
                .lines("c1 0 open a b\nc1 1 words tls-failed 42")
                .finds_at_least("TL03", Confidence::Proven);
        }
    }

    #[test]
    fn alike_close_notify() {
        Trace::encrypted().lines(&REJECTED.replace("code=48", "code=0")).does_not_find("TL03");
    }

    #[test]
    fn alike_a_connection_that_worked() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.1 > hello sni=broker
            c1 0.2 < hello
            c1 0.3 > sealed bytes=60
            c1 0.4 < sealed bytes=4
            c1 0.5 < ~PINGRESP
            c1 0.5 < fin";
        Trace::encrypted().rounds(2, 5.0, lines).does_not_find("TL03");
    }

    #[test]
    fn true_no_version_in_common() {
        let lines = REJECTED.replace("> alert code=48", "< alert code=70");
        let finding = Trace::encrypted().lines(&lines).finds("TL03");
        assert!(finding.sentence.contains("the server speaks no version"), "{}", finding.sentence);
    }

    /// Up to TLS 1.2 OpenSSL says so of a certificate that is missing.
    #[test]
    fn true_a_handshake_that_fails_before_and_after_its_cipher() {
        let failed = REJECTED.replace("> alert code=48", "< alert code=40");
        for (lines, class, says) in [
            (failed.replace("c1 0.2 < hello\n", ""), "common", "finds no cipher"),
            (failed.replace("< hello", "< hello suite=49199"), "refused", "refuses the handshake"),
        ] {
            let finding = Trace::encrypted().lines(&lines).finds("TL03");
            assert_eq!((finding.class, finding.confidence), (class, Confidence::Inferred));
            assert!(finding.sentence.contains(says), "{}", finding.sentence);
        }
    }
}
