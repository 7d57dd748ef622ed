//! TL02: port 443 without the protocol's name.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "TL02",
        slug: "alpn-missing",
        vantages: Vantages { show: &[Vantage::Plain, Vantage::Encrypted], support: &[] },
        sees: "On port 443 TLS comes up, then nothing answers until the client gives up.",
        why: "A server that serves HTTP and MQTT on port 443 tells them apart by ALPN in \
              ClientHello. Without `mqtt` or, at AWS, `x-amzn-mqtt-ca`, it waits for an HTTP \
              request, and CONNECT has no answer.",
        fix: "Set the ALPN protocol: `x-amzn-mqtt-ca` for certificates at AWS IoT Core, `mqtt` \
              for its custom authorizers and elsewhere. Or use port 8883.",
        raises: "The same client on port 8883, for comparison.",
        explains: &["RC01", "RC03", "RC08", "AU03", "NW09"],
        references: &["RFC 7301", "https://github.com/aws/aws-iot-device-sdk-python/issues/131"],
        ..Meta::EMPTY
    },
    on: &[On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(round)) = (view.connection, view.ended()) else { return };
    if connection.tcp.server.port != 443 || round.gaps || !round.ended_by(Side::Client) {
        return;
    }
    let (mut hello, mut first, mut answered) = (None, None, false);
    for event in connection.recent.iter() {
        match event.what {
            What::ClientHello { alpn, .. } => hello = Some((event, alpn)),
            What::Sealed { from: Side::Client, .. } | What::Packet { from: Side::Client, .. } => {
                first = first.or(Some(event));
            }
            What::Sealed { from: Side::Server, .. } | What::Packet { from: Side::Server, .. } => {
                answered |= first.is_some();
            }
            _ => {}
        }
    }
    let (Some((hello, alpn)), Some(first), Some(end)) = (hello, first, round.end) else { return };
    if alpn.mqtt || alpn.amazon || alpn.http || answered {
        return;
    }
    let sentence = format!(
        "on port 443 its ClientHello does not say that it speaks MQTT, and what it sent had no \
         answer for {:.0} s",
        end.at.since(first.at).as_secs_f64()
    );
    let hit = Hit::new(sentence).event(hello, "ClientHello without ALPN for MQTT");
    hits.add(hit.event(first, "CONNECT").end(&end, "the client gives up"));
}

#[cfg(test)]
mod tests {
    use crate::Confidence;
    use crate::trace::Trace;

    const SILENT: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:443
        c1 0.1 > hello sni=iot
        c1 0.2 < hello
        c1 0.3 > sealed bytes=60
        c1 30  > fin";

    #[test]
    fn true_no_answer_on_443() {
        Trace::encrypted().rounds(2, 40.0, SILENT).finds_at_least("TL02", Confidence::Inferred);
    }

    #[test]
    fn true_with_a_key_log() {
        let lines = SILENT.replace("sealed bytes=60", "CONNECT id=pump");
        Trace::plain().rounds(2, 40.0, &lines).finds_at_least("TL02", Confidence::Shown);
    }

    #[test]
    fn alike_the_protocol_is_named() {
        let lines = SILENT.replace("sni=iot", "sni=iot alpn=amazon");
        Trace::encrypted().rounds(2, 40.0, &lines).does_not_find("TL02");
    }

    #[test]
    fn alike_a_websocket_answers() {
        let lines = SILENT.replace("c1 30 ", "c1 0.4 < sealed bytes=120\nc1 30 ");
        Trace::encrypted().rounds(2, 40.0, &lines).does_not_find("TL02");
    }

    #[test]
    fn alike_another_port() {
        let lines = SILENT.replace(":443", ":8883");
        Trace::encrypted().rounds(2, 40.0, &lines).does_not_find("TL02");
    }
}
