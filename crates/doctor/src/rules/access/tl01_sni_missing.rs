//! TL01: the ClientHello names no server.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "TL01",
        slug: "sni-missing",
        vantages: Vantages { show: &[Vantage::Plain, Vantage::Encrypted], support: &[] },
        sees: "TLS fails or the connection ends at once, with a certificate that is right.",
        why: "Servers that share an address choose the certificate and the account by the name \
              in ClientHello (SNI). This client sends none, or an IP address, and the server ends \
              the connection before MQTT begins. AWS IoT Core demands the name.",
        fix: "Connect by the endpoint's host name, and switch the TLS library's server name on.",
        raises: "A second capture with a client that works.",
        explains: &["TL03", "RC01", "RC04", "AU03", "NW09"],
        references: &["RFC 6066, section 3"],
        ..Meta::EMPTY
    },
    on: &[On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(round)) = (view.connection, view.ended()) else { return };
    let hello = connection.recent.iter().find_map(|event| match event.what {
        What::ClientHello { sni, sni_is_address, .. } => Some((event, sni, sni_is_address)),
        _ => None,
    });
    let Some((hello, sni, is_address)) = hello else { return };
    let sealed = connection.recent.iter().any(|event| {
        matches!(event.what, What::Sealed { from: Side::Client, .. } | What::Packet { .. })
    });
    let Some(end) = round.whole_end() else { return };
    let by_server = end.by == Some(Side::Server)
        || connection
            .recent
            .iter()
            .any(|event| matches!(event.what, What::Alert { from: Side::Server, .. }));
    // The client complains, or the server does of something else.
    let other = connection.recent.iter().any(|event| match event.what {
        What::Alert { from, code } => from == Side::Client || !matches!(code, 40 | 80 | 112),
        _ => false,
    });
    let plain = round.server.port == 1883 && round.last_received().is_none();
    if (sni.is_none() || is_address) && !sealed && by_server && !other && !plain {
        let sentence = if is_address {
            format!("its ClientHello names an IP address ({}) as the server", view.text(sni))
        } else {
            "its ClientHello names no server, and the server ends the connection".into()
        };
        let hit = Hit::new(sentence).event(hello, "ClientHello without a server name");
        hits.add(hit.end(&end, "the end, before MQTT began"));
    }
}

#[cfg(test)]
mod tests {
    use crate::Confidence;
    use crate::trace::Trace;

    const NAMELESS: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
        c1 0.1 > hello
        c1 0.2 < alert code=112
        c1 0.3 < fin";

    #[test]
    fn true_no_name() {
        Trace::encrypted().rounds(2, 5.0, NAMELESS).finds_at_least("TL01", Confidence::Inferred);
    }

    #[test]
    fn true_an_address() {
        let lines = NAMELESS.replace("hello", "hello sni=10.0.0.9 sni-is-address");
        Trace::plain().rounds(2, 5.0, &lines).finds_at_least("TL01", Confidence::Shown);
    }

    #[test]
    fn alike_a_server_that_needs_no_name() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.1 > hello
            c1 0.2 < hello
            c1 0.3 > sealed
            c1 0.4 < sealed
            c1 9.0 < fin";
        Trace::encrypted().rounds(2, 20.0, lines).does_not_find("TL01");
    }

    #[test]
    fn alike_named_and_refused() {
        let lines = NAMELESS.replace("hello", "hello sni=broker");
        Trace::encrypted().rounds(2, 5.0, &lines).does_not_find("TL01");
    }

    #[test]
    fn alike_a_client_that_complains_of_the_certificate() {
        let lines = NAMELESS.replace("< alert code=112", "> alert code=48");
        Trace::encrypted().rounds(2, 5.0, &lines).does_not_find("TL01");
    }

    #[test]
    fn alike_a_server_that_says_something_else() {
        let lines = NAMELESS.replace("code=112", "code=70");
        Trace::encrypted().rounds(2, 5.0, &lines).does_not_find("TL01");
    }
}
